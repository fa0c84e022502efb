import t from 'tap'
import { agentWords, calmScript, disturbScript, parsePacketFeatures, ruleTarget } from './packet-rules.ts'
import { consulPorts, matchesOf, probeSourcePort, trafficsOf } from './traffic.ts'

const all = { statistic: null, length: null, nfqueue: null }

t.test('what the kernel offers is read from what was tried', async (t) => {
  t.same(parsePacketFeatures('statistic works\nlength works\nnfqueue missing No chain/target/match by that name.\n'),
    { statistic: null, length: null, nfqueue: 'No chain/target/match by that name.' })
  t.same(parsePacketFeatures(''), { statistic: 'it was refused without a reason', length: 'it was refused without a reason', nfqueue: 'it was refused without a reason' })
})

t.test('losses that do not depend on each other need no program, where the kernel can draw', async (t) => {
  t.equal(ruleTarget({ kind: 'loss', probability: 0.25, burstLength: 1 }, all), '-m statistic --mode random --probability 0.250000 -j DROP')
  t.equal(ruleTarget({ kind: 'loss', probability: 1, burstLength: 1 }, all), '-j DROP')
  t.equal(ruleTarget({ kind: 'loss', probability: 0.25, burstLength: 4 }, all), null)
  t.equal(ruleTarget({ kind: 'loss', probability: 0.25, burstLength: 1 }, { ...all, statistic: 'no' }), null)
  t.equal(ruleTarget({ kind: 'mtu', maxBytes: 600 }, all), '-m length --length 601:65535 -j DROP')
  t.equal(ruleTarget({ kind: 'corrupt', probability: 1 }, all), null)
})

t.test('rules leave loopback alone, and what queues stands behind what drops', async (t) => {
  const queued = disturbScript(4, ['10.0.0.2'], 'all', null)
  t.match(queued, `'*mangle' ':SB-DISTURB-4 - [0:0]' '-A SB-DISTURB-4 ! -i lo -s 10.0.0.2 -j NFQUEUE --queue-num 5' '-A SB-QUEUES -j SB-DISTURB-4'`)
  const dropped = disturbScript(4, ['10.0.0.2'], 'gossip', '-j DROP')
  t.match(dropped, `'-A SB-DISTURB-4 ! -i lo -s 10.0.0.2 -p udp --sport 8301 -j DROP'`)
  t.match(dropped, `'-A SB-LOSSES -j SB-DISTURB-4'`)
  t.match(calmScript(4, null), `'-D SB-QUEUES -j SB-DISTURB-4' '-F SB-DISTURB-4' '-X SB-DISTURB-4'`)
  t.match(calmScript(4, '-j DROP'), `'-D SB-LOSSES -j SB-DISTURB-4'`)
})

t.test('a conversation is known by either port, and its probes are of it', async (t) => {
  t.same(matchesOf('10.0.0.2', 'all'), ['-s 10.0.0.2'])
  t.same(matchesOf('10.0.0.2', 'raft').length, 4)
  for (const traffic of ['raft', 'gossip'] as const) t.ok(matchesOf('10.0.0.2', traffic).includes(`-s 10.0.0.2 -p udp --sport ${probeSourcePort(traffic)}`))
})

t.test('each system has its own ports, and some have no gossip', async (t) => {
  const ports = { http: 2379, raft: 2380, gossip: null, dns: null }
  t.same(trafficsOf(consulPorts), ['all', 'raft', 'gossip'])
  t.same(trafficsOf(ports), ['all', 'raft'])
  t.ok(matchesOf('10.0.0.2', 'raft', ports).includes(`-s 10.0.0.2 -p tcp --dport 2380`))
  t.equal(probeSourcePort('raft', ports), 2380)
  t.throws(() => matchesOf('10.0.0.2', 'gossip', ports), /no gossip/)
  t.match(disturbScript(4, ['10.0.0.2'], 'raft', '-j DROP', ports), '--sport 2380')
})

t.test('the words for the agent', async (t) => {
  t.same(agentWords({ kind: 'delay', delayMs: 50, jitterMs: 5, distribution: 'pareto' }), ['delay', 50, 5, 2])
  t.same(agentWords({ kind: 'reorder', probability: 0.1, gapMs: 20 }), ['reorder', 0.1, 20])
  t.throws(() => agentWords({ kind: 'mtu', maxBytes: 600 }))
})
