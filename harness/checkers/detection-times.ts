import type { FaultSpan } from './fault-times.ts'
import type { GossipImpact } from './gossip-impact.ts'
import { isUp, type Poll } from './membership-polls.ts'

/** Of some values; times in milliseconds. */
export interface Distribution {
  readonly count: number
  readonly min: number
  readonly median: number
  readonly p90: number
  readonly max: number
}

export interface DetectionStatistics {
  /** From a member's silence to the first who shows it given up, to the last, and from the first to the last. Null: none was. */
  readonly detectionFirstMs: Distribution | null
  readonly detectionAllMs: Distribution | null
  readonly disseminationMs: Distribution | null
  /** Members that were down, paused or apart until the fault's end, and that somebody who looked had not given up by then. */
  readonly undetected: number
  /** A member that ran, and that somebody showed given up though they were not told apart: each from the first such poll to the last in a row. */
  readonly falsePositives: { readonly count: number, readonly durationMs: Distribution | null }
  /** Minutes that were watched, times members. */
  readonly memberMinutes: number
}

export interface StatisticsInput {
  readonly polls: readonly Poll[]
  readonly members: readonly string[]
  readonly spans: readonly FaultSpan[]
  readonly impactOf: (span: FaultSpan) => GossipImpact
}

/** How quick and how right the detector was, under whatever was broken: for comparison, not for a verdict. As fine as the polls are. */
export function detectionStatistics(input: StatisticsInput): DetectionStatistics {
  const first: number[] = []
  const all: number[] = []
  const spread: number[] = []
  let undetected = 0
  for (const span of input.spans) {
    const impact = input.impactOf(span)
    if (impact.kind !== 'silent' && impact.kind !== 'apart') continue
    for (const member of impact.members) {
      const times = detectionsOf(member, impact.members, span, input)
      if (times === null) {
        undetected += 1
        continue
      }
      if (times.length === 0) continue
      first.push(Math.min(...times))
      all.push(Math.max(...times))
      spread.push(Math.max(...times) - Math.min(...times))
    }
  }
  const mistakes = mistakesOf(input)
  const watchedNs = input.polls.length === 0 ? 0 : input.polls.at(-1)!.answeredNs - input.polls[0]!.answeredNs
  return {
    detectionFirstMs: distribution(first), detectionAllMs: distribution(all), disseminationMs: distribution(spread), undetected,
    falsePositives: { count: mistakes.length, durationMs: distribution(mistakes) },
    memberMinutes: watchedNs / 60e9 * input.members.length,
  }
}

/** For each other member that looked to the end: ms until it showed this one given up. Null: one of them did not. Empty: nobody looked. */
function detectionsOf(member: string, parted: readonly string[], span: FaultSpan, { polls, members }: StatisticsInput): number[] | null {
  const times: number[] = []
  for (const observer of members) {
    if (parted.includes(observer)) continue
    const its = polls.filter((poll) => poll.observer === observer && poll.askedNs >= span.onNs && poll.answeredNs <= span.untilNs)
    if (its.length === 0) continue
    const seen = its.find(({ view }) => !isUp(view[member]))
    if (seen === undefined) return null
    times.push((seen.answeredNs - span.onNs) / 1e6)
  }
  return times
}

/** Durations in ms of mistakes. */
function mistakesOf({ polls, members, spans, impactOf }: StatisticsInput): number[] {
  const excused = spans.map((span) => ({ span, impact: impactOf(span) }))
  const durations: number[] = []
  for (const observer of members) {
    for (const member of members) {
      if (observer === member) continue
      let sinceNs: number | null = null
      let lastNs = 0
      /** It was rightly given up, and what is shown is still that. */
      let excusedRun = false
      const end = () => {
        if (sinceNs !== null) durations.push((lastNs - sinceNs) / 1e6)
        sinceNs = null
      }
      for (const poll of polls) {
        if (poll.observer !== observer) continue
        const given = poll.view[member] === 'failed'
        excusedRun = given && (excusedRun || (sinceNs === null && isExcused(observer, member, poll, excused)))
        if (!given || excusedRun) {
          end()
          continue
        }
        sinceNs ??= poll.answeredNs
        lastNs = poll.answeredNs
      }
      end()
    }
  }
  return durations
}

/** The two were apart, or one was silent, at some moment of the poll. */
function isExcused(observer: string, member: string, { askedNs, answeredNs }: Poll, spans: readonly { readonly span: FaultSpan, readonly impact: GossipImpact }[]): boolean {
  return spans.some(({ span, impact }) => {
    if (span.mayBeginNs > answeredNs || span.overNs < askedNs) return false
    switch (impact.kind) {
      case 'silent':
      case 'left': return impact.members.includes(member) || impact.members.includes(observer)
      case 'apart': return impact.members.includes(member) !== impact.members.includes(observer)
      case 'none':
      case 'disturbed': return false
    }
  })
}

export function distribution(values: readonly number[]): Distribution | null {
  if (values.length === 0) return null
  const sorted = values.map((value) => Math.round(value)).sort((a, b) => a - b)
  const at = (fraction: number) => sorted[Math.min(sorted.length - 1, Math.floor(fraction * sorted.length))]!
  return { count: sorted.length, min: sorted[0]!, median: at(0.5), p90: at(0.9), max: sorted.at(-1)! }
}
