import t from 'tap'
import { resolvePlan } from '../plan/resolve-plan.ts'
import { checkWatches } from './watches.ts'
import type { TimedText } from './timed-text.ts'
import { watchText } from './watch-text.ts'
import type { CheckResult } from './verdict.ts'

const plan = resolvePlan({ nemesis: [] }, { env: 'local', drawSeed: () => 1, workloads: ['register'], nemeses: [], partitionTargets: [] })

const judge = ({ history, faults }: TimedText) => checkWatches(history, plan, { faults })
const against = (results: readonly CheckResult[]) => results.filter(({ verdict }) => verdict === 'invalid').map(({ checker }) => checker)

/** Others whom member n2 tells of a state behind all that was done before, while a wait goes on. */
const signsOfLife = (fromS: number) => [0, 1, 2, 3].map((i) => `${fromS + i / 100}-${fromS + i / 100 + 0.005} 7@n2 wait q/ since=0 index=1`).join('\n')
/** And writes, that it only hands on. */
const handsOn = (fromS: number) => [0, 1, 2, 3].map((i) => `${fromS + i / 100}-${fromS + i / 100 + 0.005} 7@n2 write q/x ${900 + i}`).join('\n')

const cases: readonly { readonly name: string, readonly rejects: readonly string[], readonly says?: RegExp, readonly history: string }[] = [
  { name: 'a watcher sees each change', rejects: [], history: `
      1.0-1.1 0@n1 write p/a 1
      1.2-1.3 1@n2 wait p/ since=0 index=10 p/a=1:10
      1.4-1.6 1@n2 wait p/ since=10 index=11 p/a=2:11
      1.5-1.6 0@n1 write p/a 2` },
  { name: 'or several at once', rejects: [], history: `
      1.0-1.1 0@n1 write p/a 1
      1.2-1.3 0@n1 write p/a 2
      1.4-1.5 1@n2 wait p/ since=0 index=11 p/a=2:11` },
  { name: 'a value that nobody wrote', rejects: ['watches'], says: /nobody had written/, history: `
      1.0-1.1 0@n1 write p/a 1
      1.2-1.3 1@n2 wait p/ since=0 index=12 p/a=1:10 p/b=5:11` },
  { name: 'one whose write failed', rejects: ['watches', 'watched-keys'], history: `
      1.0-1.1 0@n1 write p/a 1
      1.2x1.3 0@n1 write p/a 2
      1.4-1.5 1@n2 wait p/ since=0 index=12 p/a=2:11` },
  { name: 'one whose write may have happened, before others and then no more', rejects: [], history: `
      1.0-1.1 0@n1 write p/a 1
      1.2~1.3 0@n1 write p/a 2
      1.4-1.5 1@n2 wait p/ since=0 index=10 p/a=1:10
      3.0-3.1 1@n2 wait p/ since=10 index=14 p/a=2:14` },
  { name: 'newer than the index of the answer', rejects: ['watches'], says: /newer than its own index/, history: `
      1.0-1.1 0@n1 write p/a 1
      1.2-1.3 1@n2 wait p/ since=0 index=9 p/a=1:10` },
  { name: 'one write with two versions', rejects: ['watches'], says: /two versions/, history: `
      1.0-1.1 0@n1 write p/a 1
      1.2-1.3 1@n2 wait p/ since=0 index=10 p/a=1:10
      1.4-1.5 1@n2 wait p/ since=10 index=11 p/a=1:11` },
  { name: 'a change behind the index that is told is not lost', rejects: [], history: `
      1.0-1.1 0@n1 write p/a 1
      1.2-1.4 0@n1 write p/b 2
      1.2-1.3 1@n2 wait p/ since=0 index=10 p/a=1:10
      1.5-1.6 1@n2 wait p/ since=10 index=11 p/a=1:10 p/b=2:11` },
  { name: 'a change before the index that is told is missed', rejects: ['watches'], says: /a watcher missed a change: p\/b/, history: `
      1.0-1.1 0@n1 write p/a 1
      1.2-1.6 0@n1 write p/b 2
      1.3-1.6 3@n1 write p/a 3
      1.3-1.4 1@n2 wait p/ since=0 index=12 p/a=3:12
      1.5-1.6 2@n3 wait p/ since=0 index=12 p/a=3:12 p/b=2:11` },
  { name: 'two watchers, one index, two states: a delete that only one saw', rejects: ['watches'], says: /two answers with one index differ/, history: `
      1.0-1.1 0@n1 write p/a 1
      1.2-1.6 0@n1 delete p/a
      1.2-1.3 1@n2 wait p/ since=0 index=11 p/a=1:10
      1.4-1.5 2@n3 wait p/ since=0 index=11` },
  { name: 'two watchers see two changes in two orders', rejects: ['watches', 'watched-keys'], history: `
      1.0-2.0 0@n1 write p/a 1
      1.0-2.0 3@n1 write p/b 2
      1.2-1.3 1@n2 wait p/ since=0 index=10 p/a=1:10
      1.4-1.5 2@n3 wait p/ since=0 index=11 p/b=2:11` },
  { name: 'a key goes away though nobody deleted it', rejects: ['watches', 'watched-keys'], says: /nobody deleted it/, history: `
      1.0-1.1 0@n1 write p/a 1
      1.2-1.3 1@n2 wait p/ since=0 index=10 p/a=1:10
      1.4-1.5 1@n2 wait p/ since=10 index=11` },
  { name: 'a delete that may have happened explains that', rejects: [], history: `
      1.0-1.1 0@n1 write p/a 1
      1.2-1.3 1@n2 wait p/ since=0 index=10 p/a=1:10
      1.3~1.4 0@n1 delete p/a
      2.4-2.5 1@n2 wait p/ since=10 index=11` },
  { name: 'the index goes back', rejects: ['watches'], says: /index of p\/ went back/, history: `
      1.0-1.1 0@n1 write p/a 1
      1.2-1.3 0@n1 write p/b 2
      1.4-1.5 0@n1 delete p/b
      1.6-1.7 1@n2 wait p/ since=0 index=12 p/a=1:10
      1.8-1.9 2@n3 wait p/ since=0 index=10 p/a=1:10` },
  { name: 'answers at the same time may be of any order', rejects: [], history: `
      1.0-1.1 0@n1 write p/a 1
      1.2-1.9 0@n1 write p/b 2
      1.6-1.7 1@n2 wait p/ since=0 index=11 p/a=1:10 p/b=2:11
      1.65-1.9 2@n3 wait p/ since=0 index=10 p/a=1:10` },
  { name: 'an acknowledged write is not in a later answer', rejects: ['watched-keys'], says: /not linearizable/, history: `
      1.0-1.1 0@n1 write p/a 1
      1.2-1.3 1@n2 wait p/ since=0 index=5` },
  { name: 'a wait runs out and says that nothing changed, though a change was acknowledged before it', rejects: ['watched-keys'], history: `
      1.0-1.1 0@n1 write p/a 1
      1.2-1.3 1@n2 wait p/ since=0 index=10 p/a=1:10
      1.4-1.5 0@n1 write p/a 2
      1.6-3.7 1@n2 wait p/ since=10 index=10 p/a=1:10` },
  { name: 'of stale answers that is not promised', rejects: [], history: `
      1.0-1.1 0@n1 write p/a 1
      1.2-1.3 1@n2 wait p/ since=0 index=10 p/a=1:10
      1.4-1.5 0@n1 write p/a 2
      1.6-3.7 1@n2 wait p/ since=10 index=10 p/a=1:10 stale` },
  { name: 'but that they show a state as it was', rejects: ['watches'], history: `
      1.0-1.1 0@n1 write p/a 1
      1.2-1.3 0@n1 write p/b 2
      1.4-1.5 1@n2 wait p/ since=0 index=11 p/a=1:10 p/b=2:11 stale
      1.6-1.7 1@n2 wait p/ since=11 index=12 p/a=1:10 stale` },
  { name: 'and that at one member they do not go back', rejects: ['watches'], says: /went back/, history: `
      1.0-1.1 0@n1 write p/a 1
      1.2-1.3 0@n1 write p/b 2
      1.4-1.5 1@n2 wait p/ since=0 index=11 p/a=1:10 p/b=2:11 stale
      1.6-1.7 3@n2 wait p/ since=0 index=10 p/a=1:10 stale` },
  { name: 'at another they may', rejects: [], history: `
      1.0-1.1 0@n1 write p/a 1
      1.2-1.3 0@n1 write p/b 2
      1.4-1.5 1@n2 wait p/ since=0 index=11 p/a=1:10 p/b=2:11 stale
      1.6-1.7 3@n3 wait p/ since=0 index=10 p/a=1:10 stale` },
  { name: 'and where a member began anew', rejects: [], history: `
      1.0-1.1 0@n1 write p/a 1
      1.2-1.3 0@n1 write p/b 2
      1.4-1.5 1@n2 wait p/ since=0 index=11 p/a=1:10 p/b=2:11 stale
      1.5-1.55 fault kill {"members":["n2"]}
      1.6-1.7 3@n2 wait p/ since=0 index=10 p/a=1:10 stale` },
  { name: 'a lease is no lease where clocks were skewed', rejects: [], history: `
      0.5-9.0 fault clock {"members":["n1"],"skew":{"kind":"drift","rate":2},"clocks":"all"}
      1.0-1.1 0@n1 write p/a 1
      1.2-1.3 1@n2 wait p/ since=0 index=5 default` },
  { name: 'a wall clock has nothing to do with leases', rejects: ['watched-keys'], history: `
      0.5-9.0 fault clock {"members":["n1"],"skew":{"kind":"drift","rate":2},"clocks":"wall"}
      1.0-1.1 0@n1 write p/a 1
      1.2-1.3 1@n2 wait p/ since=0 index=5 default` },
  { name: 'a wait is woken by a change', rejects: [], history: `
      1.0-1.1 0@n1 write p/a 1
      1.2-1.3 1@n2 wait p/ since=0 index=10 p/a=1:10
      1.4-3.4 1@n2 wait p/ since=10 index=11 p/a=2:11 wait=4000
      3.3-3.4 0@n1 write p/a 2
      ${signsOfLife(1.5)}` },
  { name: 'a wait goes on though a change was acknowledged', rejects: ['wakes'], says: /slept through a change of p\/a/, history: `
      1.0-1.1 0@n1 write p/a 1
      1.2-1.3 1@n2 wait p/ since=0 index=10 p/a=1:10
      1.4-5.4 1@n2 wait p/ since=10 index=11 p/a=2:11 wait=4000
      1.5-1.6 0@n1 write p/a 2
      ${signsOfLife(2)}` },
  { name: 'a wait goes on though a key that was there was deleted', rejects: ['wakes'], says: /slept through a change of p\/a/, history: `
      1.0-1.1 0@n1 write p/a 1
      1.2-1.3 1@n2 wait p/ since=0 index=10 p/a=1:10
      1.4-5.4 1@n2 wait p/ since=10 index=11 wait=4000
      1.5-1.6 0@n1 delete p/a
      ${signsOfLife(2)}` },
  { name: 'to delete what is absent is no change', rejects: [], history: `
      1.0-1.1 0@n1 write p/a 1
      1.2-1.3 1@n2 wait p/ since=0 index=10 p/a=1:10
      1.4-5.4 1@n2 wait p/ since=10 index=11 p/a=1:10 p/c=4:11 wait=4000
      1.5-1.6 0@n1 delete p/b
      5.2-5.4 0@n1 write p/c 4
      ${signsOfLife(2)}` },
  { name: 'a member that answers nobody may answer late', rejects: [], history: `
      1.0-1.1 0@n1 write p/a 1
      1.2-1.3 1@n2 wait p/ since=0 index=10 p/a=1:10
      1.4-5.4 1@n2 wait p/ since=10 index=11 p/a=2:11 wait=4000
      1.5-1.6 0@n1 write p/a 2` },
  { name: 'and so may one that hands on writes, and may be behind', rejects: [], history: `
      1.0-1.1 0@n1 write p/a 1
      1.2-1.3 1@n2 wait p/ since=0 index=10 p/a=1:10
      1.4-5.4 1@n2 wait p/ since=10 index=11 p/a=2:11 wait=4000
      1.5-1.6 0@n1 write p/a 2
      ${handsOn(2)}` },
  { name: 'and so may one that a fault holds up', rejects: [], history: `
      1.0-1.1 0@n1 write p/a 1
      1.2-1.3 1@n2 wait p/ since=0 index=10 p/a=1:10
      1.4-5.4 1@n2 wait p/ since=10 index=11 p/a=2:11 wait=4000
      1.5-1.6 0@n1 write p/a 2
      0.5-3.0 fault partition {}
      ${signsOfLife(2)}` },
]

for (const { name, rejects, says, history } of cases) {
  t.test(`${rejects.length === 0 ? 'accepted' : 'rejected'}: ${name}`, async (t) => {
    const results = await judge(watchText(history))
    t.same(against(results), rejects, JSON.stringify(results, null, 1))
    for (const { evidence } of results.filter(({ verdict }) => verdict === 'invalid')) {
      t.ok(evidence.length > 0 && evidence.every(({ explanation, eventIndexes }) => explanation.length > 0 && eventIndexes.length > 0), 'there is evidence, with events')
    }
    if (says !== undefined) t.match(results.flatMap(({ evidence }) => evidence.map(({ title }) => title)).join('\n'), says)
  })
}

t.test('nothing to check is unknown', async (t) => {
  t.same((await judge({ history: [], faults: [] })).map(({ verdict }) => verdict), ['unknown', 'unknown', 'unknown'])
})

t.test('what makes no sense is no history', async (t) => {
  const { history } = watchText('1.2-1.3 1@n2 wait p/ since=0 index=5')
  const without = history.map((event) => ({ ...event, value: null }))
  await t.rejects(checkWatches(without as typeof history, plan, { faults: [] }), { name: 'MalformedHistoryError' })
  const other = history.map((event) => ({ ...event, f: 'read' }))
  await t.rejects(checkWatches(other as typeof history, plan, { faults: [] }), { name: 'MalformedHistoryError', message: /not read/ })
})
