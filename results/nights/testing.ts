import type { NightRecord, NightRun } from './night-record.ts'

/** A run for tests. */
export function aRun(said: Partial<NightRun>): NightRun {
  return {
    workload: 'register', nemesis: ['partition'], members: 3, system: 'registry', env: 'simulated', seed: 1, timeLimitS: 30, outcome: 'valid', why: null, findings: [],
    directory: 'nights/x/register/r0', rerun: `npx splitbrain test --env simulated --seed ${said.seed ?? 1}`, tookS: 2.5, throughputPerS: 180, answered: 0.97, withoutLeaderMs: 400, electionMs: [200, 300],
    ...said,
  }
}

/** A night for tests. */
export function aNight(said: Partial<NightRecord>): NightRecord {
  return { startedAt: '2026-11-21T02:00:00.000Z', tookS: 61, budgetS: 600, jobs: 2, versions: { splitbrain: '0.1.0' }, git: { commit: 'abcdef0123', dirty: false }, runs: [aRun({})], ...said }
}
