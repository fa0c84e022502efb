import type { BenchRecord, Measurement } from '../bench/bench-record.ts'
import type { NightRecord, NightRun } from '../nights/night-record.ts'
import type { Subject } from './subject.ts'
import { measuredSubject } from './measured-subject.ts'

/** Records made by hand, for tests. */
export function measurement(metric: string, samples: readonly number[], more: Partial<Measurement> = {}): Measurement {
  return { case: { members: 3 }, metric, unit: 'ms', better: 'lower', samples: [...samples], ...more }
}

export function benchRecord(measurements: readonly Measurement[], more: Partial<BenchRecord> = {}): BenchRecord {
  return {
    bench: 'writes', env: 'local', system: 'registry', startedAt: '2026-01-02T03:04:05.000Z', tookS: 60, rerun: 'npx splitbrain bench writes',
    versions: { splitbrain: '0.1.0', node: '26.10.0' }, git: { commit: 'abcdef0123', dirty: false },
    machine: { cpu: 'One 3000', cores: 4, memoryMiB: 8192, kernel: '6.1', load: [0.1, 0.1, 0.1] },
    measurements: [...measurements], notes: [], ...more,
  }
}

/** Benchmarks as A, B, … */
export function benchSubjects(...records: readonly BenchRecord[]): Subject[] {
  return records.map((record, at) => measuredSubject(String.fromCharCode(65 + at), `/${at}/bench.json`, record))
}

export function nightRun(seed: number, more: Partial<NightRun> = {}): NightRun {
  return {
    workload: 'register', nemesis: ['partition'], members: 3, system: 'registry', env: 'simulated', seed, timeLimitS: 60,
    outcome: 'valid', why: null, findings: [], directory: null, rerun: null, tookS: 5,
    throughputPerS: 100 + seed, answered: 0.9, withoutLeaderMs: 1000, electionMs: [100 + seed], ...more,
  }
}

export function nightRecord(runs: readonly NightRun[], more: Partial<NightRecord> = {}): NightRecord {
  return {
    startedAt: '2026-01-02T03:04:05.000Z', tookS: 600, budgetS: 900, jobs: 2, versions: { splitbrain: '0.1.0', node: '26.10.0' },
    git: { commit: 'abcdef0123', dirty: false }, runs: [...runs], ...more,
  }
}
