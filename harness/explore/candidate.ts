import fc from 'fast-check'
import type { ScriptedFault } from '../../nemesis/script.ts'
import type { PlanOptions } from '../plan/options.ts'

/** A run that may show the same as the one that is reduced, in what can be made smaller. */
export interface Candidate {
  readonly faults: readonly ScriptedFault[]
  readonly members: number
  readonly timeLimitS: number
  readonly rate: number
  readonly keys: number
  readonly concurrency: number
}

export const membersMinOfScript = (faults: readonly ScriptedFault[]): number =>
  Math.max(3, ...(JSON.stringify(faults).match(/\bn\d+\b/g) ?? []).map((name) => Number(name.slice(1))))

/** What is not a candidate's to say, with what is. */
export function optionsOfCandidate(base: PlanOptions, candidate: Candidate, seed: number): PlanOptions {
  const { members, timeLimitS, rate, keys, concurrency, faults } = candidate
  const { targets: _targets, traffic: _traffic, firewall: _firewall, ...rest } = base
  return { ...rest, nemesis: ['none'], faults: JSON.stringify({ faults }), members, timeLimit: timeLimitS, rate, keys, concurrency, seed }
}

/**
 * How a candidate is written down for fast-check, which shrinks each number
 * towards its least and a list towards fewer.
 */
interface Draft {
  /** Indexes of faults that stay. */
  readonly kept: readonly number[]
  /** Tenths of a second before the first fault. */
  readonly leadDs: number
  /** Tenths of a second of each fault, of the kept ones and of the others; `forever` for one that only the last phase mends. */
  readonly lengthsDs: readonly number[]
  /** Tenths of a second after the last fault's end, or begin. */
  readonly restDs: number
  readonly members: number
  readonly rate: number
  readonly keys: number
  readonly concurrency: number
}

const forever = 0

/** Candidates that are smaller in any way, the given one as the first example. */
export function smaller(candidate: Candidate): { readonly arbitrary: fc.Arbitrary<Candidate>, readonly example: Candidate } {
  const { faults } = candidate
  const drafts = fc.record<Draft>({
    kept: fc.subarray(faults.map((_, at) => at)),
    members: fc.integer({ min: Math.min(3, candidate.members), max: candidate.members }),
    leadDs: fc.integer({ min: 5, max: Math.max(5, tenths(firstAt(faults))) }),
    restDs: fc.integer({ min: 10, max: Math.max(10, restOf(candidate)) }),
    lengthsDs: fc.tuple(...faults.map((fault) => fault.for === undefined ? fc.constant(forever) : fc.integer({ min: 1, max: Math.max(1, tenths(fault.for)) }))),
    rate: fc.integer({ min: Math.min(20, candidate.rate), max: Math.ceil(candidate.rate) }),
    keys: fc.integer({ min: 1, max: candidate.keys }),
    concurrency: fc.integer({ min: Math.min(2, candidate.concurrency), max: candidate.concurrency }),
  })
  const toDraft = (): Draft => ({
    kept: faults.map((_, at) => at),
    members: candidate.members,
    leadDs: Math.max(5, tenths(firstAt(faults))),
    restDs: Math.max(10, restOf(candidate)),
    lengthsDs: faults.map((fault) => fault.for === undefined ? forever : Math.max(1, tenths(fault.for))),
    rate: Math.ceil(candidate.rate), keys: candidate.keys, concurrency: candidate.concurrency,
  })
  const arbitrary = drafts.map((draft) => fromDraft(faults, draft), (value) => {
    if (value !== example) throw new Error('only the example is shrunk')
    return toDraft()
  })
  const example = fromDraft(faults, toDraft())
  return { arbitrary, example }
}

function fromDraft(faults: readonly ScriptedFault[], { kept, leadDs, restDs, lengthsDs, members, rate, keys, concurrency }: Draft): Candidate {
  const stay = kept.map((at) => ({ ...faults[at]!, ...lengthsDs[at] === forever ? {} : { for: lengthsDs[at]! / 10 } }))
  // The others move with the first, so that what matters between them stays.
  const earlier = stay.length === 0 ? 0 : firstAt(stay) - leadDs / 10
  const moved = stay.map((fault) => ({ ...fault, at: round(Math.max(0, fault.at - earlier)) }))
  return { faults: moved, members, timeLimitS: round(lastEnd(moved) + restDs / 10), rate, keys, concurrency }
}

const firstAt = (faults: readonly ScriptedFault[]) => faults.length === 0 ? 0 : Math.min(...faults.map(({ at }) => at))
const lastEnd = (faults: readonly ScriptedFault[]) => Math.max(0, ...faults.map((fault) => fault.at + (fault.for ?? 0)))
const restOf = ({ faults, timeLimitS }: Candidate) => tenths(Math.max(0, timeLimitS - lastEnd(faults)))
const tenths = (seconds: number) => Math.ceil(seconds * 10)
const round = (seconds: number) => Math.round(seconds * 1000) / 1000

/** For a person: `2 faults, 3 members, 4.5 s, 40 operations/s on 1 key by 2 workers`. */
export function describeCandidate({ faults, members, timeLimitS, rate, keys, concurrency }: Candidate): string {
  return `${faults.length} ${faults.length === 1 ? 'fault' : 'faults'}, ${members} members, ${timeLimitS} s, ${rate} operations/s on ${keys} ${keys === 1 ? 'key' : 'keys'} by ${concurrency} workers`
}
