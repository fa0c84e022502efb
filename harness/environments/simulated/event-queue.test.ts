import fc from 'fast-check'
import t from 'tap'
import { EventQueue, type Event } from './event-queue.ts'

const drain = (queue: EventQueue) => {
  let count = 0
  while (queue.runNext()) count++
  return count
}

t.test('law: events come by time, equal times in the order of adding, cancelled ones never', async (t) => {
  fc.assert(fc.property(fc.array(fc.tuple(fc.nat(20), fc.boolean()), { maxLength: 400 }), (plan) => {
    const queue = new EventQueue()
    const ran: number[] = []
    const events = plan.map(([timeNs], i) => queue.at(timeNs, () => ran.push(i)))
    plan.forEach(([, cancelled], i) => { if (cancelled) queue.cancel(events[i]!) })
    const kept = plan.flatMap(([timeNs, cancelled], i) => cancelled ? [] : [{ timeNs, i }])
    const sizeBefore = queue.size
    drain(queue)
    const expected = kept.sort((a, b) => a.timeNs - b.timeNs || a.i - b.i).map(({ i }) => i)
    return sizeBefore === expected.length && JSON.stringify(ran) === JSON.stringify(expected)
  }))
  t.pass()
})

t.test('law: time never goes back, whatever events add and cancel while they run', async (t) => {
  fc.assert(fc.property(fc.array(fc.tuple(fc.integer({ min: -5, max: 50 }), fc.nat(3)), { minLength: 1, maxLength: 300 }), (plan) => {
    const queue = new EventQueue()
    const open: Event[] = []
    let lastNs = 0
    let next = 0
    const step = () => {
      if (queue.nowNs < lastNs) throw new Error(`${queue.nowNs} after ${lastNs}`)
      lastNs = queue.nowNs
      for (let n = 0; n < 3 && next < plan.length; n++) {
        const [delayNs, cancel] = plan[next++]!
        open.push(queue.at(queue.nowNs + delayNs, step))
        if (cancel === 0) queue.cancel(open.splice(open.length >> 1, 1)[0]!)
      }
    }
    queue.at(0, step)
    drain(queue)
    return queue.size === 0
  }))
  t.pass()
})

t.test('a delay is never cut short, and an event that ran can be cancelled without harm', async (t) => {
  const queue = new EventQueue()
  let ranNs = -1
  const event = queue.after(0.0000001, () => { ranNs = queue.nowNs })
  t.ok(queue.runNext())
  t.equal(ranNs, 1, 'a tenth of a nanosecond is rounded up')
  queue.cancel(event)
  t.equal(queue.size, 0)
  t.notOk(queue.runNext())
  t.throws(() => queue.after(Number.NaN, () => {}), /no whole number of ns/)
})

t.test('timers that are moved again and again do not pile up', async (t) => {
  const queue = new EventQueue()
  let timer = queue.after(1e6, () => {})
  for (let i = 0; i < 100_000; i++) {
    queue.cancel(timer)
    timer = queue.after(1e6, () => {})
  }
  t.equal(queue.size, 1)
  t.equal(drain(queue), 1)
})
