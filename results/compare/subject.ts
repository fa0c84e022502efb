import type { Measurement } from '../bench/bench-record.ts'

/** One of the things that are put side by side, whatever it was read from. */
export interface Subject {
  /** `A`, `B`, …: how tables and sentences call it. */
  readonly label: string
  /** What was read. */
  readonly place: string
  readonly kind: SubjectKind
  readonly startedAt: string
  /** In a line: `register on 3 members of registry, docker, partition, seed 7`. */
  readonly about: string
  readonly circumstances: readonly Circumstance[]
  readonly measurements: readonly Measurement[]
  readonly verdicts: readonly SubjectVerdict[]
  /** What a reader must know of it alone. */
  readonly notes: readonly string[]
}

export type SubjectKind = 'run' | 'benchmark' | 'night' | 'comparison of member counts'

/** Something besides the measurements that may be different. */
export interface Circumstance {
  readonly name: string
  readonly value: string
  /**
   * `disturbing`: where it differs, numbers may differ by it alone (the machine, versions, the environment).
   * `plan`: what was asked for. `source`: the commit, which is often what one wants to compare.
   */
  readonly weight: 'disturbing' | 'plan' | 'source'
}

/** Of a run, or of a night's runs that only differ in their seeds. */
export interface SubjectVerdict {
  readonly of: string
  /** How many came to each. */
  readonly counts: Readonly<Record<string, number>>
  /** Of what is not valid: checker and summary. */
  readonly findings: readonly string[]
}

/** `commit abc1234 (changed)`. */
export function sourceCircumstance(git: { readonly commit: string, readonly dirty: boolean } | null): Circumstance {
  return { name: 'commit', value: git === null ? 'none' : `${git.commit.slice(0, 7)}${git.dirty ? ' (changed)' : ''}`, weight: 'source' }
}

export function disturbing(values: Readonly<Record<string, string | number>>): Circumstance[] {
  return Object.entries(values).map(([name, value]) => ({ name, value: String(value), weight: 'disturbing' }))
}
