import type { TraceEvent, TraceStart } from '../../node/base/trace.ts'
import { checkLogs } from './raft-logs.ts'
import type { CheckResult, Evidence } from './verdict.ts'

/** One member's trace, in the order in which it was written. */
export interface MemberTrace {
  readonly member: string
  readonly events: readonly TraceEvent[]
  /** What the member said when it crashed by a broken invariant, if it did. */
  readonly crash: string | null
}

interface Applied {
  readonly member: string
  readonly term: number
  readonly checksum: number
}

const evidenceMax = 8

/**
 * What Raft promises, from what its members did (thesis figure 3.2 and §3.8):
 * - Election Safety: a term has at most one leader.
 * - A member votes once in a term, also over a restart (§3.8: the vote is
 *   persisted before it is given).
 * - State Machine Safety: no two members apply different entries at an index;
 *   a member that starts again applies the same ones again.
 * - A leader counts a quorum only for an entry of its own term (§3.6.2, figure
 *   3.7): one of an earlier term that a quorum has can still be replaced.
 * - Entries are applied in order, without gaps, from the first index of each start.
 * - A member that starts again (under its id: with its disk it loses that too) in the term of its vote knows whom it voted for.
 * - The term of a member that starts again is not below that of a vote it gave
 *   before; terms do not go back while it runs.
 * - No member ended because it found an invariant broken.
 * - What raft-logs.ts says of logs and of who is elected.
 *
 * A transition to a term may lie before it is on disk, so a restart may fall
 * behind a transition, never behind a vote.
 */
export function checkRaftTraces(traces: readonly MemberTrace[]): CheckResult {
  const evidence: Evidence[] = []
  const reported = new Set<string>()
  const report = (title: string, ...explanation: string[]) => {
    // What differs between two members differs at each further one too: once is enough.
    if (reported.has(title)) return
    reported.add(title)
    if (evidence.length < evidenceMax) evidence.push({ title, explanation, key: null, eventIndexes: [] })
  }
  const checkVoteKept = ({ member, term, votedFor, timeMs }: TraceStart, given: string | undefined) => {
    if (given === undefined || given === votedFor) return
    report(`${member} forgot its vote in term ${term}`,
      `${member} voted for ${given} in term ${term}, and started again at ${timeMs} ms ${votedFor === null ? 'without a vote' : `with a vote for ${votedFor}`}: it can vote twice (thesis §3.8).`)
  }
  const leaders = new Map<number, { readonly id: string, readonly member: string }>()
  const applied = new Map<number, Applied>()
  let events = 0
  let electionTimeoutMs: number | null = null
  let appliedTotal = 0
  for (const { member, events: trace, crash } of traces) {
    if (crash !== null) report(`${member} crashed by a broken invariant`, crash)
    const votes = new Map<number, { readonly votedFor: string, readonly timeMs: number }>()
    let votedTermMax = 0
    let term = 0
    let id: string | null = null
    let nextIndex: number | null = null
    for (const event of trace) {
      events++
      const when = () => `at ${event.timeMs} ms`
      switch (event.event) {
        case 'start':
          // Its disk is gone, and with it what it was: another server under the same name.
          if (id !== null && event.id !== id) {
            votes.clear()
            votedTermMax = 0
          }
          id = event.id
          if (event.electionTimeoutMs !== undefined) electionTimeoutMs = Math.max(electionTimeoutMs ?? 0, event.electionTimeoutMs)
          if (event.term < votedTermMax) report(`${member} forgot a term`, `${member} voted in term ${votedTermMax} and started again in term ${event.term} ${when()}.`)
          checkVoteKept(event, votes.get(event.term)?.votedFor)
          term = event.term
          nextIndex = null
          break
        case 'transition': {
          if (event.term < term) report(`${member}'s term went back`, `${member} was in term ${term} and is ${event.role} in term ${event.term} ${when()}.`)
          term = event.term
          if (event.role !== 'leader') break
          const other = leaders.get(event.term)
          if (other !== undefined && other.id !== event.id) {
            report(`term ${event.term} has two leaders`, `${other.member} and ${member} both became leader in term ${event.term} (Election Safety, thesis figure 3.2).`)
          }
          leaders.set(event.term, { id: event.id, member })
          break
        }
        case 'vote': {
          const before = votes.get(event.term)
          if (before !== undefined && before.votedFor !== event.votedFor) {
            report(`${member} voted twice in term ${event.term}`,
              `${member} voted for ${before.votedFor} at ${before.timeMs} ms and for ${event.votedFor} ${when()}, both in term ${event.term} (thesis §3.4).`)
          }
          votes.set(event.term, event)
          votedTermMax = Math.max(votedTermMax, event.term)
          break
        }
        case 'leader-commit':
          if (event.entryTerm !== event.term) {
            report(`${member} committed an entry of an older term by counting`,
              `${member}, leader of term ${event.term}, called entry ${event.index} committed ${when()} because a quorum had it, though it is of term ${event.entryTerm} (thesis §3.6.2).`)
          }
          break
        case 'append':
          break
        case 'restore':
          nextIndex = event.index + 1
          break
        case 'apply': {
          appliedTotal++
          if (nextIndex !== null && event.index !== nextIndex) {
            report(`${member} applied out of order`, `${member} applied entry ${event.index} ${when()} where ${nextIndex} was next.`)
          }
          nextIndex = event.index + 1
          const other = applied.get(event.index)
          if (other === undefined) applied.set(event.index, { member, term: event.term, checksum: event.checksum })
          else if (other.term !== event.term || other.checksum !== event.checksum) {
            report(`entry ${event.index} differs`,
              `${other.member} applied an entry of term ${other.term} (checksum ${other.checksum}) at index ${event.index}, `
              + `${other.member === member ? 'and after a restart' : member} one of term ${event.term} (checksum ${event.checksum}) (State Machine Safety, thesis figure 3.2).`)
          }
          break
        }
      }
    }
  }
  const logs = checkLogs(traces, report)
  const details = { members: traces.length, events, ...logs, applied: appliedTotal, lastIndex: Math.max(0, ...applied.keys().map(Number)), terms: leaders.size, electionTimeoutMs }
  const result = (verdict: CheckResult['verdict'], summary: string): CheckResult => ({ checker: 'raft', verdict, summary, evidence, details })
  if (evidence.length > 0) return result('invalid', `${evidence[0]!.title}${reported.size > 1 ? `, and ${reported.size - 1} more` : ''}.`)
  if (appliedTotal === 0) return result('unknown', 'There was nothing to check: no member left a trace of an applied entry.')
  return result('valid', `${leaders.size} terms had one leader each; ${traces.length} members applied the same ${applied.size} entries.`)
}
