import type { BenchRecord } from '../bench/bench-record.ts'
import type { MembersRecord } from './members-record.ts'
import { disturbing, sourceCircumstance, type Subject } from './subject.ts'

/** A benchmark's record, or that of a comparison of member counts. */
export function measuredSubject(label: string, place: string, record: BenchRecord | MembersRecord): Subject {
  const { env, system, startedAt, versions, machine, git } = record
  const what = 'bench' in record ? { kind: 'benchmark' as const, name: `bench ${record.bench}` } : { kind: 'comparison of member counts' as const, name: `${record.memberCounts.join(', ')} members` }
  return {
    label, place, startedAt,
    kind: what.kind,
    about: `${what.name} of ${system}, ${env}, on ${machine.cores} × ${machine.cpu}`,
    circumstances: [
      ...disturbing({
        ...'bench' in record ? { benchmark: record.bench } : {},
        environment: env, system,
        cpu: machine.cpu, cores: machine.cores, 'memory (MiB)': machine.memoryMiB, kernel: machine.kernel,
        ...versions,
      }),
      sourceCircumstance(git),
    ],
    measurements: record.measurements,
    verdicts: [],
    notes: record.notes,
  }
}
