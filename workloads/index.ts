import { append } from './append.ts'
import { lock } from './lock.ts'
import { register } from './register.ts'
import { set } from './set.ts'
import { watch } from './watch.ts'
import type { Workload } from './workload.ts'

/** Every workload, by name. */
export const workloads: Readonly<Record<string, Workload>> = Object.fromEntries([register, append, set, lock, watch].map((workload) => [workload.name, workload]))
