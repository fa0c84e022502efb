import type { TraceAppend, TraceEvent, TraceLeaderCommit, TraceTransition } from '../../node/base/trace.ts'

/** `report(title, explanation)`, each title once. */
export type Report = (title: string, ...explanation: string[]) => void

/** A term that is not known: of entries that a snapshot covers, or that were there before the trace. */
const unknown = 0

/** The log of one member as its trace tells of it: terms only. */
class TracedLog {
  /** Entries up to it are covered by a snapshot, or lie before the trace. */
  #baseIndex = 0
  #baseTerm = unknown
  readonly #terms: number[] = []

  get lastIndex(): number {
    return this.#baseIndex + this.#terms.length
  }

  /** `unknown` also where there is none. */
  termAt(index: number): number {
    if (index === this.#baseIndex) return this.#baseTerm
    return index < this.#baseIndex ? unknown : this.#terms[index - this.#baseIndex - 1] ?? unknown
  }

  /** Whether what stands there, or that nothing does, is known. */
  knows(index: number): boolean {
    return index > this.#baseIndex || (index === this.#baseIndex && this.#baseTerm !== unknown)
  }

  restart(lastIndex: number, sameDisk: boolean): void {
    if (sameDisk && lastIndex >= this.#baseIndex && lastIndex <= this.lastIndex) this.#terms.length = lastIndex - this.#baseIndex
    else this.#reset(lastIndex, unknown)
  }

  /** Returns how many entries it replaced. */
  append(first: number, terms: TraceAppend['terms']): number {
    if (first > this.lastIndex + 1 || first <= this.#baseIndex) this.#reset(first - 1, unknown)
    const replaced = this.lastIndex - first + 1
    this.#terms.length = first - this.#baseIndex - 1
    for (const [term, count] of terms) for (let i = 0; i < count; i++) this.#terms.push(term)
    return replaced
  }

  restore(index: number, term: number): void {
    // What lies behind the snapshot stays where it continues it (thesis §5.1).
    const behind = this.termAt(index) === term ? this.#terms.slice(index - this.#baseIndex) : []
    this.#reset(index, term)
    this.#terms.push(...behind)
  }

  #reset(index: number, term: number): void {
    this.#baseIndex = index
    this.#baseTerm = term
    this.#terms.length = 0
  }
}

export interface LogTrace {
  readonly member: string
  readonly events: readonly TraceEvent[]
}

/** What was looked at, for the summary's numbers. */
export interface LogCounts {
  readonly appended: number
  readonly replaced: number
  readonly elections: number
}

/**
 * What Raft promises of logs (thesis figure 3.2), from what members wrote:
 * - Leader Append-Only: a leader never replaces entries of its own log.
 * - Log Matching: all logs that have entries of a term begin them at the same
 *   index, behind an entry of the same term. With contents compared as they are
 *   applied, equal index and term then mean equal logs up to there.
 * - Leader Completeness: who becomes leader has what was committed in earlier terms.
 * - Who becomes leader has the votes of a quorum of its configuration.
 */
export function checkLogs(traces: readonly LogTrace[], report: Report): LogCounts {
  const commits = lastCommits(traces)
  const votes = votesGiven(traces)
  const begins = new Map<number, { readonly index: number, readonly before: number, readonly member: string }>()
  const counts = { appended: 0, replaced: 0, elections: 0 }
  for (const { member, events } of traces) {
    const log = new TracedLog()
    let id: string | null = null
    let leads: number | null = null
    let wrote = false
    for (const event of events) {
      switch (event.event) {
        case 'start':
          log.restart(event.lastIndex, id === null ? event.lastIndex === 0 : id === event.id)
          id = event.id
          leads = null
          break
        case 'append':
          wrote = true
          matchLogs(member, log, event, begins, report)
          counts.appended += event.terms.reduce((sum, [, count]) => sum + count, 0)
          counts.replaced += appendOnly(member, log, event, leads, report)
          break
        case 'restore':
          log.restore(event.index, event.term)
          break
        case 'transition':
          leads = event.role === 'leader' ? event.term : null
          if (event.role !== 'leader') break
          counts.elections += 1
          electedByQuorum(member, event, votes, report)
          // A trace without appends says nothing of the log.
          if (wrote) complete(member, log, event, commits, report)
          break
        case 'vote': case 'leader-commit': case 'apply': break
        default: event satisfies never
      }
    }
  }
  return counts
}

function matchLogs(member: string, log: TracedLog, { first, terms }: TraceAppend, begins: Map<number, { readonly index: number, readonly before: number, readonly member: string }>, report: Report): void {
  let index = first
  let before = log.termAt(first - 1)
  for (const [term, count] of terms) {
    // At the very beginning nothing is before; elsewhere nothing known is no statement.
    if (term !== before && (before !== unknown || index === 1)) {
      const known = begins.get(term)
      if (known === undefined) begins.set(term, { index, before, member })
      else if (known.index !== index || known.before !== before) {
        report(`entries of term ${term} begin at two places`,
          `${known.member} has the first entry of term ${term} at ${known.index}, behind one of term ${known.before}; ${member} at ${index}, behind one of term ${before} (Log Matching, thesis figure 3.2).`)
      }
    }
    index += count
    before = term
  }
}

function appendOnly(member: string, log: TracedLog, { first, terms, term, timeMs }: TraceAppend, leads: number | null, report: Report): number {
  const last = log.lastIndex
  const replaced = log.append(first, terms)
  if (replaced > 0 && leads !== null && leads === term) {
    report(`leader ${member} replaced entries of its own log`, `${member}, leader of term ${term}, had ${last} entries and wrote over them from ${first} on at ${timeMs} ms (Leader Append-Only, thesis figure 3.2).`)
  }
  return Math.max(0, replaced)
}

function complete(member: string, log: TracedLog, { term, timeMs }: TraceTransition, commits: readonly TraceLeaderCommit[], report: Report): void {
  for (const commit of commits) {
    if (commit.term >= term || !log.knows(commit.index)) continue
    const found = log.termAt(commit.index)
    if (found === commit.entryTerm) continue
    report(`leader ${member} of term ${term} lacks what was committed`,
      `${commit.member}, leader of term ${commit.term}, committed entry ${commit.index} of term ${commit.entryTerm}; ${member} became leader of term ${term} at ${timeMs} ms ${found === unknown ? `with ${log.lastIndex} entries` : `with one of term ${found} there`} (Leader Completeness, thesis figure 3.2).`)
  }
}

function electedByQuorum(member: string, { id, term, voters, timeMs }: TraceTransition, votes: ReadonlyMap<string, ReadonlySet<string>>, report: Report): void {
  if (voters === undefined) return
  const given = votes.get(`${term} ${id}`) ?? new Set()
  const counted = voters.filter((voter) => given.has(voter))
  const quorum = Math.floor(voters.length / 2) + 1
  if (counted.length >= quorum) return
  report(`${member} became leader of term ${term} without a quorum`,
    `${member} became leader at ${timeMs} ms with the votes of ${counted.length === 0 ? 'nobody' : counted.join(', ')}; its configuration has ${voters.length} voters, so ${quorum} are needed (thesis §3.4).`)
}

/** Of each term the last: what lies before it is covered by Log Matching. */
function lastCommits(traces: readonly LogTrace[]): readonly TraceLeaderCommit[] {
  const last = new Map<number, TraceLeaderCommit>()
  for (const { events } of traces) {
    for (const event of events) {
      if (event.event === 'leader-commit' && event.index > (last.get(event.term)?.index ?? 0)) last.set(event.term, event)
    }
  }
  return [...last.values()]
}

/** By term and candidate: who voted. */
function votesGiven(traces: readonly LogTrace[]): ReadonlyMap<string, ReadonlySet<string>> {
  const votes = new Map<string, Set<string>>()
  for (const { events } of traces) {
    for (const event of events) {
      if (event.event !== 'vote') continue
      const name = `${event.term} ${event.votedFor}`
      const voters = votes.get(name)
      if (voters === undefined) votes.set(name, new Set([event.id]))
      else voters.add(event.id)
    }
  }
  return votes
}
