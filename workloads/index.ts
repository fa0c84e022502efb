import { lock } from './lock.ts'
import { register } from './register.ts'
import { watch } from './watch.ts'
import type { Workload } from './workload.ts'

/** Every workload, by name. */
export const workloads: Readonly<Record<string, Workload>> = { [register.name]: register, [lock.name]: lock, [watch.name]: watch }
