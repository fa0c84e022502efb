import t from 'tap'
import { NotNowError, type Fault, type Impact } from '../../nemesis/nemesis.ts'
import { VirtualTime } from '../testing/virtual-time.ts'
import { FaultConductor, type Started } from './fault-conductor.ts'
import type { FaultRecord } from './fault-record.ts'
import { freshStatus } from './run-context.ts'

function setUp() {
  const clock = new VirtualTime()
  const events: { f: string, value: unknown, error?: string }[] = []
  const faults: FaultRecord[] = []
  const status = freshStatus()
  const conductor = new FaultConductor({
    clock, status,
    memberCount: 3,
    record: (event) => events.push(event as never),
    recordFault: (record) => faults.push(record),
  })
  const journal: string[] = []
  const fault = (name: string, failing: 'start' | 'stop' | 'first-stop' | null = null, impact?: Impact): Fault => ({
    name,
    value: { target: 'one', members: [name] },
    ...impact === undefined ? {} : { impact },
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
          const first = !journal.slice(0, -1).includes(`stop ${name}`)
          if (failing === 'stop' || (failing === 'first-stop' && first)) throw new Error('the probe did not pass')
          return 'an answer'
        },
      }
    },
  })
  return { clock, events, faults, status, conductor, journal, fault }
}

const begin = (conductor: FaultConductor, fault: Fault, rule: 'always' | 'unless-conflicting' = 'unless-conflicting') =>
  conductor.start(async () => fault, rule)

function idOf(started: Started): number {
  if (started.kind !== 'on') throw new Error(`the fault is ${started.kind}`)
  return started.id
}

t.test('a fault leaves two events at its start and two at its end, and what the probes saw', async (t) => {
  const { clock, events, faults, status, conductor, fault } = setUp()
  await clock.run(async () => {
    const started = await begin(conductor, fault('cut'))
    t.same(status.faultsOn, ['cut one cut'])
    await conductor.stop(idOf(started))
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
    await Promise.all([begin(conductor, fault('a')), begin(conductor, fault('b'))])
  })
  t.same(journal, ['start a', 'started a', 'start b', 'started b'])
})

t.test('a start that is not proven makes the verdict unknown, and there is nothing to mend', async (t) => {
  const { clock, events, conductor, journal, fault } = setUp()
  await clock.run(async () => {
    t.same(await begin(conductor, fault('cut', 'start')), { kind: 'failed' })
    await conductor.healAll()
  })
  t.same(journal, ['start cut'])
  t.match(events.at(-1), { f: 'start-cut', error: 'the probe passed' })
  t.match(conductor.result(true), { verdict: 'unknown', summary: /the probe passed/ })
})

t.test('healAll tries every fault, newest first, though one cannot be mended', async (t) => {
  const { clock, conductor, journal, fault } = setUp()
  await clock.run(async () => {
    for (const one of [fault('a'), fault('b', 'stop'), fault('c')]) await begin(conductor, one)
    await conductor.healAll()
  })
  t.same(journal.filter((line) => line.startsWith('stop')), ['stop c', 'stop b', 'stop a', 'stop b', 'stop b'])
  t.match(conductor.result(true), { verdict: 'unknown', summary: /stop-b .*the probe did not pass/ })
})

t.test('faults were asked for and none came: unknown; none asked for: nothing to say', async (t) => {
  const { conductor } = setUp()
  t.equal(conductor.result(true)!.verdict, 'unknown')
  t.equal(conductor.result(false), null)
})

t.test('what could not be mended at first, and was later, is no failure', async (t) => {
  const { clock, faults, conductor, fault } = setUp()
  await clock.run(async () => {
    const id = idOf(await begin(conductor, fault('a', 'first-stop')))
    await conductor.stop(id)
    t.equal(conductor.result(true)!.verdict, 'unknown', 'still broken')
    await conductor.healAll()
  })
  t.same(faults.map(({ step, error }) => [step, error]), [['start', null], ['stop', 'the probe did not pass'], ['stop', null]])
  t.match(conductor.result(true), { verdict: 'valid', details: { mendedLater: 1 } })
})

t.test('a heal that hangs does not keep the others from being tried', async (t) => {
  const { clock, conductor, journal, fault } = setUp()
  await clock.run(async () => {
    await begin(conductor, fault('a'))
    await begin(conductor, { ...fault('b'), start: async () => ({ observed: null, stop: () => new Promise(() => {}) }) })
    await conductor.healAll(1)
  })
  t.same(journal.filter((line) => line.startsWith('stop')), ['stop a'])
  t.match(conductor.result(true), { verdict: 'unknown', summary: /stop-b .*not mended within/ })
})

t.test('healAll goes from the network up, the newest of a layer first', async (t) => {
  const { clock, conductor, journal, fault } = setUp()
  const order = ['data', 'process', 'links', 'clock', 'disk', 'links'] as const
  await clock.run(async () => {
    for (const [i, layer] of order.entries()) await begin(conductor, fault(`${layer}-${i}`, null, { layer, members: ['n1'] }), 'always')
    await conductor.healAll()
  })
  t.same(journal.filter((line) => line.startsWith('stop')), ['links-5', 'links-2', 'disk-4', 'clock-3', 'process-1', 'data-0'].map((name) => `stop ${name}`))
})

t.test('a fault that would hide the probes of another is not begun, and a line says why', async (t) => {
  const { clock, faults, conductor, journal, fault } = setUp()
  await clock.run(async () => {
    await begin(conductor, fault('kill', null, { layer: 'process', members: ['n1'] }))
    t.same(await begin(conductor, fault('clock', null, { layer: 'clock', members: ['n1', 'n2'] })), { kind: 'skipped' })
    t.match(await begin(conductor, fault('other', null, { layer: 'clock', members: ['n2'] })), { kind: 'on' })
    t.match(await begin(conductor, fault('asked', null, { layer: 'clock', members: ['n1'] }), 'always'), { kind: 'on' }, 'a script says what it wants')
  })
  t.notOk(journal.includes('start clock'))
  t.match(faults.find(({ step }) => step === 'skip'), { name: 'clock', error: /n1: process is broken there already/ })
  t.match(conductor.result(true), { verdict: 'valid', summary: /1 not begun/ })
})

t.test('a fault that is given up after it did something says from when on', async (t) => {
  const { clock, faults, conductor, fault } = setUp()
  await clock.run(async () => {
    await clock.sleep(100)
    const given = fault('damage')
    await begin(conductor, { ...given, async start() {
      await clock.sleep(50)
      throw new NotNowError('nothing to damage')
    } })
  })
  const skip = faults.find(({ step }) => step === 'skip')!
  t.equal(skip.doneNs - skip.askedNs, 50e6)
})
