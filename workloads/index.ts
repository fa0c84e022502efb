import { append } from './append.ts'
import { lock } from './lock.ts'
import { membership } from './membership.ts'
import { register } from './register.ts'
import { registration } from './registration.ts'
import { set } from './set.ts'
import { watch } from './watch.ts'
import type { Workload } from './workload.ts'

const all: readonly Workload[] = [register, append, set, lock, watch, registration, membership]

/** Every workload, by name. */
export const workloads: Readonly<Record<string, Workload>> = Object.fromEntries(all.map((workload) => [workload.name, workload]))
