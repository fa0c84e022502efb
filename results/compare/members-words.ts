import { unreachable } from '../../node/base/assert.ts'
import type { Measurement } from '../bench/bench-record.ts'
import { differenceOf } from './comparison.ts'
import { membersFindings, type MembersFindings, type Outcome } from './members-findings.ts'
import { goesOnByQuorum, membersFaults, quorumOf, type MembersFault } from './members-faults.ts'
import { membersMetrics, type MembersMetric } from './members-metrics.ts'
import { listed, number, percentText, plural, quantity } from './numbers.ts'

/**
 * What the numbers of `compare --members` show. Theory (what quorums predict)
 * is only said where the measurement bears it out; where it does not, that is
 * what is said.
 */
export function membersWords(measurements: readonly Measurement[]): string[] {
  const all = membersFindings(measurements)
  return [
    ...all.filter(({ members }) => members % 2 === 0).flatMap((even) => {
      const below = all.find(({ members }) => members === even.members - 1)
      return below === undefined ? [] : [evenWords(even, below)]
    }),
    ...sufficeWords(all),
    ...speeds.flatMap((metric) => metricWords(all, metric)),
    ...membersFaults.flatMap((fault) => faultWords(all, fault)),
    ...gapWords(all),
    ...predictionWords(all),
  ]
}

const speeds = ['throughput', 'latencyP50', 'newLeader'] as const satisfies readonly MembersMetric[]

const membersText = (findings: readonly MembersFindings[]) => `${listed(findings.map(({ members }) => String(members)))} members`

function metricWords(all: readonly MembersFindings[], metric: MembersMetric): string[] {
  const measured = all.filter((one) => one.samples(metric) !== null)
  const [base, ...others] = measured
  if (base === undefined) return []
  const { metric: name, unit } = membersMetrics[metric]
  const said = others.map((other) => `${other.members} members ${quantity(other.median(metric)!, unit)} (${againstText(other, base, metric)})`)
  const tail = others.length === 0 ? '' : `; in brackets the difference to ${base.members}`
  return [`${name[0]!.toUpperCase()}${name.slice(1)}: ${[`${base.members} members ${quantity(base.median(metric)!, unit)}`, ...said].join(', ')}${tail}.`]
}

function difference(other: MembersFindings, base: MembersFindings, metric: MembersMetric) {
  const [from, to] = [base.samples(metric), other.samples(metric)]
  return from === null || to === null ? null : differenceOf(membersMetrics[metric], from, to)
}

function againstText(other: MembersFindings, base: MembersFindings, metric: MembersMetric): string {
  const found = difference(other, base, metric)!
  switch (found.claim) {
    case 'better': case 'worse': return `${percentText(found.percent)}, ${found.claim} beyond the spread`
    case 'within the spread': return `${percentText(found.percent)}, within the spread`
    case 'too few samples': return `${percentText(found.percent)}, too few samples to tell`
    case 'higher': case 'lower': return percentText(found.percent)
    default: return unreachable(found.claim)
  }
}

const faultTexts: Readonly<Record<MembersFault, string>> = {
  '1 lost, a follower': 'With one follower lost',
  '1 lost, the leader': 'With the leader lost',
  '2 lost, followers': 'With two followers lost',
  '2 lost, the leader too': 'With the leader and one more lost',
  'even split': 'Split as evenly as can be, the leader on the smaller side',
  'odd split': 'With the leader cut off from all others',
}
const isSplit = (fault: MembersFault) => fault.endsWith('split')
const outcomeVerbs: Readonly<Record<Outcome, string>> = { 'goes on': 'go on', partly: 'go on in part', stops: 'stop' }
const outcomes = ['goes on', 'partly', 'stops'] as const

/** Who goes on and who stops, with the shares of writes: after an election, and over the whole fault. */
function faultWords(all: readonly MembersFindings[], fault: MembersFault): string[] {
  const parts = outcomes.flatMap((outcome) => {
    const its = all.filter((one) => one.outcome(fault) === outcome)
    if (its.length === 0) return []
    const shares = its.map((one) => shareText(one, fault))
    const each = its.map((one, at) => `${one.members}${isSplit(fault) ? ` as ${one.groups(fault)}` : ''}: ${shares[at]}`)
    return [`${membersText(its)} ${outcomeVerbs[outcome]} (${!isSplit(fault) && new Set(shares).size === 1 ? shares[0] : each.join('; ')})`]
  })
  return parts.length === 0 ? [] : [`${faultTexts[fault]}, ${parts.join('; ')}.`]
}

/** Shares are cut, not rounded: 99.97 % is not all. */
const percent = (value: number) => `${(Math.floor(value * 10) / 10).toFixed(1)} %`

/** Of the second half of the fault, and of all of it where that is another number. */
function shareText(one: MembersFindings, fault: MembersFault): string {
  const whole = percent(one.median('writesByLargest', fault)!)
  const settled = percent(one.median('writesSettled', fault)!)
  const where = isSplit(fault) ? (tied(one, fault) ? 'both halves' : 'the larger side') : 'the survivors'
  return whole === settled ? `${whole} of writes at ${where}` : `${settled} of writes at ${where} once settled, ${whole} from the fault on`
}

/** Neither side is the larger one. */
const tied = (one: MembersFindings, fault: MembersFault) => isSplit(fault) && new Set(one.groups(fault).split('|')).size === 1

function gapWords(all: readonly MembersFindings[]): string[] {
  const measured = all.filter((one) => one.outcome('1 lost, the leader') === 'goes on')
  return measured.length === 0 ? [] : [`The loss of the leader leaves ${listed(measured.map((one) => `${one.members} members ${number(one.median('withoutAck', '1 lost, the leader')!)} ms`))} without an acknowledged write.`]
}

interface Prediction {
  readonly one: MembersFindings
  readonly fault: MembersFault
  readonly predicted: 'goes on' | 'stops'
  readonly seen: Outcome
}

function predictions(all: readonly MembersFindings[]): Prediction[] {
  return all.flatMap((one) => membersFaults.flatMap((fault): Prediction[] => {
    const seen = one.outcome(fault)
    return seen === null ? [] : [{ one, fault, seen, predicted: goesOnByQuorum(fault, one.members) ? 'goes on' : 'stops' }]
  }))
}

function predictionWords(all: readonly MembersFindings[]): string[] {
  const asked = predictions(all)
  if (asked.length === 0) return []
  const wrong = asked.filter(({ predicted, seen }) => predicted !== seen)
  if (wrong.length === 0) return [`All ${asked.length} outcomes are what quorums predict: a group of more than half of all members goes on, any other stops.`]
  return wrong.map(({ one, fault, predicted, seen }) =>
    `The measurement disagrees with what quorums predict: ${faultTexts[fault].toLowerCase()}, ${one.members} members should ${outcomeVerbs[predicted]} (their largest group is ${one.groups(fault).split('|')[0]}, a quorum ${quorumOf(one.members)}); they ${outcomeVerbs[seen]}: ${shareText(one, fault)}.`)
}

/** What one more member buys that makes the number even. */
function evenWords(even: MembersFindings, odd: MembersFindings): string {
  const gains: string[] = []
  const costs: string[] = []
  for (const metric of speeds) {
    const found = difference(even, odd, metric)
    if (found?.claim !== 'better' && found?.claim !== 'worse') continue
    const said = `${membersMetrics[metric].metric} ${percentText(found.percent)}`
    if (found.claim === 'better') gains.push(said)
    else costs.push(said)
  }
  for (const fault of membersFaults) {
    const [has, had] = [even.outcome(fault), odd.outcome(fault)]
    if (has === null || had === null || has === had) continue
    const said = `${faultTexts[fault].toLowerCase()} (${even.groups(fault)} against ${odd.groups(fault)}), ${even.members} ${outcomeVerbs[has]} where ${odd.members} ${outcomeVerbs[had]}: ${percent(even.median('writesSettled', fault)!)} of writes against ${percent(odd.median('writesSettled', fault)!)}`
    if (outcomes.indexOf(has) < outcomes.indexOf(had)) gains.push(said)
    else costs.push(said)
  }
  const survived = even.lossesSurvived === null || odd.lossesSurvived === null ? '' : even.lossesSurvived === odd.lossesSurvived
    ? `${even.members} members survive the loss of ${even.lossesSurvived}, and so do ${odd.members}; `
    : `${even.members} members survive the loss of ${even.lossesSurvived}, ${odd.members} the loss of ${odd.lossesSurvived}; `
  const quorums = `a quorum of ${even.members} is ${quorumOf(even.members)}, of ${odd.members} it is ${quorumOf(odd.members)}`
  const base = `${survived}${quorums}, so that each write waits for one more member.`
  const costWords = costs.length === 0 ? '' : ` It costs: ${costs.join('; ')}.`
  if (even.lossesSurvived === null || odd.lossesSurvived === null) return `What ${even.members} members buy over ${odd.members} was not measured.`
  if (gains.length > 0) return `An even number against the odd one below: ${base} Quorums predict that the additional member buys nothing, and the measurement disagrees; it gains: ${gains.join('; ')}.${costWords}`
  const few = speeds.some((metric) => difference(even, odd, metric)?.claim === 'too few samples')
  const nothing = few ? ' Of speed there are too few samples to tell.' : costs.length === 0 ? ' Nothing got better or worse beyond the spread.' : ' Nothing got better beyond the spread.'
  return `An even number buys nothing: ${base}${costWords}${nothing}`
}

/** The fewest of those measured that survive so many losses. */
function sufficeWords(all: readonly MembersFindings[]): string[] {
  const said = [1, 2].flatMap((lost) => {
    const fewest = all.find(({ lossesSurvived }) => lossesSurvived !== null && lossesSurvived >= lost)
    return fewest === undefined ? [] : [`the smallest that survives the loss of ${lost} has ${plural(fewest.members, 'member')}`]
  })
  return said.length === 0 ? [] : [`Of the clusters measured, ${listed(said)}.`]
}
