import t from 'tap'
import { EventLoop, taskCostMs } from './event-loop.ts'
import { EventQueue } from './event-queue.ts'

function makeLoop() {
  const queue = new EventQueue()
  const ran: string[] = []
  const loop = new EventLoop(queue)
  return {
    queue, loop, ran,
    io: (name: string) => loop.run('io', () => ran.push(name)),
    timer: (name: string) => loop.run('timer', () => ran.push(name)),
    until: (ms: number) => {
      let reached = false
      queue.at(ms * 1e6, () => { reached = true })
      while (!reached && queue.runNext());
    },
  }
}

t.test('a process that may run does so at once; one that stands still takes up timers first, then what came', async (t) => {
  const { loop, ran, io, timer } = makeLoop()
  io('a')
  t.same(ran, ['a'])
  loop.pause()
  io('b')
  timer('c')
  io('d')
  loop.pause()
  t.ok(loop.stands)
  loop.resume()
  t.same(ran, ['a'], 'the other pause still holds it')
  loop.resume()
  t.same(ran, ['a', 'c', 'b', 'd'])
  t.notOk(loop.stands)
})

t.test('what one task does may stop the ones behind it', async (t) => {
  const { loop, ran, io } = makeLoop()
  loop.pause()
  loop.run('io', () => {
    ran.push('kills')
    loop.reset()
  })
  io('of the dead process')
  loop.resume()
  t.same(ran, ['kills'])
  io('of its successor')
  t.same(ran, ['kills', 'of its successor'])
})

t.test('a starved process does so much work in each period, in order, and catches up when it has its CPU back', async (t) => {
  const { queue, loop, ran, io, until } = makeLoop()
  const end = loop.limit(0.01)
  const perPeriod = Math.ceil(1 / taskCostMs)
  for (let n = 0; n < 10 * perPeriod; n++) io(String(n))
  t.equal(ran.length, perPeriod, 'the first quota is there at once')
  until(250)
  t.equal(ran.length, 3 * perPeriod)
  end()
  t.same(ran, Array.from({ length: 10 * perPeriod }, (_, n) => String(n)))
  t.equal(queue.nowNs, 250e6)
})

t.test('of several limits the smallest holds', async (t) => {
  const { loop, ran, io } = makeLoop()
  const endSmall = loop.limit(0.001)
  const endLarge = loop.limit(1)
  for (let n = 0; n < 9; n++) io('x')
  t.equal(ran.length, 1)
  endSmall()
  t.equal(ran.length, 9)
  t.ok(loop.isLimited)
  endLarge()
  t.notOk(loop.isLimited)
})
