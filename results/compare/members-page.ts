import { escapeHtml } from '../report/html.ts'
import { membersFindings, type MembersFindings } from './members-findings.ts'
import { groupSizes, membersFaults, type MembersFault } from './members-faults.ts'
import { membersMetrics, type MembersMetric } from './members-metrics.ts'
import type { MembersRecord } from './members-record.ts'
import { membersTable } from './members-table.ts'
import { chartHtml, chartPoint, renderPage, tableHtml, wordsHtml, type Chart } from './page.ts'

/** `compare.html` of `compare --members`. */
export function renderMembers(record: MembersRecord): string {
  const { memberCounts, system, env, startedAt, tookS, rerun, versions, git, machine, notes, measurements, words } = record
  const charts = chartsOf(membersFindings(measurements))
  const table = membersTable(record)
  const circumstances: [string, string][] = [
    ['measured', `${startedAt}, ${Math.round(tookS)} s`],
    ['machine', `${machine.cores} × ${machine.cpu}, ${machine.memoryMiB} MiB, ${machine.kernel}, load ${machine.load.join(', ')} before it began`],
    ['versions', Object.entries(versions).map(([name, version]) => `${name} ${version}`).join(', ')],
    ['commit', git === null ? 'none' : `${git.commit}${git.dirty ? ' (changed)' : ''}`],
  ]
  const body = `<p class="soft">${escapeHtml(env === 'simulated' ? 'Simulated: times are those of the simulated network and disks, and the same for the same seed.' : 'Measured in real time.')} Table: median (least to greatest, number of samples).</p>
${notes.length === 0 ? '' : `<ul class="soft">${notes.map((note) => `<li>${escapeHtml(note)}</li>`).join('')}</ul>`}
<section><h2>What the numbers show</h2>${wordsHtml(words)}</section>
<section><h2>Charts</h2><p class="soft">A point is a median, whiskers reach from the least to the greatest sample, dots are samples.</p>${charts.map(chartHtml).join('')}</section>
<section><h2>Numbers</h2>${tableHtml(table.head, table.rows)}</section>
<section><h2>Measured on</h2>${tableHtml(['', ''], circumstances)}<h3>Again</h3><pre>${escapeHtml(rerun)}</pre></section>`
  return renderPage(`${memberCounts.join(', ')} members of ${system}, ${env}`, body, charts)
}

function chartsOf(all: readonly MembersFindings[]): Chart[] {
  const faults = membersFaults.filter((fault) => all.some((one) => one.outcome(fault) !== null))
  const byCount = (title: string, metrics: readonly MembersMetric[]): Chart => ({
    title, unit: membersMetrics[metrics[0]!].unit, categoryName: 'members',
    categories: all.map(({ members }) => String(members)),
    series: metrics.map((metric) => ({ name: membersMetrics[metric].metric, points: all.map((one) => pointOf(one, metric)) })),
  })
  const byFault = (metric: MembersMetric): Chart => ({
    title: `Under faults: ${membersMetrics[metric].metric}`, unit: membersMetrics[metric].unit, categoryName: 'fault',
    categories: faults.map((fault) => `${fault.replace(', ', ',\n')}\n${all.flatMap(({ members }) => groupSizes(fault, members)?.join('|') ?? []).join('  ')}`),
    series: all.map((one) => ({ name: `${one.members} members`, points: faults.map((fault) => pointOf(one, metric, fault)) })),
  })
  return [
    byCount('Throughput of writes', ['throughput']),
    byCount('Latency of writes', ['latencyP50', 'latencyP99']),
    byCount('Election: the leader killed', ['newLeader', 'firstAck']),
    ...faults.length === 0 ? [] : (['writesSettled', 'writesByLargest', 'writesByAll', 'withoutAck'] as const).map(byFault),
  ].filter(({ series }) => series.some(({ points }) => points.some((point) => point !== null)))
}

function pointOf(one: MembersFindings, metric: MembersMetric, fault?: MembersFault) {
  const samples = one.samples(metric, fault)
  return samples === null ? null : chartPoint(samples)
}
