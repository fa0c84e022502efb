import t from 'tap'
import type { Fault } from '../../nemesis/nemesis.ts'
import { VirtualTime } from '../testing/virtual-time.ts'
import { FaultConductor, type FaultRecord } from './fault-conductor.ts'
import { freshStatus } from './run-context.ts'

function setUp() {
  const clock = new VirtualTime()
  const events: { f: string, value: unknown, error?: string }[] = []
  const faults: FaultRecord[] = []
  const status = freshStatus()
  const conductor = new FaultConductor({
    clock, status,
    record: (event) => events.push(event as never),
    recordFault: (record) => faults.push(record),
  })
  const journal: string[] = []
  const fault = (name: string, failing: 'start' | 'stop' | null = null): Fault => ({
    name,
    value: { target: 'one', members: [name] },
    async start() {
      journal.push(`start ${name}`)
      await clock.sleep(10)
      if (failing === 'start') throw new Error('the probe passed')
      journal.push(`started ${name}`)
      return {
        observed: 'silence',
        async stop() {
          journal.push(`stop ${name}`)
          await clock.sleep(10)
          if (failing === 'stop') throw new Error('the probe did not pass')
          return 'an answer'
        },
      }
    },
  })
  return { clock, events, faults, status, conductor, journal, fault }
}

t.test('a fault leaves two events at its start and two at its end, and what the probes saw', async (t) => {
  const { clock, events, faults, status, conductor, fault } = setUp()
  await clock.run(async () => {
    const id = await conductor.start(fault('cut'))
    t.same(status.faultsOn, ['cut one cut'])
    await conductor.stop(id!)
  })
  t.same(events.map(({ f }) => f), ['start-cut', 'start-cut', 'stop-cut', 'stop-cut'])
  t.match(faults, [
    { fault: 0, name: 'cut', step: 'start', askedNs: 0, doneNs: 10e6, observed: 'silence', error: null },
    { fault: 0, name: 'cut', step: 'stop', askedNs: 10e6, doneNs: 20e6, observed: 'an answer', error: null },
  ])
  t.same(status.faultsOn, [])
  t.equal(conductor.result(true)!.verdict, 'valid')
})

t.test('two at once are done one after the other', async (t) => {
  const { clock, conductor, journal, fault } = setUp()
  await clock.run(async () => {
    await Promise.all([conductor.start(fault('a')), conductor.start(fault('b'))])
  })
  t.same(journal, ['start a', 'started a', 'start b', 'started b'])
})

t.test('a start that is not proven makes the verdict unknown, and there is nothing to mend', async (t) => {
  const { clock, events, conductor, journal, fault } = setUp()
  await clock.run(async () => {
    t.equal(await conductor.start(fault('cut', 'start')), null)
    await conductor.healAll()
  })
  t.same(journal, ['start cut'])
  t.match(events.at(-1), { f: 'start-cut', error: 'the probe passed' })
  t.match(conductor.result(true), { verdict: 'unknown', summary: /the probe passed/ })
})

t.test('healAll tries every fault, newest first, though one cannot be mended', async (t) => {
  const { clock, conductor, journal, fault } = setUp()
  await clock.run(async () => {
    await conductor.start(fault('a'))
    await conductor.start(fault('b', 'stop'))
    await conductor.start(fault('c'))
    await conductor.healAll()
  })
  t.same(journal.filter((line) => line.startsWith('stop')), ['stop c', 'stop b', 'stop a'])
  t.match(conductor.result(true), { verdict: 'unknown', summary: /stop-b .*the probe did not pass/ })
})

t.test('faults were asked for and none came: unknown; none asked for: nothing to say', async (t) => {
  const { conductor } = setUp()
  t.equal(conductor.result(true)!.verdict, 'unknown')
  t.equal(conductor.result(false), null)
})
