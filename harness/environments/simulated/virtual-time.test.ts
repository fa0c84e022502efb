import t from 'tap'
import { VirtualTime } from './virtual-time.ts'

t.test('sleeps end in the order of their times, and time is what they say', async (t) => {
  const time = new VirtualTime()
  const seen: string[] = []
  const sleeper = async (name: string, ms: number) => {
    for (let n = 0; n < 3; n++) {
      await time.sleep(ms)
      seen.push(`${name} ${time.nowNs() / 1e6}`)
    }
  }
  const result = await time.run(async () => {
    await Promise.all([sleeper('a', 10), sleeper('b', 7.5)])
    return 'done'
  })
  t.equal(result, 'done')
  t.same(seen, ['b 7.5', 'a 10', 'b 15', 'a 20', 'b 22.5', 'a 30'])
})

t.test('everything that follows from an event without time passing comes before the next event', async (t) => {
  const time = new VirtualTime()
  const seen: string[] = []
  await time.run(async () => {
    void time.sleep(2).then(() => seen.push('second event'))
    await time.sleep(1)
    for (let n = 0; n < 100; n++) await Promise.resolve()
    seen.push('after a hundred turns')
    await time.sleep(5)
  })
  t.same(seen, ['after a hundred turns', 'second event'])
})

t.test('what main and events throw comes out', async (t) => {
  await t.rejects(new VirtualTime().run(async () => { throw new Error('main') }), { message: 'main' })
  const time = new VirtualTime()
  await t.rejects(time.run(async () => {
    time.queue.after(1, () => { throw new Error('event') })
    await time.sleep(2)
  }), { message: 'event' })
})

t.test('a run that waits for what no event brings is an error, not a hang', async (t) => {
  const never = new Promise<void>(() => {})
  await t.rejects(new VirtualTime().run(() => never), /stands still/)
  const time = new VirtualTime()
  const tick = () => { time.queue.after(1, tick) }
  tick() // members' timers go on for ever
  await t.rejects(time.run(() => never), /stands still/)
})
