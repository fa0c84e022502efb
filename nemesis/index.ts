import { kill } from './kill.ts'
import type { Nemesis } from './nemesis.ts'
import { partition } from './partition.ts'

/** Every family of faults, by name. */
export const nemeses: Readonly<Record<string, Nemesis>> = { [partition.name]: partition, [kill.name]: kill }
