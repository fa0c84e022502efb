import t from 'tap'
import { VirtualTime } from '../testing/virtual-time.ts'
import { InterruptedError, Stop } from './stop.ts'

t.test('a sleep is cut short by the stop, and only by it', async (t) => {
  const clock = new VirtualTime()
  const stop = new Stop()
  await clock.run(async () => {
    t.equal(await stop.sleep(clock, 5), false)
    void clock.sleep(10).then(() => stop.stop('enough'))
    t.equal(await stop.sleep(clock, 1000), true)
    t.equal(clock.nowNs(), 15e6)
    t.equal(await stop.sleep(clock, 1000), true, 'at once when already stopped')
    t.equal(clock.nowNs(), 15e6)
  })
  stop.stop('again')
  t.equal(stop.reason, 'enough', 'the first reason counts')
})

t.test('orInterrupt gives the result, the error, or the interruption', async (t) => {
  const stop = new Stop()
  t.equal(await stop.orInterrupt(Promise.resolve(7)), 7)
  await t.rejects(stop.orInterrupt(Promise.reject(new Error('mine'))), { message: 'mine' })
  const waiting = stop.orInterrupt(new Promise(() => {}))
  stop.stop('SIGINT')
  await t.rejects(waiting, InterruptedError)
  await t.rejects(stop.orInterrupt(new Promise(() => {})), InterruptedError)
})
