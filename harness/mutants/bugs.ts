import type { Mutant } from './mutant.ts'

/** The bugs that can be planted by name. */
export const plantedBugs: readonly Mutant[] = []
