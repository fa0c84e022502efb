import t from 'tap'
import { dockerRequirement } from '../../testing/requirements.ts'
import type { Disturbance, DisturbLinks } from '../environment.ts'
import { ControlShell } from './control-shell.ts'
import type { LinkMeasure } from './disturbance-proof.ts'
import { connectEngine } from './engine.ts'
import { createDockerEnvironment } from './index.ts'
import { link, testOptions } from './testing/docker-options.ts'

t.setTimeout(300_000)
const skip = await dockerRequirement()

t.test('packets between containers', { skip }, async (t) => {
  const chosen = testOptions((line) => t.comment(line), { memberCount: 3 })
  const environment = await createDockerEnvironment(chosen)
  t.teardown(() => environment[Symbol.asyncDispose]())
  const disturbLinks: DisturbLinks = environment.disturbLinks!
  t.ok(disturbLinks)
  const engine = await connectEngine()
  const shell = (member: string) => {
    const opened = new ControlShell(engine, `splitbrain-${chosen.runId}-${member}-net`)
    t.teardown(() => opened.close())
    return opened
  }
  const [n1, n2] = [shell('n1'), shell('n2')]
  const address = { n1: (await n1.run('hostname -I')).trim(), n2: (await n2.run('hostname -I')).trim() }

  /** Ms that a TCP handshake from n1 to n2 takes at best, seen by a program that knows nothing of the faults: a busy machine adds to some, a fault to all. */
  const handshakeMs = async (port = 8500) => Number(await n1.run(`node -e '
    const tries = []
    const next = () => {
      if (tries.length === 7) return console.log(Math.min(...tries))
      const began = performance.now()
      require("net").connect(${port}, "${address.n2}").on("error", () => { tries.push(performance.now() - began); next() })
    }
    next()'`, 60_000))

  const kinds: readonly (readonly [Disturbance, (seen: LinkMeasure) => boolean])[] = [
    [{ kind: 'loss', probability: 0.3, burstLength: 1 }, (seen) => seen.arrived < seen.sent],
    [{ kind: 'loss', probability: 0.2, burstLength: 5 }, (seen) => seen.arrived < seen.sent],
    [{ kind: 'delay', delayMs: 80, jitterMs: 10, distribution: 'uniform' }, (seen) => seen.delayMsMedian! > 60],
    [{ kind: 'delay', delayMs: 50, jitterMs: 10, distribution: 'normal' }, (seen) => seen.delayMsMedian! > 30],
    [{ kind: 'delay', delayMs: 30, jitterMs: 20, distribution: 'pareto' }, (seen) => seen.delayMsMedian! > 25],
    [{ kind: 'duplicate', probability: 0.2 }, (seen) => seen.duplicates > 0],
    [{ kind: 'reorder', probability: 0.2, gapMs: 10 }, (seen) => seen.overtaken > 0],
    [{ kind: 'corrupt', probability: 0.2 }, (seen) => seen.corrupted > 0],
    [{ kind: 'bandwidth', kbitPerS: 1000 }, (seen) => seen.kbitPerS! < 1400],
    [{ kind: 'mtu', maxBytes: 600 }, (seen) => seen.arrived === 0],
  ]
  t.same(new Set(kinds.map(([{ kind }]) => kind)), new Set(disturbLinks.kinds), 'every kind works here and is tried')
  for (const [disturbance, shows] of kinds) {
    await t.test(JSON.stringify(disturbance), async (t) => {
      const links = [link('n1>n2'), link('n3>n2')]
      const began = performance.now()
      const effect = await disturbLinks.disturb(links, disturbance, 'all')
      t.comment(JSON.stringify(effect.observed), `${Math.round(performance.now() - began)} ms`)
      const observed = effect.observed as Record<string, LinkMeasure>
      t.same(Object.keys(observed).sort(), ['n1>n2', 'n3>n2'])
      for (const seen of Object.values(observed)) t.ok(shows(seen), JSON.stringify(seen))
      const healed = await effect.heal() as Record<string, LinkMeasure>
      for (const seen of Object.values(healed)) t.match(seen, { sent: seen.arrived, duplicates: 0, overtaken: 0, corrupted: 0 })
      t.equal(await effect.heal(), null, 'a second time does nothing')
    })
  }

  await t.test('a program that knows nothing of it feels the delay, in one direction and of one conversation only', async (t) => {
    const effect = await disturbLinks.disturb([link('n1>n2')], { kind: 'delay', delayMs: 300, jitterMs: 0, distribution: 'uniform' }, 'all')
    t.ok(await handshakeMs() >= 295)
    await effect.heal()
    t.ok(await handshakeMs() < 250)
    const gossip = await disturbLinks.disturb([link('n1>n2')], { kind: 'delay', delayMs: 300, jitterMs: 0, distribution: 'uniform' }, 'gossip')
    t.ok(await handshakeMs() < 250, 'port 8500 is not gossip')
    await gossip.heal()
  })

  await t.test('what clients ask is disturbed alone, whoever they are', async (t) => {
    for (const [disturbance, shows] of kinds) {
      const effect = await disturbLinks.disturbClients!(['n2'], disturbance)
      const [seen] = Object.values(effect.observed as Record<string, LinkMeasure>)
      t.ok(shows(seen!), `${disturbance.kind}: ${JSON.stringify(seen)}`)
      if (disturbance.kind === 'delay' && disturbance.delayMs === 80) {
        t.ok(await handshakeMs() >= 65)
        t.ok(await handshakeMs(8300) < 65, 'members among themselves are not clients')
      }
      await effect.heal()
      t.equal(await effect.heal(), null)
    }
    t.ok(await handshakeMs() < 65)
  })

  await t.test('several at once, and one that cannot be measured behind a cut', async (t) => {
    const slow = await disturbLinks.disturb([link('n1>n2')], { kind: 'delay', delayMs: 100, jitterMs: 0, distribution: 'uniform' }, 'all')
    const twice = await disturbLinks.disturb([link('n1>n2')], { kind: 'duplicate', probability: 0.5 }, 'all')
    const seen = (twice.observed as Record<string, LinkMeasure>)['n1>n2']!
    t.ok(seen.duplicates > 0 && seen.delayMsMedian! > 95, JSON.stringify(seen))
    const cut = await environment.cutLinks!.cut([link('n1>n2')])
    const behind = await disturbLinks.disturb([link('n1>n2')], { kind: 'corrupt', probability: 0.5 }, 'all')
    t.match(behind.observed, { 'n1>n2': { heldByAnotherFault: true } })
    await behind.heal()
    await slow.heal()
    await cut.heal()
    await twice.heal()
    t.ok(await handshakeMs() < 100)
  })

  await t.test('what cannot be is refused, and leaves nothing', async (t) => {
    await t.rejects(disturbLinks.disturb([link('n1>n1')], { kind: 'corrupt', probability: 0.5 }, 'all'), { message: /no link to itself/ })
    await t.rejects(disturbLinks.disturb([link('n1>n9')], { kind: 'corrupt', probability: 0.5 }, 'all'), { message: /no member n9/ })
    await t.rejects(disturbLinks.disturb([link('n1>n2')], { kind: 'mtu', maxBytes: 9000 }, 'all'), { message: /cannot be shown/ })
    t.notMatch(await n2.run('iptables-save || iptables-legacy-save'), /SB-DISTURB/)
  })

  await t.test('the delay of a whole run', async (t) => {
    await environment.shapeLinks!.delayAll(40)
    // There and back.
    t.ok(await handshakeMs() >= 78)
  })
})
