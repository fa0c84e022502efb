import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { leadership, leadershipHtml } from './leadership.ts'
import { logLines, readMemberRecords, roleSpans } from './member-records.ts'
import { memberLogsHtml, moments } from './moments.ts'
import { packReport } from './pack-report.ts'
import { reportData } from './report-data.ts'

const originMs = 1767225600000

const traced = (event: string, atMs: number, more: object = {}) => `${JSON.stringify({ event, member: 'n1', id: 'x', timeMs: originMs + atMs, ...more })}\n`
const transition = (atMs: number, role: string, term: number) => traced('transition', atMs, { term, role, leader: null })

t.test('roles and terms from a Raft trace, in time of the run', async (t) => {
  t.same(roleSpans([
    traced('start', 100, { term: 0 }), transition(200, 'pre-candidate', 0), transition(210, 'candidate', 1), transition(220, 'leader', 1), traced('apply', 300, { index: 1, term: 1 }),
    transition(400, 'follower', 2), transition(450, 'follower', 2),
  ].join(''), originMs, 500), [
    { role: 'follower', term: 0, fromMs: 100, toMs: 200 }, { role: 'candidate', term: 0, fromMs: 200, toMs: 210 }, { role: 'candidate', term: 1, fromMs: 210, toMs: 220 },
    { role: 'leader', term: 1, fromMs: 220, toMs: 400 }, { role: 'follower', term: 2, fromMs: 400, toMs: 500 },
  ])
})

t.test('a kill ends a role at the last sign of life, also where it tore the last line', async (t) => {
  const torn = `{"event":"apply","member":"n1","ti`
  t.same(roleSpans(traced('start', 0, { term: 1 }) + transition(10, 'leader', 1) + traced('apply', 50, { term: 1 }) + torn + traced('start', 90, { term: 1 }), originMs, 100), [
    { role: 'follower', term: 1, fromMs: 0, toMs: 10 }, { role: 'leader', term: 1, fromMs: 10, toMs: 50 }, { role: 'follower', term: 1, fromMs: 90, toMs: 100 },
  ])
  t.same(roleSpans('', originMs, 100), [])
})

t.test('what is written after the end of the run ends with it', async (t) => {
  t.same(roleSpans(traced('start', 0, { term: 1 }) + transition(500, 'leader', 2), originMs, 100), [{ role: 'follower', term: 1, fromMs: 0, toMs: 100 }])
})

t.test('the time of a line: simulated, ours and Consul\'s, etcd\'s; a line without one is of the time before it', async (t) => {
  const iso = (ms: number) => new Date(originMs + ms).toISOString()
  t.same(logLines([
    '==> Starting', '{"timeMs":12.5,"level":"info","message":"m"}', `${iso(20)} [INFO]  agent: found`, `    ${iso(30)} [WARN]  agent.server: x`, '  a stack', '',
    `{"level":"info","ts":"${iso(40).replace('Z', '+00:00')}","msg":"m"}`, `{"@level":"info","@timestamp":"${iso(50)}"}`,
  ].join('\n'), originMs).map(({ atMs }) => atMs), [null, 12.5, 20, 30, 30, 40, 50])
  t.equal(logLines('x'.repeat(5000), 0)[0]!.text.length, 401, 'a long line is cut')
})

t.test('a directory of members; what is missing is empty', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'splitbrain-members-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  mkdirSync(join(directory, 'n1'))
  writeFileSync(join(directory, 'n1', 'raft-trace.jsonl'), traced('start', 0, { term: 3 }))
  writeFileSync(join(directory, 'n1', 'member.log'), '{"timeMs":1,"message":"one"}\n{"timeMs":2,"message":"two"}\n')
  const [n1, n2] = readMemberRecords(directory, ['n1', 'n2'], originMs, 100)
  t.match(n1, { member: 'n1', roles: [{ role: 'follower', term: 3, fromMs: 0, toMs: 100 }], log: [{ atMs: 1 }, { atMs: 2 }] })
  t.same(n2, { member: 'n2', roles: [], log: [] })
})

const asked = [{ timeNs: 1e9, leader: 'n1' }, { timeNs: 2e9, leader: null }, { timeNs: 3e9, leader: 'n2' }]

t.test('who led: by traces where there are any, else by who was asked', async (t) => {
  const leader = { member: 'n3', roles: [{ role: 'leader', term: 4, fromMs: 5, toMs: 9 }], log: [] } as const
  t.same(leadership([leader], asked, 5000), { source: 'traces', spans: [{ member: 'n3', term: 4, fromMs: 5, toMs: 9 }] })
  t.same(leadership([{ member: 'n1', roles: [], log: [] }], asked, 5000), {
    source: 'asked', spans: [{ member: 'n1', term: null, fromMs: 1000, toMs: 2000 }, { member: 'n2', term: null, fromMs: 3000, toMs: 5000 }],
  })
  t.equal(leadershipHtml(leadership([], null, 5000), false), '')
  t.match(leadershipHtml(leadership([leader], null, 5000), true), /clock, which faults of this run made lie/)
})

const data = reportData([
  { index: 0, time: 0, type: 'invoke', process: 0, f: 'read', value: null, node: 'n1' }, { index: 1, time: 5e9, type: 'ok', process: 0, f: 'read', value: 7, node: 'n1' },
  { index: 2, time: 6e9, type: 'invoke', process: 0, f: 'write', value: 7, node: 'n1' }, { index: 3, time: 8e9, type: 'fail', process: 0, f: 'write', value: 7, node: 'n1', error: 'no' },
], 1, [1])
const result = { checker: 'c', verdict: 'invalid', summary: '', details: {} } as const

t.test('the moment: of the evidence, else the first failure', async (t) => {
  const evidence = [{ title: 'e', explanation: [], key: null, eventIndexes: [0, 1] }]
  t.same(moments([{ ...result, evidence }], data, new Map([[0, 0], [1, 5000]])), [{ title: 'e', atMs: 5000 }])
  t.same(moments([{ ...result, evidence: [] }], data, new Map()), [{ title: 'the first operation that did not succeed', atMs: 8000 }])
})

t.test('lines of all members around a moment, bounded', async (t) => {
  const log = Array.from({ length: 1000 }, (_, i) => ({ atMs: i, text: `line ${i}` }))
  const html = memberLogsHtml([{ title: 'then', atMs: 500 }], [{ member: 'n1', roles: [], log }, { member: 'n2', roles: [], log }])
  t.equal(html.match(/<tr /g)?.length, 2 * 20 + 1)
  t.match(html, /line 500<\/td><\/tr><tr class="moment">.*then.*line 501</)
  t.equal(memberLogsHtml([{ title: 'then', atMs: 500 }], []), '')
})

t.test('what the page carries says the same as the columns', async (t) => {
  const packed = packReport(data, [], [], [])
  t.same(packed.startUs, [0, 6e6])
  t.same(packed.tookUs, [5e6, 2e6])
  t.same(packed.output.map((text) => packed.texts[text]), ['7', ''])
  t.equal(packed.output[0], packed.input[1], 'a text stands there once')
  t.same(packed.highlighted, [0])
})
