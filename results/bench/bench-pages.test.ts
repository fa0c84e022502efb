import t from 'tap'
import { benchCharts } from './bench-charts.ts'
import { benchCsv } from './bench-csv.ts'
import { renderBench } from './bench-html.ts'
import type { BenchRecord, Measurement } from './bench-record.ts'
import { benchTable, formatValue } from './bench-table.ts'

const measurement = (metric: string, of: Measurement['case'], samples: number[], better: Measurement['better'] = 'lower'): Measurement =>
  ({ case: of, metric, unit: 'ms', better, samples })

function record(measurements: Measurement[], notes: string[] = []): BenchRecord {
  return {
    bench: 'reads', env: 'local', system: 'registry', startedAt: '2026-01-02T03:04:05.678Z', tookS: 12.5, rerun: 'npx splitbrain bench reads --seed 7',
    versions: { node: '26.0.0' }, git: null, machine: { cpu: 'a <cpu>', cores: 2, memoryMiB: 1024, kernel: 'Linux', load: [0.5, 0, 0] }, measurements, notes,
  }
}

t.test('a picture: the numeric key with the most values goes across, others are lines, the rest pictures', async (t) => {
  const all = [3, 5].flatMap((members) => [1, 16, 64].flatMap((connections) => ['default', 'stale'].flatMap((consistency) => [16, 1024].map((valueBytes) =>
    measurement('latency p99', { members, connections, consistency, valueBytes, at: 'leader' }, [members + connections, 1])))))
  const charts = benchCharts(record(all))
  t.same(charts.map(({ title }) => title), ['latency p99, 16 bytes', 'latency p99, 1024 bytes'])
  for (const chart of charts) {
    t.equal(chart.xName, 'connections')
    t.same(chart.places, ['1', '16', '64'])
    t.same(chart.lines.map(({ name }) => name), ['3 members, consistency default', '3 members, consistency stale', '5 members, consistency default', '5 members, consistency stale'])
    t.same(chart.lines[2]!.samples, [[6, 1], [21, 1], [69, 1]])
  }
})

t.test('a picture of one case, of words only, and of cases that were left out', async (t) => {
  t.same(benchCharts(record([measurement('x', { members: 3 }, [1])])).map(({ places, lines }) => ({ places, lines })), [{ places: [''], lines: [{ name: 'x', samples: [[1]] }] }])
  t.match(benchCharts(record([measurement('x', { at: 'leader' }, [1]), measurement('x', { at: 'spread' }, [2])])), [{ xName: 'at', places: ['leader', 'spread'] }])
  const [chart] = benchCharts(record([measurement('x', { members: 5, connections: 1 }, [1]), measurement('x', { members: 3, connections: 16 }, [2]), measurement('x', { members: 3, connections: 1 }, [3])]))
  t.same(chart!.lines, [{ name: '5 members', samples: [[1], null] }, { name: '3 members', samples: [[3], [2]] }])
})

t.test('a table: what is better or worse; what only tells is named', async (t) => {
  const lines = benchTable(record([measurement('a', { members: 3, connections: 1 }, [1, 2, 30]), measurement('a', { members: 3, connections: 16 }, [4000]), measurement('cpu', { members: 3, connections: 1 }, [1], null)]))
  t.same(lines, [
    'everywhere: members 3', '', 'a, ms (lower is better)',
    '  connections  median    min    max  n',
    '            1    2.00   1.00   30.0  3',
    '           16   4,000  4,000  4,000  1',
    '', 'not shown here, as they are neither good nor bad: cpu', '',
  ])
  t.same(benchTable(record([])), [])
  t.same([0, 0.01234, 1.234, 12.34, 1234.5, -0.5].map(formatValue), ['0', '0.012', '1.23', '12.3', '1,235', '-0.5'])
})

t.test('CSV: a row each sample, quoted where it must be', async (t) => {
  const csv = benchCsv(record([measurement('a, "b"', { members: 3 }, [1, 2.5]), measurement('c', { at: 'leader' }, [7], null)]))
  t.same(csv.split('\r\n'), [
    'bench,env,system,startedAt,members,at,metric,unit,better,sample,value',
    'reads,local,registry,2026-01-02T03:04:05.678Z,3,,"a, ""b""",ms,lower,1,1',
    'reads,local,registry,2026-01-02T03:04:05.678Z,3,,"a, ""b""",ms,lower,2,2.5',
    'reads,local,registry,2026-01-02T03:04:05.678Z,,leader,c,ms,,1,7',
    '',
  ])
})

t.test('the page asks nobody for anything, and nothing measured can break out of it', async (t) => {
  const page = renderBench(record([measurement('p99', { at: '</script><b>' }, [1]), measurement('p99, uncorrected', { at: 'x' }, [1])], ['<i>note']))
  t.notMatch(page.replace(/https?:\/\/(github\.com|leeoniya)[^\s"']*/g, ''), /(src|href)=["']?https?:/)
  t.notMatch(page, /<\/script><b>|<i>note|a <cpu>/)
  t.match(page, /&lt;\/script&gt;&lt;b&gt;/)
  t.equal(page.match(/<figure/g)!.length, 2, 'each picture stands once, with its own metric')
})
