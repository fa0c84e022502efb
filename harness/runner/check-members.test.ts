import t from 'tap'
import { checkMembers, crashIn, goCrashIn, notTraced, parseTrace } from './check-members.ts'

const start = (member: string) => JSON.stringify({ event: 'start', member, id: `id-${member}`, timeMs: 1, term: 0, votedFor: null, lastIndex: 0 })
const apply = (member: string, checksum: number) => JSON.stringify({ event: 'apply', member, id: `id-${member}`, timeMs: 2, index: 1, term: 1, checksum })

t.test('traces of members that agree, that differ, that are missing', async (t) => {
  const files = (member: string, checksum: number, log = '') => ({ 'raft-trace.jsonl': `${start(member)}\n${apply(member, checksum)}\n`, 'member.log': log })
  const directory = t.testdir({
    same: { n1: files('n1', 7), n2: files('n2', 7) },
    differ: { n1: files('n1', 7), n2: files('n2', 8) },
    crash: { n1: files('n1', 7, 'at work\nInvariantError: entry 5 comes after 3\n    at x.ts') },
    missing: { n1: files('n1', 7) },
  })
  t.match(await checkMembers(`${directory}/same`, ['n1', 'n2']), [{ checker: 'raft', verdict: 'valid' }])
  t.match(await checkMembers(`${directory}/differ`, ['n1', 'n2']), [{ verdict: 'invalid' }])
  t.match(await checkMembers(`${directory}/crash`, ['n1']), [{ verdict: 'invalid' }])
  await t.rejects(checkMembers(`${directory}/missing`, ['n1', 'n2']), /n2 left no raft-trace\.jsonl/)
})

t.test('a line torn by kill -9 is left out, at the end or before a restart; any other is refused', async (t) => {
  const torn = apply('n1', 7).slice(0, 30)
  t.equal(parseTrace(`${start('n1')}\n${apply('n1', 7)}\n${torn}`, 'n1').length, 2)
  t.same(parseTrace(`${start('n1')}\n${torn}${start('n1')}\n${apply('n1', 7)}\n`, 'n1').map(({ event }) => event), ['start', 'start', 'apply'])
  t.throws(() => parseTrace(`${torn}\n${start('n1')}\n`, 'n1'), /line 1 of n1's trace/)
})

t.test('a broken invariant in a log', async (t) => {
  t.equal(crashIn('InvariantError: term 3 after 4\n  at x'), 'term 3 after 4')
  t.equal(crashIn('{"level":50,"error":"InvariantError: term 3 after 4\\n    at x"}'), 'term 3 after 4')
  t.equal(crashIn('all is well'), null)
})

t.test('members that leave no trace: said, with whoever crashed, and no verdict', async (t) => {
  const directory = t.testdir({ n1: { 'member.log': 'all is well\n' }, n2: { 'member.log': '2026 start\npanic: tocommit(5) is out of range\n\ngoroutine 1 [running]:\n' } })
  t.match(await notTraced('etcd', directory, ['n1', 'n2', 'n3']), {
    verdict: 'unknown', notRun: true, summary: /^members of etcd leave no Raft trace .*; n2 crashed: tocommit\(5\) is out of range$/, details: { crashes: { n2: /^tocommit/ } },
  })
  t.equal(goCrashIn('{"level":"info","msg":"do not panic: it is fine"}'), null)
})
