import { unreachable } from '../../node/base/assert.ts'
import type { HistoryEvent } from '../history/event.ts'
import type { FaultRecord } from '../runner/fault-record.ts'
import { detectionStatistics, type DetectionStatistics } from './detection-times.ts'
import { describeSpan, faultSpans, startEventOf, stretches, type FaultSpan } from './fault-times.ts'
import { gossipImpact, type GossipImpact } from './gossip-impact.ts'
import { isUp, pollsOf, stallsOf, troubleIn, type Poll } from './membership-polls.ts'
import { resurrections } from './resurrection.ts'
import { convergenceBoundMs, detectionBoundMs, disseminationBoundMs, healthScoreWorst, quietBoundMs, relaysAnswerInTime, tellsAllAtOnce, type GossipTimings } from './swim-bounds.ts'
import type { CheckResult, Evidence } from './verdict.ts'

/** What is added to the protocol's bounds where real schedulers and a real network carry it out. */
export interface DetectionSlack {
  readonly factor: number
  readonly addMs: number
  /** A member that does not answer a client within this stood still, and nothing is promised meanwhile. Null: time is virtual, nobody stands still unless told to. */
  readonly stallMs: number | null
  /** One way between members, steady. */
  readonly latencyMs: number
}

export interface DetectionInput {
  readonly history: readonly HistoryEvent[]
  /** Those of the start. */
  readonly members: readonly string[]
  readonly faults: readonly FaultRecord[]
  readonly timings: GossipTimings
  readonly slack: DetectionSlack
}

/** A time in which something of gossip was broken. */
interface Trouble extends Pick<FaultSpan, 'mayBeginNs' | 'overNs'> {
  readonly impact: GossipImpact
  /** Null: a member stood still by itself. */
  readonly span: FaultSpan | null
}

type Rule = 'accuracy' | 'completeness' | 'resurrection' | 'dissemination' | 'convergence' | 'leave'

interface Finding {
  readonly rule: Rule
  readonly member: string
  readonly observer: string
  readonly lines: readonly string[]
  readonly eventIndexes: readonly number[]
}

interface Judged {
  readonly findings: Finding[]
  polls: number
  /** From the end of the faults before until every member had shown all alive. */
  readonly convergenceMs: number[]
}

const evidenceMax = 5

/**
 * Gossip as a failure detector, judged by what it promises and when:
 *
 * - In peace, once all members have shown all alive and what was suspected
 *   before must have ended (`quietBoundMs`), nobody may be given up (accuracy).
 * - All members show all alive within `convergenceBoundMs` of peace (convergence).
 * - Where one fault out of such peace makes some members silent, or parts the
 *   members in two: each of the others gives each of them up within
 *   `detectionBoundMs` (completeness), soon after the first did
 *   (dissemination), and nobody who still hears whom gives that one up (accuracy).
 * - Who leaves by its own will is shown as left, never as failed (leave).
 * - Who was given up while silent is not held for alive again before it is back (resurrection).
 *
 * Under any other fault a member may be given up by mistake: that is counted
 * and timed, and no reason to object. A poll counts for a moment only if it was
 * asked after it began, and against one only if it was answered before it ended.
 */
export function checkFailureDetection(input: DetectionInput): CheckResult {
  const { history, members, slack, faults } = input
  const spans = faultSpans(faults)
  const polls = pollsOf(history)
  const known = Math.max(members.length, ...polls.map(({ view }) => Object.keys(view).length))
  const judged: Judged = { findings: [], polls: 0, convergenceMs: [] }
  const troubles = [...spans.map((span): Trouble => ({ ...span, span, impact: gossipImpact(span, members) })).filter(({ impact }) => impact.kind !== 'none')]
  troubles.push(...unexplainedStalls(input, troubles))
  let peaceFromNs = 0
  const context: Context = { ...input, polls, known, judged, slackMs: (ms) => ms * slack.factor + slack.addMs }
  for (const stretch of stretches(troubles)) {
    const settledNs = judgePeace(context, peaceFromNs, stretch.fromNs)
    const [only] = stretch.spans
    if (stretch.spans.length === 1 && only!.span !== null && settledNs !== null && settledNs <= stretch.fromNs) judgeFault(context, only!.span, only!.impact)
    peaceFromNs = stretch.toNs
  }
  if (peaceFromNs < Infinity) judgePeace(context, peaceFromNs, Infinity)
  const impactOf = (span: FaultSpan) => gossipImpact(span, members)
  judgeResurrections(context, spans, impactOf)
  const statistics = detectionStatistics({ polls, members, spans, impactOf })
  return resultOf(context, statistics)
}

interface Context extends DetectionInput {
  readonly polls: readonly Poll[]
  /** Members of the largest view, spares among them: bounds grow with it. */
  readonly known: number
  readonly judged: Judged
  readonly slackMs: (ms: number) => number
}

/** Those of members whom a fault keeps silent anyway say nothing new. */
function unexplainedStalls({ history, slack }: DetectionInput, troubles: readonly Trouble[]): Trouble[] {
  if (slack.stallMs === null) return []
  const isExplained = (member: string, fromNs: number, toNs: number) => troubles.some(({ impact, mayBeginNs, overNs }) =>
    (impact.kind === 'silent' || impact.kind === 'left') && impact.members.includes(member) && mayBeginNs <= toNs && fromNs <= overNs)
  return stallsOf(history, slack.stallMs).filter(({ member, mayBeginNs, overNs }) => !isExplained(member, mayBeginNs, overNs))
    .map(({ mayBeginNs, overNs }) => ({ mayBeginNs, overNs, span: null, impact: { kind: 'disturbed' } }))
}

/** Nothing is broken from `fromNs` to `toNs`. Returns from when on nothing of an earlier trouble can be left; null: never came to that. */
function judgePeace(context: Context, fromNs: number, toNs: number): number | null {
  const { polls, members, timings, known, judged, slackMs } = context
  const quietNs = slackMs(quietBoundMs(timings, known)) * 1e6
  const convergedByNs = fromNs + slackMs(convergenceBoundMs(timings, known)) * 1e6
  const whole = new Set<string>()
  let agreedNs: number | null = null
  let converged = false
  for (const poll of polls) {
    if (poll.askedNs < fromNs || poll.answeredNs > toNs) continue
    judged.polls += 1
    const trouble = troubleIn(poll.view, members)
    if (trouble.length === 0) {
      whole.add(poll.observer)
      if (whole.size < members.length || agreedNs !== null) continue
      agreedNs = poll.answeredNs
      if (!converged) judged.convergenceMs.push((agreedNs - fromNs) / 1e6)
      converged = true
      continue
    }
    const [{ member, status }] = trouble as [(typeof trouble)[0]]
    if (agreedNs !== null && agreedNs + quietNs <= poll.askedNs) {
      judged.findings.push({
        rule: 'accuracy', member, observer: poll.observer, eventIndexes: poll.eventIndexes,
        lines: [
          `${poll.observer} shows ${member} ${status} at ${seconds(poll.answeredNs)} (index ${poll.eventIndexes.join('–')}).`,
          `Nothing was broken since ${seconds(fromNs)}, and by ${seconds(agreedNs)} every member had shown all alive: ${ms(quietNs / 1e6)} later no suspicion of before can be left.`,
        ],
      })
    } else if (poll.askedNs >= convergedByNs) {
      judged.findings.push({
        rule: 'convergence', member, observer: poll.observer, eventIndexes: poll.eventIndexes,
        lines: [
          `${poll.observer} still shows ${member} ${status} at ${seconds(poll.answeredNs)} (index ${poll.eventIndexes.join('–')}).`,
          `Nothing was broken since ${seconds(fromNs)}: within ${ms((convergedByNs - fromNs) / 1e6)} all members have to show all alive.`,
        ],
      })
    }
    whole.clear()
    agreedNs = null
  }
  return agreedNs === null ? null : agreedNs + quietNs
}

/** One fault that began in settled peace, alone. */
function judgeFault(context: Context, span: FaultSpan, impact: GossipImpact): void {
  switch (impact.kind) {
    case 'silent':
    case 'left':
    case 'apart': return judgeParting(context, span, impact.kind, impact.members)
    case 'none':
    case 'disturbed': return
    default: return unreachable(impact)
  }
}

function judgeParting(context: Context, span: FaultSpan, kind: 'silent' | 'left' | 'apart', parted: readonly string[]): void {
  const { polls, members, timings, known, judged, history, slackMs } = context
  const rest = members.filter((member) => !parted.includes(member))
  const fault = startEventOf(span, history)
  /** When a poll first showed the member given up, by whom; by the side of who showed it. */
  const first = new Map<string, Poll>()
  const latest = (observer: string, member: string) => slackMs(detectionBoundMs(timings, known, healthScoreOf(context, rest, parted, observer, member)))
  const disseminationMs = slackMs(disseminationBoundMs(timings, known))
  for (const poll of polls) {
    if (poll.askedNs < span.mayBeginNs || poll.answeredNs > span.untilNs) continue
    const near = parted.includes(poll.observer) ? parted : rest
    // A member that is silent, and answers clients nevertheless, is not what this is about.
    if (near === parted && kind !== 'apart') continue
    judged.polls += 1
    const find = (rule: Rule, member: string, more: readonly string[], also: readonly number[] = []) => judged.findings.push({
      rule, member, observer: poll.observer, eventIndexes: [...fault, ...also, ...poll.eventIndexes].sort((a, b) => a - b),
      lines: [`${describeSpan(span)} was on from ${seconds(span.onNs)} on, and nothing else.`,
        `${poll.observer} shows ${member} ${poll.view[member] ?? 'unknown'} at ${seconds(poll.answeredNs)} (index ${poll.eventIndexes.join('–')}).`, ...more],
    })
    for (const member of members) {
      const status = poll.view[member]
      if (near.includes(member)) {
        if (status !== 'alive' && status !== 'suspect') find('accuracy', member, [`Both were whole and could hear each other; before the fault every member had shown all alive.`])
        continue
      }
      if (kind === 'left' && status === 'failed') find('leave', member, [`It left by its own will: that is no failure.`])
      const boundMs = latest(poll.observer, member)
      const side = `${near === parted ? 'parted' : 'rest'} ${member}`
      const told = first.get(side)
      if (!isUp(status)) {
        if (told === undefined) first.set(side, poll)
      } else if (poll.askedNs >= span.onNs + boundMs * 1e6) {
        find('completeness', member, [`By then it had to be given up: within ${ms(boundMs)} (${detectionFormula(context, rest, parted, poll.observer, member)}).`])
      } else if (told !== undefined && tellsAllAtOnce(timings, known) && kind !== 'left' && poll.askedNs >= told.answeredNs + disseminationMs * 1e6) {
        find('dissemination', member, [`${told.observer} had it ${told.view[member] ?? 'unknown'} at ${seconds(told.answeredNs)} (index ${told.eventIndexes.join('–')}): the news reaches all within ${ms(disseminationMs)}.`], told.eventIndexes)
      }
    }
  }
}

function judgeResurrections({ polls, members, timings, slack, judged, history }: Context, spans: readonly FaultSpan[], impactOf: (span: FaultSpan) => GossipImpact): void {
  const levelMs = 2 * timings.pushPullIntervalMs + timings.streamTimeoutMs
  for (const { member, span, failed, alive } of resurrections({ polls, members, spans, impactOf, levelMs, levelAtStart: slack.stallMs === null })) {
    judged.findings.push({
      rule: 'resurrection', member, observer: alive.observer, eventIndexes: [...startEventOf(span, history), ...failed.eventIndexes, ...alive.eventIndexes].sort((a, b) => a - b),
      lines: [
        `${describeSpan(span)} was on from ${seconds(span.onNs)} to ${seconds(span.untilNs)}, whatever else was.`,
        `${failed.observer} shows ${member} ${failed.view[member] ?? 'unknown'} at ${seconds(failed.answeredNs)} (index ${failed.eventIndexes.join('–')}), and ${alive.view[member] ?? 'unknown'} at ${seconds(alive.answeredNs)} (index ${alive.eventIndexes.join('–')}).`,
        'Only a higher incarnation brings a failed member back, and only the member itself raises its own.',
      ],
    })
  }
}

/**
 * Out of peace a member is healthy. With one other silent and somebody left to
 * relay, who says that he heard nothing, it stays so but for a lost message;
 * where relays are silent too it may come to doubt itself as much as it can.
 */
function healthScoreOf({ timings, slack }: Context, rest: readonly string[], parted: readonly string[], observer: string, member: string): number {
  const near = parted.includes(observer) ? parted : rest
  const far = parted.includes(observer) ? rest : parted
  return far.length === 1 && far.includes(member) && near.length >= 2 && relaysAnswerInTime(timings, slack.latencyMs) ? 1 : healthScoreWorst(timings)
}

function detectionFormula(context: Context, rest: readonly string[], parted: readonly string[], observer: string, member: string): string {
  const { timings, known, slack } = context
  const score = healthScoreOf(context, rest, parted, observer, member)
  const real = slack.factor === 1 && slack.addMs === 0 ? '' : `, times ${slack.factor} and ${slack.addMs} ms more for real schedulers`
  return `2 × ${Math.max(1, known - 1)} probes of ${timings.probeIntervalMs} ms at a health score of up to ${score}, and a suspicion of suspicion_mult ${timings.suspicionMult}${real}`
}

const promises: Readonly<Record<Rule, string>> = {
  accuracy: 'was given up though it was reachable',
  completeness: 'was not given up in time',
  resurrection: 'was given up and came back while it was silent',
  dissemination: 'was given up by one and not by another in time',
  convergence: 'did not come back in everybody\'s view',
  leave: 'left, and is called failed',
}

function resultOf({ judged, timings, known, slackMs, polls }: Context, statistics: DetectionStatistics): CheckResult {
  const { findings } = judged
  const bounds = {
    detectionMs: slackMs(detectionBoundMs(timings, known, 1)), detectionWorstMs: slackMs(detectionBoundMs(timings, known, healthScoreWorst(timings))),
    disseminationMs: slackMs(disseminationBoundMs(timings, known)), quietMs: slackMs(quietBoundMs(timings, known)), convergenceMs: slackMs(convergenceBoundMs(timings, known)),
  }
  const details = { polls: polls.length, judgedPolls: judged.polls, bounds, timings, convergenceMs: judged.convergenceMs, ...statistics, findings: findings.length }
  const base = { checker: 'failure-detection', details }
  const told = statisticsSentence(statistics, judged)
  if (findings.length > 0) {
    // One of each kind first: many polls show the same.
    const byKind = [...new Map(findings.map((finding) => [`${finding.rule} ${finding.observer} ${finding.member}`, finding] as const).reverse()).values()].reverse()
    const rules = [...new Set(findings.map(({ rule }) => rule))]
    return {
      ...base, verdict: 'invalid',
      summary: `Gossip broke its promise of ${rules.join(', ')}: ${findings[0]!.member} ${promises[findings[0]!.rule]} (${findings.length} of ${judged.polls} polls show such a thing). ${told}`,
      evidence: byKind.slice(0, evidenceMax).map(({ rule, member, observer, lines, eventIndexes }): Evidence => ({ title: `${rule}: ${member} ${promises[rule]}, as ${observer} has it`, explanation: lines, key: null, eventIndexes })),
    }
  }
  if (judged.polls === 0) {
    const why = polls.length === 0 ? 'no member told its view' : 'something was broken at all times'
    return { ...base, verdict: 'unknown', summary: `There was nothing to check: ${why}. ${told}`.trim(), evidence: [] }
  }
  return { ...base, verdict: 'valid', summary: `${judged.polls} of ${polls.length} views were held against what SWIM promises at the time, and none breaks it. ${told}`.trim(), evidence: [] }
}

function statisticsSentence({ detectionFirstMs, detectionAllMs, falsePositives, memberMinutes }: DetectionStatistics, { convergenceMs }: Judged): string {
  const parts = [
    detectionAllMs === null ? null : `silent members were given up by the first after ${ms(detectionFirstMs!.median)} and by all after ${ms(detectionAllMs.median)} (median; at most ${ms(detectionAllMs.max)})`,
    falsePositives.count === 0 ? 'nobody was given up by mistake' : `${falsePositives.count} times somebody was given up by mistake under faults, for ${ms(falsePositives.durationMs!.median)} (median), ${(falsePositives.count / memberMinutes).toFixed(2)} a member and minute`,
    convergenceMs.length === 0 ? null : `after faults all agreed within ${ms(Math.max(...convergenceMs))}`,
  ].filter((part) => part !== null)
  const text = parts.join('; ')
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`
}

const seconds = (ns: number) => `${(ns / 1e9).toFixed(3)} s`
const ms = (value: number) => value >= 1000 ? `${(value / 1000).toFixed(2)} s` : `${Math.round(value)} ms`
