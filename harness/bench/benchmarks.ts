import type { Benchmark } from './benchmark.ts'
import { detection } from './detection.ts'
import { election } from './election.ts'
import { reads } from './reads.ts'
import { recovery } from './recovery.ts'
import { writes } from './writes.ts'

/** What `splitbrain bench` can measure. Loaded for every command line: what a benchmark needs to measure it imports when it does. */
export const benchmarks: readonly Benchmark[] = [writes, reads, election, detection, recovery]
