import t from 'tap'
import { dockerRequirement } from '../../testing/requirements.ts'
import type { FirewallRule } from '../environment.ts'
import { connectEngine } from './engine.ts'
import { ControlShell } from './control-shell.ts'
import { createDockerEnvironment } from './index.ts'
import { provingPort, shadows } from './member-firewall.ts'
import { actionCount, applyScript, hasRules, removeScript } from './rule-chains.ts'
import { testOptions } from './testing/docker-options.ts'

t.setTimeout(300_000)
const skip = await dockerRequirement()

t.test('a rule has a chain of its own, whose last line is its action', async (t) => {
  const rule: FirewallRule = { from: 'clients', to: 'n1', protocol: 'tcp', port: 8500, action: { kind: 'drop' } }
  const script = applyScript({ number: 7, rules: [{ index: 2, rule }], addressOf: () => 'unused', memberAddresses: ['10.0.0.1', '10.0.0.2'] })
  for (const line of [
    '-A SB-RULES-7 ! -i lo -p tcp --dport 8500 -j SB-RULES-7-2', '-A SB-RULES-7-2 -s 10.0.0.1 -j RETURN', '-A SB-RULES-7-2 -s 10.0.0.2 -j RETURN', '-A SB-RULES-7-2 -j DROP',
  ]) t.match(script, `'${line}'`)
  t.match(removeScript(7, [2]), `'-D SB-RULES -j SB-RULES-7' '-F SB-RULES-7' '-F SB-RULES-7-2' '-X SB-RULES-7' '-X SB-RULES-7-2'`)
  const saved = '[9:1] -A SB-RULES-7-2 -s 10.0.0.1/32 -j RETURN\n[4:1] -A SB-RULES-7-2 -j DROP\n[5:1] -A SB-RULES-7-21 -j DROP\n'
  t.equal(actionCount(saved, 7, 2), 4)
  t.equal(actionCount(saved, 7, 3), null)
  t.equal(hasRules(saved, 7), true)
  t.equal(hasRules(saved, 2), false)
  const any = applyScript({ number: 1, rules: [{ index: 0, rule: { from: 'n2', to: 'any', protocol: 'any', port: 53, action: { kind: 'reset' } } }], addressOf: () => '10.0.0.2', memberAddresses: [] })
  t.match(any, `'-A SB-RULES-1 ! -i lo -p tcp --dport 53 -j SB-RULES-1-0'`)
  t.notMatch(any, '-p udp', 'only TCP can be reset')
})

t.test('a rule behind one that stops the same cannot be met', async (t) => {
  const rule = (text: string): FirewallRule => {
    const [from, protocol, port, kind] = text.split(' ') as [string, 'tcp' | 'udp' | 'any', string, 'drop' | 'reset']
    return { from, to: 'n2', protocol, port: port === '*' ? null : Number(port), action: { kind } }
  }
  t.ok(shadows(rule('n1 any 8301 drop'), rule('n1 any 8301 drop')))
  t.ok(shadows(rule('any any * drop'), rule('n1 udp 53 drop')))
  t.ok(shadows(rule('n1 tcp * reset'), rule('n1 any 8300 drop')))
  t.notOk(shadows(rule('n1 any * reset'), rule('n1 udp 8301 drop')))
  t.notOk(shadows(rule('n1 any 8300 drop'), rule('n1 any * drop')))
  t.notOk(shadows(rule('n3 any * drop'), rule('n1 any * drop')))
})

t.test('a rule for all ports is proven where no rule for one port is in the way', async (t) => {
  const rule = (from: string, protocol: 'tcp' | 'udp' | 'any', port: number | null, kind: 'drop' | 'reject' | 'reset' = 'drop'): FirewallRule => ({ from, to: 'n3', protocol, port, action: { kind } })
  const ports = [8300, 8500, null, 7]
  t.equal(provingPort(rule('n2', 'any', null, 'reset'), [], ports), 8300)
  t.equal(provingPort(rule('n2', 'any', null, 'reset'), [rule('n2', 'tcp', 8300, 'reject')], ports), 8500)
  t.equal(provingPort(rule('n2', 'any', null), [rule('any', 'any', 8300), rule('n2', 'tcp', 8500)], ports), 7)
  t.equal(provingPort(rule('n2', 'tcp', null), [rule('n1', 'tcp', 8300), rule('n2', 'udp', 8300)], ports), 8300, 'others, and another protocol')
  t.equal(provingPort(rule('n2', 'udp', null), [rule('n2', 'any', 7)], [7, 8301]), 8301)
  t.equal(provingPort(rule('any', 'tcp', null), [rule('n1', 'tcp', 8300)], ports), 8500, 'who stands for any may be the one')
  t.equal(provingPort(rule('clients', 'tcp', null), [rule('clients', 'tcp', 8500)], [8500]), null)
  t.equal(provingPort(rule('n2', 'tcp', 8300), [rule('n2', 'tcp', 8300)], ports), 8300, 'its own')
})

t.test('rules between containers', { skip }, async (t) => {
  const chosen = testOptions((line) => t.comment(line))
  const environment = await createDockerEnvironment(chosen)
  t.teardown(() => environment[Symbol.asyncDispose]())
  const { firewall, cutClients, cutLinks } = environment
  t.ok(firewall !== undefined && cutClients !== undefined)
  const engine = await connectEngine()
  const shells = new Map(environment.members.map((member) => [member, new ControlShell(engine, `splitbrain-${chosen.runId}-${member}-net`)]))
  t.teardown(() => { for (const shell of shells.values()) shell.close() })
  const run = (member: string, script: string) => shells.get(member)!.run(script, 20_000)
  const addresses = new Map(await Promise.all(environment.members.map(async (member) => [member, (await run(member, 'hostname -I')).trim()] as const)))

  // An echo server that is no member, so that these are facts about TCP.
  await run('n2', `cat > /tmp/echo.js <<'END'
require('net').createServer((s) => s.on('error', () => {}).pipe(s)).listen(8300, '0.0.0.0', () => console.log('ready'))
END
setsid node /tmp/echo.js > /tmp/echo.log 2>&1 & until grep -q ready /tmp/echo.log; do sleep 0.05; done`)
  /** What n1 gets for so many bytes, over a new connection to n2. */
  const exchange = (from: string, bytes: number) => run(from, `node -e '
    const s = require("net").connect(8300, "${addresses.get('n2')}"); let got = 0
    const end = (text) => { console.log(text); process.exit() }
    setTimeout(() => end(got === 0 ? "silence" : "part " + got), 700)
    s.on("error", (e) => end(e.code)).on("connect", () => s.write(Buffer.alloc(${bytes}))).on("data", (d) => { got += d.length; if (got === ${bytes}) end("echo") })'`).then((text) => text.trim())

  t.equal(await exchange('n1', 10), 'echo')
  const cases: readonly (readonly [FirewallRule, string, number])[] = [
    [{ from: 'n1', to: 'n2', protocol: 'any', port: null, action: { kind: 'drop' } }, 'silence', 10],
    [{ from: 'n1', to: 'n2', protocol: 'tcp', port: 8300, action: { kind: 'drop' } }, 'silence', 10],
    [{ from: 'n1', to: 'n2', protocol: 'tcp', port: 8300, action: { kind: 'reject' } }, 'ECONNREFUSED', 10],
    [{ from: 'n1', to: 'n2', protocol: 'tcp', port: 8300, action: { kind: 'reset' } }, 'ECONNREFUSED', 10],
    [{ from: 'any', to: 'n2', protocol: 'udp', port: 8300, action: { kind: 'drop' } }, 'echo', 10],
    [{ from: 'n1', to: 'n2', protocol: 'tcp', port: 8300, action: { kind: 'mtu', maxBytes: 400 } }, 'silence', 1000],
    [{ from: 'n1', to: 'n2', protocol: 'any', port: 8300, action: { kind: 'limit', packetsPerS: 2 } }, 'echo', 10],
  ]
  for (const [rule, outcome, bytes] of cases) {
    await t.test(JSON.stringify(rule), async (t) => {
      const effect = await firewall!.apply([rule])
      t.comment(JSON.stringify(effect.observed))
      if (rule.action.kind !== 'limit') t.equal(await exchange('n1', bytes), outcome)
      if (rule.action.kind === 'mtu') t.equal(await exchange('n1', 10), 'echo', 'what is small passes')
      if (rule.from === 'n1') t.equal(await exchange('n3', 1000), 'echo', 'others pass')
      await effect.heal()
      t.equal(await exchange('n1', 1000), 'echo')
      t.equal(await effect.heal(), null)
    })
  }

  await t.test('a rule for all ports behind one for a port is met by what goes to others', async (t) => {
    const rule = (port: number | null, kind: 'reject' | 'reset'): FirewallRule => ({ from: 'n1', to: 'n2', protocol: port === null ? 'any' : 'tcp', port, action: { kind } })
    const effect = await firewall!.apply([rule(8300, 'reject'), rule(null, 'reset')])
    t.match(effect.observed, { '1 at n2': { answer: 'refused' }, '2 at n2': { answer: 'refused' } })
    await effect.heal()
  })

  await t.test('who connects is refused also while much else is', async (t) => {
    const effect = await firewall!.apply([{ from: 'n1', to: 'n2', protocol: 'any', port: null, action: { kind: 'reject' } }])
    await run('n1', `node -e '
      const s = require("dgram").createSocket("udp4").on("error", () => {}); let left = 200
      for (let i = 0; i < 200; i++) s.send("x", 8300, "${addresses.get('n2')}", () => { if (--left === 0) process.exit() })'`)
    for (let i = 0; i < 8; i++) t.equal(await exchange('n1', 10), 'ECONNREFUSED')
    await effect.heal()
  })

  await t.test('a rule whose answer another fault holds back is proven without it, and healed', async (t) => {
    const cut = await environment.cutLinks!.cut([{ from: 'n2', to: 'n1' }])
    const effect = await firewall!.apply([{ from: 'n1', to: 'n2', protocol: 'any', port: null, action: { kind: 'reject' } }])
    t.match(effect.observed, { '1 at n2': { answer: 'timeout' } })
    t.same(await effect.heal(), { '1 at n2': 'removed' })
    await cut.heal()
  })

  await t.test('an established connection is reset', async (t) => {
    const outcome = run('n1', `node -e '
      const s = require("net").connect(8300, "${addresses.get('n2')}"); setInterval(() => s.write("x"), 50)
      s.on("connect", () => require("fs").writeFileSync("/tmp/connected", "")).on("error", (e) => { console.log(e.code); process.exit() })
      setTimeout(() => { console.log("nothing"); process.exit() }, 8000)'`)
    await run('n3', 'true')
    const seen = new ControlShell(engine, `splitbrain-${chosen.runId}-n1-net`)
    await seen.run('until test -e /tmp/connected; do sleep 0.02; done')
    seen.close()
    const effect = await firewall!.apply([{ from: 'n1', to: 'n2', protocol: 'tcp', port: 8300, action: { kind: 'reset' } }])
    t.match(await outcome, /ECONNRESET|EPIPE/)
    await effect.heal()
  })

  await t.test('clients are cut off, members are not, and calls heal apart', async (t) => {
    const host = new URL(environment.httpAddress!('n2')).host
    const here = () => fetch(`http://${host}/`, { signal: AbortSignal.timeout(700) }).then(() => 'answer', (error: Error & { cause?: { code?: string } }) => error.cause?.code ?? error.name)
    t.equal(await here(), 'ECONNREFUSED', 'no member runs')
    const all = await cutClients!.cutClients(environment.members)
    const one = await cutClients!.cutClients(['n2'])
    t.equal(await here(), 'TimeoutError')
    t.equal(await exchange('n1', 10), 'echo')
    await all.heal()
    t.equal(await here(), 'TimeoutError', 'the other one holds it')
    await one.heal()
    t.equal(await here(), 'ECONNREFUSED')
  })

  await t.test('the same rule twice', async (t) => {
    const rule: FirewallRule = { from: 'n1', to: 'n2', protocol: 'any', port: 8301, action: { kind: 'reject' } }
    const effect = await firewall!.apply([rule, rule])
    t.match(effect.observed, { '1 at n2': { answer: 'refused' }, '2 at n2': { heldByAnotherFault: true } })
    await effect.heal()
  })

  await t.test('a rule behind a cut stands, and healing does not wait for what the cut holds', async (t) => {
    const cut = await cutLinks!.cut([{ from: 'n1', to: 'n2' }])
    const effect = await firewall!.apply([{ from: 'n1', to: 'n2', protocol: 'tcp', port: 8300, action: { kind: 'reset' } }])
    t.match(effect.observed, { '1 at n2': { heldByAnotherFault: true } })
    await effect.heal()
    await cut.heal()
    t.equal(await exchange('n1', 10), 'echo')
  })

  await t.test('beside a cut nothing is taken for the other', async (t) => {
    const cut = await cutLinks!.cut([{ from: 'n1', to: 'n2' }], 'raft')
    t.equal(await exchange('n1', 10), 'silence')
    await cut.heal()
    t.equal(await exchange('n1', 10), 'echo')
    const gossip = await cutLinks!.cut([{ from: 'n1', to: 'n2' }], 'gossip')
    t.equal(await exchange('n1', 10), 'echo', 'port 8300 is not gossip')
    await gossip.heal()
  })

  await t.test('what cannot be is refused, and leaves nothing', async (t) => {
    await t.rejects(firewall!.apply([{ from: 'n1', to: 'n7', protocol: 'any', port: null, action: { kind: 'drop' } }]), { message: /no member n7/ })
    await t.rejects(firewall!.apply([{ from: 'n1', to: 'n2', protocol: 'udp', port: null, action: { kind: 'reset' } }]), { message: /Only TCP/ })
    for (const member of environment.members) t.notMatch(await run(member, 'iptables-save || iptables-legacy-save'), /SB-RULES-\d/)
  })
})
