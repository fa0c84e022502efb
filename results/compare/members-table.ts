import { spreadOf } from '../bench/spread.ts'
import { membersFindings } from './members-findings.ts'
import { groupSizes, membersFaults, type MembersFault } from './members-faults.ts'
import { membersMetrics, type MembersMetric } from './members-metrics.ts'
import { spreadText } from './numbers.ts'
import type { MembersRecord } from './members-record.ts'
import { markdownTable, textTable } from './text-table.ts'

const withoutFault: readonly MembersMetric[] = ['throughput', 'latencyP50', 'latencyP99', 'newLeader', 'firstAck']
const ofFault: readonly MembersMetric[] = ['writesByLargest', 'writesByAll', 'writesSettled', 'readsByLargest', 'readsByAll', 'withoutAck']

/** A column each member count, a row each metric, and each metric under each fault. */
export function membersTable({ measurements }: Pick<MembersRecord, 'measurements'>): { readonly head: string[], readonly rows: string[][] } {
  const all = membersFindings(measurements)
  const row = (metric: MembersMetric, fault?: MembersFault) => {
    const found = all.map((one) => one.samples(metric, fault))
    if (found.every((samples) => samples === null)) return []
    const groups = fault === undefined ? '' : `${fault} (${[...new Set(all.flatMap(({ members }) => groupSizes(fault, members)?.join('|') ?? []))].join(', ')})`
    return [[membersMetrics[metric].metric, groups, ...found.map((samples) => samples === null ? 'none' : spreadText(spreadOf(samples), membersMetrics[metric].unit))]]
  }
  return {
    head: ['metric', 'fault', ...all.map(({ members }) => `${members} ${members === 1 ? 'member' : 'members'}`)],
    rows: [...withoutFault.flatMap((metric) => row(metric)), ...membersFaults.flatMap((fault) => ofFault.flatMap((metric) => row(metric, fault)))],
  }
}

/** For a terminal: medians, in brackets least, greatest, and how many samples; then the words. */
export function membersLines(record: MembersRecord): string[] {
  const { head, rows } = membersTable(record)
  return ['', ...textTable(head, rows), '', ...record.words]
}

export function membersMarkdown(record: MembersRecord): string {
  const { head, rows } = membersTable(record)
  return [
    `### ${record.memberCounts.join(', ')} members of ${record.system}, ${record.env}`,
    record.words.map((sentence) => `- ${sentence}`).join('\n'),
    markdownTable(head, rows).join('\n'),
    ...record.notes.length === 0 ? [] : [record.notes.map((note) => `> ${note}`).join('\n>\n')],
    `<sub>${record.startedAt}, again by \`${record.rerun}\`</sub>`,
  ].join('\n\n') + '\n'
}
