import t from 'tap'
import { resolvePlan } from '../plan/resolve-plan.ts'
import { checkLocks } from './locks.ts'
import { lockText } from './lock-text.ts'
import type { TimedText } from './timed-text.ts'
import type { CheckResult } from './verdict.ts'

const plan = resolvePlan({ nemesis: [], operationTimeout: 1000 }, { env: 'local', drawSeed: () => 1, workloads: ['register'], nemeses: [], partitionTargets: [] })

const judge = ({ history, faults }: TimedText) => checkLocks(history, plan, { faults })
const against = (results: readonly CheckResult[]) => results.filter(({ verdict }) => verdict === 'invalid').map(({ checker }) => checker)

/** Handmade histories: what each checker must reject, and the neighbours that all must accept. `rejects`: by which checkers. */
const cases: readonly { readonly name: string, readonly rejects: readonly string[], readonly says?: RegExp, readonly history: string }[] = [
  { name: 'a lock is handed on', rejects: [], history: `
      1.0-1.1 0 acquire a s1 t1 held
      1.2-1.3 1 acquire a s2 t2 refused
      1.4-1.5 2 read a s1 t1 1 10
      2.0-2.1 0 release a s1 t3 yes
      2.2-2.3 1 acquire a s2 t4 held
      2.4-2.5 2 read a s2 t4 2 12` },
  { name: 'two holders at once', rejects: ['locks'], says: /acquired though another held it: a/, history: `
      1.0-1.1 0 acquire a s1 t1 held
      1.2-1.3 1 acquire a s2 t2 held` },
  { name: 'an acquisition at the same time as the release that makes room for it', rejects: [], history: `
      1.0-1.1 0 acquire a s1 t1 held
      1.2-1.6 0 release a s1 t2 yes
      1.3-1.4 1 acquire a s2 t3 held` },
  { name: 'a release that may have happened makes room', rejects: [], history: `
      1.0-1.1 0 acquire a s1 t1 held
      1.2~1.6 0 release a s1 t2 yes
      1.8-1.9 1 acquire a s2 t3 held` },
  { name: 'and so it does long after', rejects: [], history: `
      1.0-1.1 0 acquire a s1 t1 held
      1.2~1.6 0 release a s1 t2 yes
      1.8-1.9 2 read a s1 t1 1 10
      4.0-4.1 1 acquire a s2 t3 held` },
  { name: 'but not twice', rejects: ['locks'], history: `
      1.0-1.1 0 acquire a s1 t1 held
      1.2~1.6 0 release a s1 t2 yes
      1.8-1.9 2 read a free t2 1 11
      2.0-2.1 0 acquire a s1 t4 held
      2.2-2.3 1 acquire a s2 t3 held` },
  { name: 'a release that failed makes no room', rejects: ['locks'], history: `
      1.0-1.1 0 acquire a s1 t1 held
      1.2x1.6 0 release a s1 t2 yes
      1.8-1.9 1 acquire a s2 t3 held` },
  { name: 'an acquisition that may have happened is seen later', rejects: [], history: `
      1.0~1.1 0 acquire a s1 t1 held
      2.0-2.1 1 read a s1 t1 1 10
      2.2-2.3 1 acquire a s2 t2 refused` },
  { name: 'and counts then: somebody else cannot have it as well', rejects: ['locks'], history: `
      1.0~1.1 0 acquire a s1 t1 held
      2.0-2.1 1 read a s1 t1 1 10
      2.2-2.3 1 acquire a s2 t2 held` },
  { name: 'an acquisition that may have happened explains a LockIndex', rejects: [], history: `
      1.0~1.1 0 acquire a s1 t1 held ttl=10
      14.0-14.1 1 acquire a s2 t2 held
      14.2-14.3 1 read a s2 t2 2 20` },
  { name: 'without it the LockIndex is one too high', rejects: ['locks'], says: /LockIndex that does not count/, history: `
      14.0-14.1 1 acquire a s2 t2 held
      14.2-14.3 1 read a s2 t2 2 20` },
  { name: 'the LockIndex stands still: the fencing token of the last holder is good again', rejects: ['locks'], says: /LockIndex that does not count/, history: `
      1.0-1.1 0 acquire a s1 t1 held
      1.2-1.3 0 release a s1 t2 yes
      1.4-1.5 1 acquire a s2 t3 held
      1.6-1.7 2 read a s2 t3 1 12` },
  { name: 'the same session acquires again: the LockIndex does not count that', rejects: [], history: `
      1.0-1.1 0 acquire a s1 t1 held
      1.4-1.5 0 acquire a s1 t2 held
      1.6-1.7 2 read a s1 t2 1 12` },
  { name: 'two reads see one holder, and its key of two versions', rejects: ['locks'], history: `
      1.0-1.1 0 acquire a s1 t1 held
      1.4-1.5 1 read a s1 t1 1 12
      1.6-1.7 2 read a s1 t1 1 13` },
  { name: 'the version goes back', rejects: ['locks'], history: `
      1.0-1.1 0 acquire a s1 t1 held
      1.4-1.5 1 read a s1 t1 1 12
      1.6-1.7 0 release a s1 t2 yes
      1.8-1.9 2 read a free t2 1 11` },
  { name: 'a session that is not renewed ends after its TTL, and its lock is free', rejects: [], history: `
      1.0-1.1 0 acquire a s1 t1 held ttl=10
      11.2-11.3 1 acquire a s2 t2 held` },
  { name: 'a lock is taken from a session before its TTL is over', rejects: ['locks'], history: `
      1.0-1.1 0 acquire a s1 t1 held ttl=10
      10.7-10.8 1 acquire a s2 t2 held` },
  { name: 'which counts from the renewal', rejects: ['locks'], history: `
      1.0-1.1 0 acquire a s1 t1 held ttl=10
      9.0-9.1 0 renew s1 known
      18.7-18.8 1 acquire a s2 t2 held` },
  { name: 'a renewal that may have happened gives no time', rejects: [], history: `
      1.0-1.1 0 acquire a s1 t1 held ttl=10
      9.0~9.1 0 renew s1 known
      18.7-18.8 1 acquire a s2 t2 held` },
  { name: 'what is seen at all does not leave with time: a read finds the lock free before the TTL is over', rejects: ['locks'], history: `
      1.0-1.1 0 acquire a s1 t1 held ttl=10
      5.0-5.1 1 read a free t1 1 11` },
  { name: 'a destroyed session makes room', rejects: [], history: `
      1.0-1.1 0 acquire a s1 t1 held
      2.0-2.1 0 destroy s1
      2.2-2.3 1 acquire a s2 t2 held` },
  { name: 'one whose destruction may have happened too', rejects: [], history: `
      1.0-1.1 0 acquire a s1 t1 held
      2.0~2.1 0 destroy s1
      5.0-5.1 1 acquire a s2 t2 held` },
  { name: 'unless it was renewed behind that', rejects: ['locks'], history: `
      1.0-1.1 0 acquire a s1 t1 held
      2.0~2.1 0 destroy s1
      6.0-6.1 3 renew s1 known
      5.0-5.1 1 acquire a s2 t2 held` },
  { name: 'a destroyed session must leave its lock', rejects: ['locks'], history: `
      1.0-1.1 0 acquire a s1 t1 held
      2.0-2.1 0 destroy s1
      2.2-2.3 1 read a s1 t1 1 10` },
  { name: 'a destroyed session acquires', rejects: ['locks'], history: `
      1.0-1.1 0 acquire a s1 t1 held
      1.2-1.3 0 release a s1 t2 yes
      2.0-2.1 0 destroy s1
      2.2-2.3 0 acquire a s1 t3 held` },
  { name: 'the key of a session with behavior delete goes with it, and counts anew', rejects: [], history: `
      1.0-1.1 0 acquire a s1 t1 held +delete
      2.0-2.1 0 destroy s1
      2.2-2.3 1 read a absent
      2.4-2.5 1 acquire a s2 t2 held
      2.6-2.7 1 read a s2 t2 1 20` },
  { name: 'that of behavior release stays', rejects: ['locks'], history: `
      1.0-1.1 0 acquire a s1 t1 held
      2.0-2.1 0 destroy s1
      2.2-2.3 1 read a absent` },
  { name: 'a lock-delay is kept', rejects: [], history: `
      1.0-1.1 0 acquire a s1 t1 held delay=3
      2.0-2.1 0 destroy s1
      2.2-2.3 1 acquire a s2 t2 refused
      5.0-5.1 1 acquire a s2 t3 held` },
  { name: 'a lock-delay is not kept', rejects: ['locks'], says: /within its lock-delay: a/, history: `
      1.0-1.1 0 acquire a s1 t1 held delay=3
      2.0-2.1 0 destroy s1
      4.8-4.9 1 acquire a s2 t3 held` },
  { name: 'it counts from the last moment at which the holder was seen', rejects: ['locks'], says: /within its lock-delay: a/, history: `
      1.0-1.1 0 acquire a s1 t1 held ttl=10 delay=3
      20.0-20.1 2 read a s1 t1 1 10
      22.0-22.1 1 acquire a s2 t3 held` },
  { name: 'a release knows no lock-delay', rejects: [], history: `
      1.0-1.1 0 acquire a s1 t1 held delay=3
      2.0-2.1 0 release a s1 t2 yes
      2.2-2.3 1 acquire a s2 t3 held` },
  { name: 'a lock-delay while a process began anew may be forgotten', rejects: [], history: `
      1.0-1.1 0 acquire a s1 t1 held delay=3
      2.0-2.1 0 destroy s1
      2.2-2.6 fault kill {"members":["n1"]}
      4.0-4.1 1 acquire a s2 t3 held` },
  { name: 'a clock that runs at twice the rate halves a lock-delay', rejects: [], history: `
      1.0-1.1 0 acquire a s1 t1 held delay=4
      1.5-30 fault clock {"members":["n1"],"skew":{"kind":"drift","rate":2},"clocks":"all"}
      2.0-2.1 0 destroy s1
      4.2-4.3 1 acquire a s2 t3 held` },
  { name: 'and no more than that', rejects: ['locks'], history: `
      1.9-30 fault clock {"members":["n1"],"skew":{"kind":"drift","rate":2},"clocks":"all"}
      1.0-1.1 0 acquire a s1 t1 held delay=4
      2.0-2.1 0 destroy s1
      2.8-2.9 1 acquire a s2 t3 held` },
  { name: 'a wall clock excuses nothing', rejects: ['locks'], history: `
      1.0-1.1 0 acquire a s1 t1 held ttl=10
      2.0-30 fault clock {"members":["n1"],"skew":{"kind":"jump","offsetMs":60000},"clocks":"wall"}
      4.0-4.1 1 acquire a s2 t3 held` },
  { name: 'a jump of every clock ends a session sooner', rejects: [], history: `
      1.0-1.1 0 acquire a s1 t1 held ttl=10
      2.0-30 fault clock {"members":["n1"],"skew":{"kind":"jump","offsetMs":60000},"clocks":"all"}
      4.0-4.1 1 acquire a s2 t3 held` },
  { name: 'a session that leans on its member may end at any time', rejects: [], history: `
      1.0-1.1 0 acquire a s1 t1 held ttl=10 +checked
      1.2-1.3 1 acquire a s2 t2 held` },
  { name: 'though not before it was renewed', rejects: ['locks'], history: `
      1.0-1.1 0 acquire a s1 t1 held ttl=10 +checked
      1.2-1.3 1 acquire a s2 t2 held
      2.0-2.1 0 renew s1 known` },
  { name: 'a session is not known any more though it should be', rejects: ['sessions'], says: /gone too soon/, history: `
      1.0-1.1 0 acquire a s1 t1 held ttl=10
      3.0-3.1 0 renew s1 unknown` },
  { name: 'a session that was said to be gone is renewed', rejects: ['sessions'], history: `
      1.0-1.1 0 acquire a s1 t1 refused ttl=10
      13.0-13.1 0 renew s1 unknown
      13.2-13.3 0 renew s1 known` },
  { name: 'a member that is made anew takes its sessions with it', rejects: [], history: `
      1.0-1.1 0 acquire a s1 t1 held ttl=10
      2.0-2.5 fault membership {"members":["n1"]}
      3.0-3.1 0 renew s1 unknown` },
  { name: 'another member does not', rejects: ['sessions'], history: `
      1.0-1.1 0 acquire a s1 t1 held ttl=10
      2.0-2.5 fault membership {"members":["n2"]}
      3.0-3.1 0 renew s1 unknown` },
  { name: 'a lock is released by another', rejects: ['locks'], history: `
      1.0-1.1 0 acquire a s1 t1 held
      1.2-1.3 1 acquire a s2 t2 refused
      1.4-1.5 1 release a s2 t3 yes` },
  { name: 'the holder is told that it is none', rejects: ['locks'], history: `
      1.0-1.1 0 acquire a s1 t1 held
      1.4-1.5 0 release a s1 t3 no` },
  { name: 'updates under a lock follow each other', rejects: [], history: `
      1.0-1.1 0 acquire a s1 t1 held
      1.2-1.3 0 guard a s1 - t2
      1.4-1.5 0 release a s1 t3 yes
      1.6-1.7 1 acquire a s2 t4 held
      1.8-1.9 1 guard a s2 t2 t5` },
  { name: 'two holders update at once, and one update is lost', rejects: ['locks', 'guarded'], says: /an update under a was lost/, history: `
      1.0-1.1 0 acquire a s1 t1 held
      1.2-1.3 1 acquire a s2 t2 held
      1.4-1.5 0 guard a s1 - t3
      1.4-1.6 1 guard a s2 - t4` },
  { name: 'who may have lost its lock by then may do damage: that is what fencing is for', rejects: [], history: `
      1.0-1.1 0 acquire a s1 t1 held ttl=10
      11.2-11.3 1 acquire a s2 t2 held
      11.4-11.5 1 guard a s2 - t4
      11.4-11.6 0 guard a s1 - t3` },
  { name: 'at the end every lock comes free', rejects: [], history: `
      1.0-1.1 0 acquire a s1 t1 held ttl=10
      2.0-22.0 1 cycle a s9 t9 held 20000` },
  { name: 'one that does not', rejects: ['freeing'], says: /did not come free/, history: `
      1.0-1.1 0 acquire a s1 t1 held ttl=10
      2.0-45.0 1 cycle a s9 t9 stuck 43000` },
  { name: 'one that is waited for in trouble: leaders may change, and each begins its time anew', rejects: [], history: `
      1.0-1.1 0 acquire a s1 t1 held ttl=10
      2.0-77.0 1 cycle a s9 t9 stuck 75000 30000` },
  { name: 'a read sees the lock of a session whose time was over long ago', rejects: ['freeing'], says: /still held by a session that was over/, history: `
      1.0-1.1 0 acquire a s1 t1 held ttl=10
      60.0-60.1 1 read a s1 t1 1 10` },
  { name: 'trouble begins that time anew', rejects: [], history: `
      1.0-1.1 0 acquire a s1 t1 held ttl=10
      29.0-30.0 1 read a s1 t1 1 10
      60.0-60.1 1 read a s1 t1 1 10` },
  { name: 'faults begin that time anew', rejects: [], history: `
      1.0-1.1 0 acquire a s1 t1 held ttl=10
      20.0-30.0 fault partition {}
      60.0-60.1 1 read a s1 t1 1 10` },
]

for (const { name, rejects, says, history } of cases) {
  t.test(`${rejects.length === 0 ? 'accepted' : 'rejected'}: ${name}`, async (t) => {
    const results = await judge(lockText(history))
    t.same(against(results), rejects, JSON.stringify(results, null, 1))
    for (const { evidence } of results.filter(({ verdict }) => verdict === 'invalid')) {
      t.ok(evidence.length > 0 && evidence.every(({ explanation, eventIndexes }) => explanation.length > 0 && eventIndexes.length > 0), 'there is evidence, with events')
    }
    if (says !== undefined) t.match(results.flatMap(({ evidence }) => evidence.map(({ title }) => title)).join('\n'), says)
  })
}

t.test('nothing to check is unknown', async (t) => {
  t.match((await judge({ history: [], faults: [] })).map(({ verdict }) => verdict), ['unknown', 'unknown', 'unknown'])
  t.equal((await judge(lockText('1.0-1.1 0 acquire a s1 t1 refused')))[0]!.verdict, 'unknown')
})

t.test('stale reads, and default reads where clocks were skewed, are left out', async (t) => {
  const text = lockText(`
    1.0-1.1 0 acquire a s1 t1 held
    1.2-30 fault clock {"members":["n1"],"skew":{"kind":"drift","rate":2},"clocks":"all"}
    1.2-1.3 1 read a absent`)
  const judged = (consistency: 'consistent' | 'default') => checkLocks(text.history, { ...plan, consistency }, text)
  t.same(against(await judged('consistent')), ['locks'])
  t.same(against(await judged('default')), [])
  const stale = text.history.map((event) => event.type === 'invoke' && event.f === 'read' ? { ...event, value: { stale: true } } : event)
  t.same(against(await checkLocks(stale as typeof text.history, { ...plan, consistency: 'stale' }, text)), [])
})

t.test('a history that does not say which session it was about is none', async (t) => {
  const { history } = lockText('1.0~1.1 0 acquire a s1 t1 held')
  const without = history.map((event) => ({ ...event, value: null }))
  await t.rejects(checkLocks(without, plan, { faults: [] }), { name: 'MalformedHistoryError', message: /does not say what it was about/ })
  await t.rejects(checkLocks(history.slice(0, 1), plan, { faults: [] }), { name: 'MalformedHistoryError', message: /has no end/ })
})
