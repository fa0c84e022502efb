import type { TraceEvent } from '../../node/base/trace.ts'

/** What was seen from outside while a leader was taken from its cluster; times in ns of the environment's clock. */
export interface ElectionSeen {
  /** When the fault was asked for, and when it was proven. */
  readonly calledNs: number
  readonly provenNs: number
  /** Acknowledgements of a sequential writer at the leader that is taken. */
  readonly leaderAckedNs: readonly number[]
  /** How others named the leader, in order of time: as an address, the taken one's own where it is still that; null where they knew none. */
  readonly namings: readonly { readonly member: string, readonly leader: string | null, readonly atNs: number }[]
  readonly oldLeader: string
  /** The members besides the one that was taken. */
  readonly others: number
  /** Acknowledged writes at the others. */
  readonly acks: readonly { readonly begunNs: number, readonly ackedNs: number }[]
}

/** In ms from the moment when the fault took effect; null: not seen. */
export interface ElectionTimes {
  readonly effectNs: number
  /** A majority of the others name the same new one. */
  readonly newLeaderMs: number | null
  /** Of a write that was begun after that moment. */
  readonly firstAckMs: number | null
}

/**
 * The fault takes effect somewhere between its call and its proof. The last
 * write that the old leader acknowledged in between tells when, to within one
 * write; without any it is the call.
 */
export function electionTimes({ calledNs, provenNs, leaderAckedNs, namings, oldLeader, others, acks }: ElectionSeen): ElectionTimes {
  const effectNs = Math.max(calledNs, ...leaderAckedNs.filter((atNs) => atNs <= provenNs))
  const sinceEffectMs = (atNs: number) => (atNs - effectNs) / 1e6
  const majority = Math.floor(others / 2) + 1
  const named = new Map<string, string | null>()
  let newLeaderMs: number | null = null
  for (const { member, leader, atNs } of namings) {
    named.set(member, leader)
    if (atNs < effectNs || leader === null || leader === oldLeader) continue
    if ([...named.values()].filter((one) => one === leader).length < majority) continue
    newLeaderMs = sinceEffectMs(atNs)
    break
  }
  const acked = acks.filter(({ begunNs }) => begunNs >= effectNs).map(({ ackedNs }) => ackedNs)
  return { effectNs, newLeaderMs, firstAckMs: acked.length === 0 ? null : sinceEffectMs(Math.min(...acked)) }
}

/** Of one event, on the members' own wall clocks. */
export interface TracedElection {
  /** From the effect until the first other member stands for election, pre-votes included; null where no trace shows it. */
  readonly standsMs: number | null
  /** From the effect until another member leads. */
  readonly leadsMs: number | null
}

type Transition = Extract<TraceEvent, { event: 'transition' }>

/**
 * Exact times, where members tell of their Raft state. `transitions`: of all
 * members. `effectWallMs`, `untilWallMs`: of the fault, on the same clock.
 */
export function tracedElection(transitions: readonly Transition[], taken: string, effectWallMs: number, untilWallMs: number): TracedElection {
  const its = transitions.filter(({ member, timeMs }) => member !== taken && timeMs >= effectWallMs && timeMs <= untilWallMs)
  const first = (...roles: readonly Transition['role'][]) => {
    const times = its.filter(({ role }) => roles.includes(role)).map(({ timeMs }) => timeMs)
    return times.length === 0 ? null : Math.min(...times) - effectWallMs
  }
  return { standsMs: first('pre-candidate', 'candidate'), leadsMs: first('leader') }
}

/** Those of a trace file, as members write it; a line that a kill cut short is left out. */
export function transitionsIn(trace: string): Transition[] {
  return trace.split('\n').filter((line) => line.includes('"event":"transition"')).flatMap((line) => {
    try {
      return [JSON.parse(line) as Transition]
    } catch {
      return []
    }
  })
}
