import t from 'tap'
import { countCoverage, emptiness } from './coverage.ts'
import { describeSummary, summarize } from './summary.ts'
import type { JobEnd } from './job.ts'

const history = [
  '{"index":0,"time":0,"type":"invoke","process":0,"f":"read","value":null}',
  '{"index":1,"time":1,"type":"ok","process":0,"f":"read","value":null}',
  '{"index":2,"time":1,"type":"info","process":"nemesis","f":"start-kill","value":{}}',
  '{"index":3,"time":1,"type":"info","process":1,"f":"write","value":1,"error":"lost"}',
  '{"index":4,"time":1,"type":"fail","process":2,"f":"write","value":1,"error":"refused"}',
]
const faults = [
  '{"fault":0,"name":"kill","step":"start","value":{},"error":null}',
  '{"fault":0,"name":"kill","step":"stop","value":{},"error":null}',
  '{"fault":1,"name":"kill","step":"skip","value":{},"error":"n1: broken already"}',
  '{"fault":2,"name":"clock","step":"start","value":{},"error":"the probe saw nothing"}',
]
const traces = [
  ['{"event":"start","member":"n1","id":"a","term":0}', '{"event":"transition","id":"a","term":1,"role":"candidate"}', '{"event":"transition","id":"a","term":1,"role":"leader"}', '{"event":"apply","id":"a","index":1,"term":1}', '{"event":"start","member":"n1","id":"a","term":2}', '{"event":"restore","id":"a","index":40,"term":2}'],
  ['{"event":"start","member":"n2","id":"b","term":0}', '{"event":"append","id":"b","term":2,"first":1,"terms":[[1,4],[2,1]]}', '{"event":"append","id":"b","term":3,"first":5,"terms":[[3,1]]}', '{"event":"append","id":"b","term":3,"first":6,"terms":[[3,2]]}', '{"event":"transition","id":"b","term":3,"role":"leader"}'],
]

t.test('what a run reached is counted from what it left', async (t) => {
  t.same(countCoverage({ history, faults, traces }), {
    operations: { ok: 1, fail: 1, info: 1 }, terms: 3, elections: 2, restarts: 1, snapshotsInstalled: 1, truncations: 1, membershipChanges: 0, faults: { kill: 1 },
  })
})

t.test('a kill tears a line: the restarted member goes on behind it, or nobody does', async (t) => {
  const torn = ['{"event":"start","member":"n1","id":"a","term":0}', '{"event":"append","member":"n1","{"event":"start","member":"n1","id":"a","timeMs":5,"term":4}', '{"event":"append","member":"n1","id":"a","term":4,"first":1,"te']
  t.match(countCoverage({ history, faults, traces: [torn] }), { restarts: 1, terms: 4, truncations: 0 })
})

t.test('a run that tested nothing is seen', async (t) => {
  const full = countCoverage({ history, faults, traces })
  t.equal(emptiness(full, true), null)
  t.equal(emptiness(countCoverage({ history: [], faults, traces }), true), 'no operation succeeded')
  t.equal(emptiness(countCoverage({ history, faults, traces: [] }), true), 'nobody was elected')
  t.equal(emptiness({ ...full, faults: {} }, true), 'no fault came about')
  t.equal(emptiness({ ...full, faults: {} }, false), null, 'none was wanted')
})

t.test('many runs in numbers', async (t) => {
  const judged = (verdict: 'valid' | 'invalid' | 'unknown', ok: number): JobEnd => ({
    kind: 'judged', id: ok, recoveredMs: verdict === 'unknown' ? null : ok * 10, verdict, findings: [], directory: null, rerun: '', digest: '', simulatedS: 30, tookS: 1,
    coverage: { ...countCoverage({ history, faults, traces }), operations: { ok, fail: 0, info: 0 } },
  })
  const summary = summarize([judged('valid', 10), judged('valid', 30), judged('invalid', 0), judged('unknown', 20), { kind: 'failed', id: 1, error: 'x', directory: null }], true)
  t.match(summary, { valid: 2, invalid: 1, unknown: 1, failed: 1, simulatedS: 120, empty: { 'no operation succeeded': 1 } })
  t.same(summary.coverage.find(({ what }) => what === 'operations that succeeded'), { what: 'operations that succeeded', total: 60, runs: 3, median: 20, max: 30 })
  t.same(summary.coverage.find(({ what }) => what === 'fault kill'), { what: 'fault kill', total: 4, runs: 4, median: 1, max: 1 })
  t.match(describeSummary(summary, 2, (id) => 100 + id).join('\n'), /5 runs: 2 valid, 1 invalid, 1 unknown, 1 failed; 120 simulated s in 2.0 s\n.*\n.*operations that succeeded +60 +3 +20 +30\n[^]*slowest recovery: serving again 0\.30 s after the last healing \(seed 130\)\n[^]*proves little: 1 run: no operation succeeded/)
})
