import { append } from './append.ts'
import { register } from './register.ts'
import { set } from './set.ts'
import type { Workload } from './workload.ts'

/** Every workload, by name. */
export const workloads: Readonly<Record<string, Workload>> = Object.fromEntries([register, append, set].map((workload) => [workload.name, workload]))
