import type { Measurement } from '../bench/bench-record.ts'
import { spreadOf } from '../bench/spread.ts'
import { groupSizes, membersFaults, type MembersFault } from './members-faults.ts'
import { membersMetrics, type MembersMetric } from './members-metrics.ts'

/** What was seen of a cluster under a fault: of writes in the second half, at the largest group. */
export type Outcome = 'goes on' | 'partly' | 'stops'

/** From here on it goes on, and up to there it has stopped; between them neither would be true. */
const goesOnPercent = 90
const stopsPercent = 10

/** What was measured of one member count. */
export interface MembersFindings {
  readonly members: number
  samples(metric: MembersMetric, fault?: MembersFault): readonly number[] | null
  /** Null where it was not measured. */
  median(metric: MembersMetric, fault?: MembersFault): number | null
  outcome(fault: MembersFault): Outcome | null
  /** `2|2`: who still hear each other. */
  groups(fault: MembersFault): string
  /** The most members of which every loss that was tried left a cluster that goes on; null where no loss was tried. */
  readonly lossesSurvived: number | null
}

/** In order of member counts. */
export function membersFindings(measurements: readonly Measurement[]): MembersFindings[] {
  const counts = [...new Set(measurements.map((one) => Number(one.case['members'])))].sort((a, b) => a - b)
  return counts.map((members) => findingsOf(members, measurements.filter((one) => one.case['members'] === members)))
}

function findingsOf(members: number, measurements: readonly Measurement[]): MembersFindings {
  const samples = (metric: MembersMetric, fault?: MembersFault) =>
    measurements.find((one) => one.metric === membersMetrics[metric].metric && one.case['fault'] === fault)?.samples ?? null
  const median = (metric: MembersMetric, fault?: MembersFault) => {
    const found = samples(metric, fault)
    return found === null ? null : spreadOf(found).median
  }
  const outcome = (fault: MembersFault) => {
    const settled = median('writesSettled', fault)
    return settled === null ? null : settled >= goesOnPercent ? 'goes on' : settled <= stopsPercent ? 'stops' : 'partly'
  }
  return {
    members, samples, median, outcome,
    groups: (fault) => groupSizes(fault, members)?.join('|') ?? 'none',
    lossesSurvived: lossesSurvived(outcome),
  }
}

/** Losses by how many are lost. */
const losses: readonly (readonly MembersFault[])[] = [
  membersFaults.filter((fault) => fault.startsWith('1 lost')),
  membersFaults.filter((fault) => fault.startsWith('2 lost')),
]

function lossesSurvived(outcome: (fault: MembersFault) => Outcome | null): number | null {
  const seen = losses.map((faults) => faults.map(outcome).filter((one) => one !== null))
  if (seen[0]!.length === 0) return null
  const firstNot = seen.findIndex((outcomes) => outcomes.length === 0 || outcomes.some((one) => one !== 'goes on'))
  return firstNot === -1 ? losses.length : firstNot
}
