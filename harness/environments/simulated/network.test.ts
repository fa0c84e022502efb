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
