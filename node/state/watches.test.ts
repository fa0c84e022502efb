import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { cpuMs } from '../testing/cpu-time.ts'
import { type Interest, Watches } from './watches.ts'

const key = (text: string, table = 'kv'): Interest => ({ kind: 'key', table, key: text })
const prefix = (text: string, table = 'kv'): Interest => ({ kind: 'prefix', table, prefix: text })
const whole = (table = 'kv'): Interest => ({ kind: 'table', table })

t.test('nobody is woken before the flush, each at most once, and only by what it waits for', async (t) => {
  const watches = new Watches()
  const woken: string[] = []
  const add = (name: string, ...interests: Interest[]) => watches.add(interests, (cause) => woken.push(`${name} ${cause}`))
  add('a', key('a'))
  add('a/', prefix('a/'))
  add('a or b', key('a'), key('b'))
  add('all', whole())
  add('sessions', whole('sessions'))
  watches.touch('kv', 'a')
  watches.touch('kv', 'b')
  t.same(woken, [])
  watches.flush()
  t.same(woken.sort(), ['a changed', 'a or b changed', 'all changed'])
  watches.touch('kv', 'a/x')
  watches.touch('kv', 'a')
  watches.flush()
  t.same(woken.length, 4)
  t.equal(woken.at(-1), 'a/ changed')
  t.equal(watches.size, 1)
  watches.replaced()
  t.equal(woken.at(-1), 'sessions replaced')
  t.equal(watches.size, 0)
})

t.test('who is woken may wait again, and who has left is not woken', async (t) => {
  const watches = new Watches()
  let times = 0
  const again = () => {
    times++
    watches.add([key('a')], again)
  }
  again()
  watches.add([key('a')], () => t.fail('it left before the change'))()
  const leave = watches.add([key('a')], () => t.fail('it left between the change and the flush'))
  watches.touch('kv', 'a')
  leave()
  watches.flush()
  watches.flush()
  t.equal(times, 2)
})

t.test('so many at a time, first changes first, and who waits anew comes behind', async (t) => {
  const watches = new Watches()
  const woken: string[] = []
  const add = (name: string) => watches.add([key(name)], () => {
    woken.push(name)
    if (name === 'a') watches.add([key('a')], () => woken.push('a again'))
  })
  for (const name of ['a', 'b', 'c', 'd', 'e']) add(name)
  for (const name of ['c', 'a', 'b', 'c']) watches.touch('kv', name)
  t.equal(watches.flush(2), true)
  t.same(woken, ['c', 'a'])
  watches.touch('kv', 'a')
  watches.touch('kv', 'd')
  t.equal(watches.flush(1), true)
  t.equal(watches.flush(2), false)
  t.same(woken.slice(2), ['b', 'a again', 'd'])
  t.equal(watches.flush(2), false)
  t.equal(watches.size, 1)
})

t.test('one waiter may end another that is due', async (t) => {
  const watches = new Watches()
  const woken: number[] = []
  const leave: (() => void)[] = []
  for (const one of [0, 1]) {
    leave.push(watches.add([key('a')], () => {
      woken.push(one)
      leave[1 - one]!()
    }))
  }
  watches.touch('kv', 'a')
  watches.flush()
  t.same(woken, [0])
  t.equal(watches.size, 0)
})

t.test('equals a scan of all who wait', async (t) => {
  const text = fc.constantFrom('', 'a', 'ab', 'a/', 'a/b', 'b', 'é', 'é/')
  const interest: fc.Arbitrary<Interest> = fc.oneof(
    fc.record({ kind: fc.constant('key' as const), table: fc.constantFrom('kv', 'sessions'), key: text }),
    fc.record({ kind: fc.constant('prefix' as const), table: fc.constantFrom('kv', 'sessions'), prefix: text }),
    fc.record({ kind: fc.constant('table' as const), table: fc.constantFrom('kv', 'sessions') }),
  )
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('add' as const), interests: fc.array(interest, { minLength: 1, maxLength: 3 }) }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('touch' as const), table: fc.constantFrom('kv', 'sessions'), key: text }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('leave' as const), one: fc.nat(20) }) },
    { weight: 2, arbitrary: fc.constant({ kind: 'flush' as const }) },
  )
  const concerns = (one: Interest, table: string, touched: string) => one.table === table
    && (one.kind === 'table' || (one.kind === 'key' ? one.key === touched : touched.startsWith(one.prefix)))
  fc.assert(fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
    const watches = new Watches()
    const waiting = new Map<number, { interests: Interest[], due: boolean, leave: () => void }>()
    const woken: number[] = []
    let last = 0
    for (const one of [...steps, { kind: 'flush' as const }]) {
      switch (one.kind) {
        case 'add': {
          const id = ++last
          waiting.set(id, { interests: one.interests, due: false, leave: watches.add(one.interests, () => woken.push(id)) })
          break
        }
        case 'touch':
          watches.touch(one.table, one.key)
          for (const waiter of waiting.values()) waiter.due ||= waiter.interests.some((interest) => concerns(interest, one.table, one.key))
          break
        case 'leave':
          waiting.get(one.one)?.leave()
          waiting.delete(one.one)
          break
        case 'flush': {
          watches.flush()
          const due = [...waiting].filter(([, waiter]) => waiter.due).map(([id]) => id)
          for (const id of due) waiting.delete(id)
          assert.deepEqual(woken.splice(0).sort((a, b) => a - b), due)
          assert.equal(watches.size, waiting.size)
        }
      }
    }
  }), { numRuns: 2000 })
  t.pass()
})

// Goal: the cost of a write does not grow with those who wait for something else.
t.test('a write looks only at those whom it concerns', async (t) => {
  const watches = new Watches()
  let woken = 0
  for (let i = 0; i < 50_000; i++) watches.add([i % 2 === 0 ? key(`k/${i}`) : prefix(`p/${i}/`)], () => { woken++ })
  const begunMs = cpuMs()
  for (let i = 0; i < 50_000; i++) watches.touch('kv', `other/${i}`)
  const elapsedMs = cpuMs() - begunMs
  // A scan of all would take 50,000 x 50,000 steps: minutes.
  t.ok(elapsedMs < 5000, `50,000 writes took ${elapsedMs.toFixed(0)} ms`)
  watches.touch('kv', 'k/2')
  watches.touch('kv', 'p/3/x')
  watches.flush()
  t.equal(woken, 2)
})

t.test('a write costs what it concerns, however many wait for something else', async (t) => {
  const costOf = (waiters: number) => {
    const watches = new Watches()
    let woken = 0
    for (let i = 0; i < waiters; i++) {
      watches.add([key(`own/${i}`), key(`other/${i}`)], () => woken++)
      watches.add([prefix(`tree${i % 10}/`)], () => woken++)
      watches.add([whole('sessions')], () => woken++)
    }
    const before = watches.visits
    watches.touch('kv', 'nobody/waits/for/this')
    watches.flush()
    const unheard = watches.visits - before
    t.equal(woken, 0)
    watches.touch('kv', 'own/7')
    watches.flush()
    t.equal(woken, 1)
    return { unheard, one: watches.visits - before - unheard }
  }
  const [few, many] = [costOf(10), costOf(5000)]
  t.same(many, few, 'as for ten')
  t.ok(many.unheard <= 4 && many.one <= 5, JSON.stringify(many))
})
