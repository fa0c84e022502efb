import fc from 'fast-check'
import t from 'tap'
import type { ClockSkew } from '../environment.ts'
import { EventQueue } from './event-queue.ts'
import { MemberClock } from './member-clock.ts'

function until(queue: EventQueue, ms: number): void {
  let reached = false
  queue.at(ms * 1e6, () => { reached = true })
  while (!reached && queue.runNext());
}

t.test('a wall clock that jumps leaves timers alone; one of every clock moves them', async (t) => {
  const queue = new EventQueue()
  const clock = new MemberClock(queue)
  const fired: [string, number][] = []
  const timer = (name: string, ms: number) => clock.after(ms, () => fired.push([name, queue.nowNs / 1e6]))
  timer('before', 100)
  const heal = clock.skew({ kind: 'jump', offsetMs: 60_000 }, 'wall')
  t.equal(clock.wallErrorMs, 60_000)
  until(queue, 150)
  t.same(fired, [['before', 100]])
  timer('at once', 1000)
  timer('later', 90_000)
  const healAll = clock.skew({ kind: 'jump', offsetMs: 60_000 }, 'all')
  until(queue, 200)
  t.same(fired.slice(1), [['at once', 150]])
  t.equal(clock.monotonicMs(), 60_200)
  heal()
  healAll()
  t.equal(clock.wallErrorMs, 0)
  t.equal(clock.monotonicMs(), 60_200, 'a monotonic clock does not go back')
  until(queue, 31_000)
  t.same(fired.slice(2), [['later', 30_150]])
})

t.test('drift of every clock changes the rate of timers that run already, and of later ones', async (t) => {
  const queue = new EventQueue()
  const clock = new MemberClock(queue)
  const fired: [string, number][] = []
  const timer = (name: string, ms: number) => clock.after(ms, () => fired.push([name, Math.round(queue.nowNs / 1e6)]))
  timer('running', 100)
  until(queue, 50)
  const heal = clock.skew({ kind: 'drift', rate: 2 }, 'all')
  timer('later', 100)
  const cancel = timer('cancelled', 60)
  cancel()
  until(queue, 75)
  t.same(fired, [['running', 75]])
  heal()
  until(queue, 200)
  t.same(fired[1], ['later', 125])
  t.equal(Math.round(clock.monotonicMs()), 225)
})

const skew: fc.Arbitrary<ClockSkew> = fc.oneof(
  fc.record({ kind: fc.constant('jump' as const), offsetMs: fc.integer({ min: -5000, max: 5000 }) }),
  fc.record({ kind: fc.constant('strobe' as const), offsetMs: fc.integer({ min: -5000, max: 5000 }), periodMs: fc.integer({ min: 1, max: 500 }) }),
  fc.record({ kind: fc.constant('drift' as const), rate: fc.double({ min: 0.5, max: 2, noNaN: true }) }),
)

t.test('law: whatever is done to it, the monotonic clock never goes back, no timer is early or lost, and healed the wall clock is right', async (t) => {
  fc.assert(fc.property(fc.array(fc.tuple(skew, fc.constantFrom('wall' as const, 'all' as const), fc.integer({ min: 1, max: 300 }), fc.boolean()), { maxLength: 12 }), (plan) => {
    const queue = new EventQueue()
    const clock = new MemberClock(queue)
    const heals: (() => void)[] = []
    let lastMs = 0
    let set = 0
    let fired = 0
    const look = () => {
      const nowMs = clock.monotonicMs()
      if (nowMs < lastMs - 1e-6) throw new Error(`the monotonic clock went from ${lastMs} to ${nowMs}`)
      lastMs = nowMs
    }
    let atMs = 0
    for (const [one, clocks, waitMs, healFirst] of plan) {
      if (healFirst) heals.shift()?.()
      look()
      heals.push(clock.skew(one, clocks))
      look()
      const dueMs = clock.monotonicMs() + waitMs
      set++
      clock.after(waitMs, () => {
        fired++
        // A whole ns is the finest that events know.
        if (clock.monotonicMs() < dueMs - 1e-3) throw new Error(`a timer due at ${dueMs} fired at ${clock.monotonicMs()}`)
      })
      until(queue, atMs += waitMs)
    }
    for (const heal of heals) heal()
    if (clock.wallErrorMs !== 0 || clock.rate !== 1) throw new Error(`healed, and ${clock.wallErrorMs} ms off at a rate of ${clock.rate}`)
    look()
    until(queue, atMs + 100_000)
    return fired === set
  }))
  t.pass()
})

t.test('a process that ends takes its timers with it', async (t) => {
  const queue = new EventQueue()
  const clock = new MemberClock(queue)
  clock.after(10, () => t.fail('of the dead process'))
  clock.forgetTimers()
  until(queue, 100)
  t.equal(queue.size, 0)
})
