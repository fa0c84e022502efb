import { membership } from './membership.ts'
import { registration } from './registration.ts'
import { register } from './register.ts'
import type { Workload } from './workload.ts'

const all: readonly Workload[] = [register, registration, membership]

/** Every workload, by name. */
export const workloads: Readonly<Record<string, Workload>> = Object.fromEntries(all.map((workload) => [workload.name, workload]))
