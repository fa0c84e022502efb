/**
 * The other half of a valid verdict: every planted bug is caught by the run
 * that its entry names, as a user would start it. A bug that nobody sees any
 * more is a checker, a fault or a workload that has gone blind.
 */
import { caughtIn, walkedBugs } from './catch-planted-bug.ts'

for (const { name, runs } of walkedBugs) caughtIn('simulated', name, runs.simulated)
