import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TraceStart, TraceTransition, TraceVote } from '../../node/base/trace.ts'
import { untorn } from '../runner/check-members.ts'

type ElectionEvent = TraceStart | TraceTransition | TraceVote

/**
 * How long each election took, ms, in order of their ends: from the first vote
 * (or pre-vote) that a member which took part in it asked for, to its leader.
 *
 * Took part: voted in the new leader's term. A member that was cut off and
 * asked in vain all the while did not, and its long candidacy is not counted.
 * A candidacy begins when a member asks and ends when it knows a leader, leads,
 * or starts anew; so one election may go through several terms.
 *
 * Times are the members' wall clocks: one clock, unless that is what is broken.
 */
export function electionTimes(traces: readonly (readonly ElectionEvent[])[]): number[] {
  const members = traces.map((events) => ({ candidacies: candidaciesOf(events), votes: votesOf(events) }))
  const wins = traces.flatMap((events) => events.filter((event): event is TraceTransition => event.event === 'transition' && event.role === 'leader' && event.leader === event.id))
  const first = new Map<number, TraceTransition>()
  // A leader tells of itself again when something else about it changes.
  for (const win of wins.toSorted((a, b) => a.timeMs - b.timeMs)) if (!first.has(win.term)) first.set(win.term, win)
  return [...first.values()].flatMap(({ term, timeMs }) => {
    const asked = members.flatMap(({ candidacies, votes }) => {
      const votedMs = votes.get(term)
      if (votedMs === undefined || votedMs > timeMs) return []
      return candidacies.filter(({ fromMs, toMs }) => fromMs <= timeMs && toMs >= votedMs).map(({ fromMs }) => fromMs)
    })
    return asked.length === 0 ? [] : [timeMs - Math.min(...asked)]
  })
}

/** From asking to knowing better; `toMs` Infinity: to the end of the trace. */
function candidaciesOf(events: readonly ElectionEvent[]): { readonly fromMs: number, readonly toMs: number }[] {
  const candidacies: { fromMs: number, toMs: number }[] = []
  let open: { fromMs: number, toMs: number } | null = null
  for (const event of events) {
    if (event.event === 'vote') continue
    const asks = event.event === 'transition' && (event.role === 'candidate' || event.role === 'pre-candidate')
    if (asks) {
      if (open === null) candidacies.push(open = { fromMs: event.timeMs, toMs: Number.POSITIVE_INFINITY })
    } else if (open !== null && (event.event === 'start' || event.role === 'leader' || event.leader !== null)) {
      open.toMs = event.timeMs
      open = null
    }
  }
  return candidacies
}

/** By term: when. */
function votesOf(events: readonly ElectionEvent[]): Map<number, number> {
  const votes = new Map<number, number>()
  for (const event of events) if (event.event === 'vote' && !votes.has(event.term)) votes.set(event.term, event.timeMs)
  return votes
}

/** Of a run's directory; empty where members left no traces, or where clocks were broken: their times tell nothing then. */
export function readElectionTimes(directory: string): number[] {
  if (/"name":"clock","/.test(readText(join(directory, 'faults.jsonl')))) return []
  const members = join(directory, 'members')
  if (!existsSync(members)) return []
  return electionTimes(readdirSync(members).sort().map((member) => readText(join(members, member, 'raft-trace.jsonl')).split('\n').flatMap(electionEvent)))
}

/** By far most lines are of entries, and are passed over unread. A kill may have torn one. */
function electionEvent(written: string): ElectionEvent[] {
  const line = untorn(written)
  if (!/"event":"(start|transition|vote)"/.test(line)) return []
  try {
    return [JSON.parse(line) as ElectionEvent]
  } catch {
    return []
  }
}

function readText(file: string): string {
  return existsSync(file) ? readFileSync(file, 'utf8') : ''
}
