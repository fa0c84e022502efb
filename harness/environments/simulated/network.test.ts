import fc from 'fast-check'
import t from 'tap'
import { seededRandom } from '../../../node/base/random.ts'
import { drawClimate } from './climate.ts'
import { SimulatedNetwork } from './network.ts'
import { PathFaults } from './path-faults.ts'
import { Paths } from './path.ts'
import { VirtualTime } from './virtual-time.ts'

const members = ['n1', 'n2', 'n3']

/** Toy members that note what they hear, and who they are told is lost. */
function makeNetwork(seed: number, latencyMs = 0, deathHeard = 1) {
  const time = new VirtualTime()
  const random = seededRandom(seed)
  const climate = { ...drawClimate(random.split('climate')), deathHeardShare: deathHeard }
  const paths = new Paths(members, random.split('paths'))
  const network = new SimulatedNetwork({ time, random, climate, paths, latencyMs })
  const faults = new PathFaults(time, paths)
  const heard = new Map<string, unknown[]>(members.map((name) => [name, []]))
  const lost = new Map<string, string[]>(members.map((name) => [name, []]))
  const connect = (name: string) => {
    const transport = network.connect(name, (task) => task())
    transport.onMessage((message) => heard.get(name)!.push(message))
    transport.onPeerLost((address) => lost.get(name)!.push(address))
    return transport
  }
  const transports = new Map(members.map((name) => [name, connect(name)]))
  const say = (from: string, to: string, message: unknown) => transports.get(from)!.send(network.addressOf(to), message)
  return { time, network, faults, paths, heard, lost, transports, say, reconnect: (name: string) => transports.set(name, connect(name)) }
}

t.test('messages arrive in order, each after at least the delay that was asked for', async (t) => {
  const { time, heard, say } = makeNetwork(1, 25)
  await time.run(async () => {
    for (let i = 0; i < 200; i++) say('n1', 'n2', i)
    await time.sleep(24)
    t.same(heard.get('n2'), [])
    await time.sleep(1000)
    t.same(heard.get('n2'), Array.from({ length: 200 }, (_, i) => i))
    t.same(heard.get('n3'), [])
  })
})

t.test('law: cuts are counted; a link passes exactly when no cut holds it', async (t) => {
  const link = fc.constantFrom(...members.flatMap((from) => members.filter((to) => to !== from).map((to) => ({ from, to }))))
  await fc.assert(fc.asyncProperty(fc.nat(), fc.array(fc.array(link, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 4 }), async (seed, cuts) => {
    const { time, faults, heard, say } = makeNetwork(seed)
    await time.run(async () => {
      const open: { links: readonly { from: string, to: string }[], cut: { heal(): Promise<void> } }[] = []
      const verify = async () => {
        // Beyond the longest stall, backoff and dial.
        await time.sleep(4000)
        for (const list of heard.values()) list.length = 0
        // Twice: the first one may only dial.
        for (let n = 0; n < 2; n++) {
          for (const from of members) for (const to of members) if (from !== to) say(from, to, from)
          await time.sleep(3000)
        }
        for (const from of members) {
          for (const to of members) {
            if (from === to) continue
            const isCut = open.some(({ links }) => links.some((one) => one.from === from && one.to === to))
            const reverseIsCut = open.some(({ links }) => links.some((one) => one.from === to && one.to === from))
            const count = heard.get(to)!.filter((message) => message === from).length
            if (isCut && count > 0) throw new Error(`${from}>${to} passes although it is cut`)
            if (!isCut && !reverseIsCut && count === 0) throw new Error(`${from}>${to} is whole and does not pass`)
          }
        }
      }
      for (const links of cuts) {
        open.push({ links, cut: await faults.cut(links) })
        await verify()
      }
      while (open.length > 0) {
        await open.shift()!.cut.heal()
        await verify()
      }
    })
  }), { numRuns: 40 })
  t.pass()
})

t.test('a cut that heals soon delivers late and in order, or breaks the connection; never with a hole', async (t) => {
  let late = 0
  let broken = 0
  for (let seed = 0; seed < 40; seed++) {
    const { time, faults, heard, say } = makeNetwork(seed)
    await time.run(async () => {
      say('n1', 'n2', 0)
      await time.sleep(500)
      const cut = await faults.cut([{ from: 'n1', to: 'n2' }])
      for (let i = 1; i <= 5; i++) say('n1', 'n2', i)
      await time.sleep(500)
      t.same(heard.get('n2'), [0], 'nothing passes')
      await cut.heal()
      say('n1', 'n2', 6)
      await time.sleep(2000)
      const got = heard.get('n2') as number[]
      t.ok(got.every((message, i) => i === 0 || message > got[i - 1]!), `in order: ${got}`)
      if (got.length === 7) late++
      else {
        t.notOk(got.some((message) => message > 0 && message < 6), `lost together: ${got}`)
        broken++
      }
    })
  }
  t.ok(late > 0 && broken > 0, `${late} late, ${broken} broken`)
})

const disturbance = fc.oneof(
  fc.record({ kind: fc.constant('loss' as const), probability: fc.double({ min: 0.05, max: 0.7, noNaN: true }), burstLength: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ kind: fc.constant('delay' as const), delayMs: fc.integer({ min: 0, max: 300 }), jitterMs: fc.integer({ min: 0, max: 100 }), distribution: fc.constantFrom('uniform' as const, 'normal' as const, 'pareto' as const) }),
  fc.record({ kind: fc.constant('duplicate' as const), probability: fc.constant(0.5) }),
  fc.record({ kind: fc.constant('reorder' as const), probability: fc.constant(0.5), gapMs: fc.integer({ min: 1, max: 200 }) }),
  fc.record({ kind: fc.constant('corrupt' as const), probability: fc.double({ min: 0.05, max: 0.5, noNaN: true }) }),
  fc.record({ kind: fc.constant('bandwidth' as const), kbitPerS: fc.integer({ min: 5, max: 500 }) }),
)

t.test('law: under any disturbance nothing is doubled; without a break of a connection nothing is missing or out of order', async (t) => {
  let broken = 0
  let whole = 0
  await fc.assert(fc.asyncProperty(fc.nat(), fc.array(disturbance, { minLength: 1, maxLength: 3 }), fc.boolean(), async (seed, disturbances, bothWays) => {
    const { time, paths, heard, lost, say } = makeNetwork(seed)
    await time.run(async () => {
      const links = [{ from: 'n1', to: 'n2' }, ...bothWays ? [{ from: 'n2', to: 'n1' }] : []]
      const active = links.flatMap(({ from, to }) => disturbances.map((one) => ({ path: paths.of(from, to, 'raft'), one: paths.of(from, to, 'raft').impair(one) })))
      for (let i = 0; i < 100; i++) {
        say('n1', 'n2', i)
        await time.sleep(10)
      }
      for (const { path, one } of active) path.mend(one)
      await time.sleep(30_000)
      const got = heard.get('n2') as number[]
      if (new Set(got).size !== got.length) throw new Error(`doubled: ${got}`)
      // What was under way on a connection that was given up may come behind what the next one brought.
      if (lost.get('n1')!.length === 0 && got.some((message, i) => i > 0 && message <= got[i - 1]!)) throw new Error(`out of order: ${got}`)
      // Dials that fail drop what waited for them, and nobody had been connected who could be told.
      const isWhole = got.length === 100
      const sinceFirst = got.length === 0 || got.length === 100 - got[0]!
      if (lost.get('n1')!.length === 0 && !sinceFirst) throw new Error(`no connection broke, and ${got.length} of 100 arrived`)
      if (isWhole) whole++
      else broken++
      say('n1', 'n2', 100)
      await time.sleep(5000)
      if (!got.includes(100)) throw new Error('healed, and nothing passes')
    })
  }), { numRuns: 150 })
  t.ok(whole > 20 && broken > 5, `${whole} whole, ${broken} with losses`)
})

t.test('a message of many segments arrives whole over a lossy link, and is stuck before a small MTU', async (t) => {
  const { time, paths, heard, lost, say, network } = makeNetwork(8)
  await time.run(async () => {
    const path = paths.of('n1', 'n2', 'raft')
    const loss = path.impair({ kind: 'loss', probability: 0.2, burstLength: 1 })
    const large = 'x'.repeat(50_000)
    for (let tries = 0; tries < 10 && heard.get('n2')!.length === 0; tries++) {
      say('n1', 'n2', large)
      await time.sleep(5000)
    }
    t.same(heard.get('n2')!.slice(0, 1), [large])
    path.mend(loss)
    await time.sleep(5000)
    heard.get('n2')!.length = lost.get('n1')!.length = 0
    path.impair({ kind: 'mtu', maxBytes: 800 })
    say('n1', 'n2', 'small')
    await time.sleep(500)
    say('n1', 'n2', large)
    say('n1', 'n2', 'behind it')
    await time.sleep(1500)
    t.same(heard.get('n2'), ['small'], 'what is behind it waits')
    await time.sleep(3000)
    t.same(lost.get('n1'), [network.addressOf('n2')], 'the connection is given up')
  })
})

t.test('a long cut is noticed by its silence, at the sender', async (t) => {
  const { time, network, faults, lost, say } = makeNetwork(5)
  await time.run(async () => {
    say('n1', 'n2', 'hello')
    await time.sleep(100)
    const cut = await faults.cut([{ from: 'n2', to: 'n1' }])
    say('n1', 'n2', 'nobody acknowledges this')
    await time.sleep(3000)
    t.same(lost.get('n1'), [network.addressOf('n2')])
    await cut.heal()
  })
})

t.test('what was under way when the sender gave a connection up still arrives, behind what the next one brought', async (t) => {
  for (const dies of [false, true]) {
    const { time, paths, network, heard, lost, say, reconnect } = makeNetwork(6)
    await time.run(async () => {
      say('n1', 'n2', 'dial')
      await time.sleep(500)
      const path = paths.of('n1', 'n2', 'raft')
      const delay = path.impair({ kind: 'delay', delayMs: 5000, jitterMs: 0, distribution: 'uniform' })
      say('n1', 'n2', 'old 1')
      say('n1', 'n2', 'old 2')
      await time.sleep(2500)
      t.same(lost.get('n1'), [network.addressOf('n2')], 'given up')
      path.mend(delay)
      if (dies) {
        network.disconnect('n2', true)
        reconnect('n2')
      }
      say('n1', 'n2', 'new')
      await time.sleep(1000)
      t.same(heard.get('n2'), ['dial', 'new'])
      await time.sleep(3000)
      t.same(heard.get('n2'), dies ? ['dial', 'new'] : ['dial', 'new', 'old 1', 'old 2'], 'nobody hears what was meant for the life before')
    })
  }
})

t.test('a handshake that takes too long is given up at its timeout, not at its end', async (t) => {
  const { time, paths, heard, say } = makeNetwork(6)
  await time.run(async () => {
    const path = paths.of('n1', 'n2', 'raft')
    const delay = path.impair({ kind: 'delay', delayMs: 9000, jitterMs: 0, distribution: 'uniform' })
    say('n1', 'n2', 'dials')
    await time.sleep(500)
    path.mend(delay)
    await time.sleep(600)
    say('n1', 'n2', 'dials again')
    await time.sleep(500)
    t.same(heard.get('n2'), ['dials again'])
  })
})

t.test('who died hears nothing that was under way to it; what it had sent still arrives', async (t) => {
  const { time, network, heard, lost, say, reconnect } = makeNetwork(2, 50)
  await time.run(async () => {
    say('n1', 'n2', 'dial')
    say('n2', 'n1', 'dial')
    await time.sleep(500)
    say('n1', 'n2', 'too late')
    say('n2', 'n1', 'last words')
    await time.sleep(10)
    network.disconnect('n2', true)
    await time.sleep(5)
    reconnect('n2')
    await time.sleep(500)
    t.same(heard.get('n2'), ['dial'])
    t.same(heard.get('n1'), ['dial', 'last words'])
    t.same(lost.get('n1'), [network.addressOf('n2')], 'its connection was reset')
    say('n1', 'n2', 'again')
    await time.sleep(2000)
    t.same(heard.get('n2'), ['dial', 'again'])
  })
})

t.test('a death that nobody hears of shows by silence only', async (t) => {
  const { time, network, lost, say } = makeNetwork(2, 0, 0)
  await time.run(async () => {
    say('n1', 'n2', 'dial')
    await time.sleep(500)
    network.disconnect('n2', false)
    await time.sleep(5000)
    t.same(lost.get('n1'), [])
    say('n1', 'n2', 'is anybody there?')
    await time.sleep(2500)
    t.same(lost.get('n1'), [network.addressOf('n2')])
  })
})

t.test('a dead transport is dead', async (t) => {
  const { time, network, faults, heard, say, transports } = makeNetwork(3)
  const dead = transports.get('n1')!
  await time.run(async () => {
    network.disconnect('n1', true)
    dead.send(network.addressOf('n2'), 'from beyond')
    say('n2', 'n1', 'hello?')
    await time.sleep(3000)
    t.same([heard.get('n1'), heard.get('n2')], [[], []])
  })
  await t.rejects(faults.cut([{ from: 'n1', to: 'n9' }]), /There is no link n1>n9/)
})
