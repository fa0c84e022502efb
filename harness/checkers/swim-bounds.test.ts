import fc from 'fast-check'
import t from 'tap'
import * as own from '../../node/gossip/bounds.ts'
import { lanProfile, resolveGossipConfig } from '../../node/gossip/config.ts'
import { convergenceBoundMs, detectionBoundMs, gossipTimings, lanTimings, quietBoundMs, suspicionLongestMs, suspicionShortestMs } from './swim-bounds.ts'

t.test('what Consul\'s documentation and memberlist say of one data centre', async (t) => {
  t.same(Object.fromEntries(Object.keys(lanTimings).map((key) => [key, lanProfile[key as keyof typeof lanProfile]])), lanTimings)
  t.equal(suspicionShortestMs(lanTimings, 5), 4000)
  t.equal(suspicionLongestMs(lanTimings, 5), 24_000)
  t.equal(suspicionShortestMs(lanTimings, 100), 8000, 'log10 100 is 2')
  t.equal(suspicionLongestMs(lanTimings, 3), 4000, 'one other cannot confirm it twice')
  t.equal(detectionBoundMs(lanTimings, 3, 0), 8000)
})

t.test('the config file\'s keys, and what no member would start with', async (t) => {
  t.match(gossipTimings({ gossip_lan: { probe_interval: '250ms', gossip_interval: '1.5s', suspicion_mult: 3, retransmit_mult: 2, gossip_nodes: 5, probe_timeout: '100ms' } }),
    { probeIntervalMs: 250, gossipIntervalMs: 1500, suspicionMult: 3, retransmitMult: 2, gossipNodes: 5, probeTimeoutMs: 100 })
  t.same(gossipTimings({}), lanTimings)
  t.throws(() => gossipTimings({ gossip_lan: { probe_interval: 'soon' } }), /"soon", which is no duration/)
})

const configs = fc.record({ suspicionMult: fc.integer({ min: 1, max: 8 }), probeIntervalMs: fc.integer({ min: 200, max: 5000 }), gossipNodes: fc.integer({ min: 1, max: 5 }), members: fc.integer({ min: 2, max: 200 }), score: fc.nat(7) })

t.test('the members\' own arithmetic, written apart, never owes more', async () => {
  fc.assert(fc.property(configs, ({ members, score, ...given }) => {
    const config = resolveGossipConfig({ ...given, probeTimeoutMs: 100 })
    const timings = { ...lanTimings, ...given, probeTimeoutMs: 100 }
    const apart = detectionBoundMs(timings, members, score) - own.detectionBoundMs(config, { members, healthScoreMax: score })
    const wanted = own.confirmationsWanted(config, members)
    // They count in whole milliseconds, and logarithms to three decimals.
    const rounding = timings.suspicionMaxTimeoutMult * (1 + 0.001 * given.suspicionMult * given.probeIntervalMs)
    // Theirs takes the longest suspicion also where nobody is waited for.
    return wanted === 0 ? apart <= rounding : Math.abs(apart) <= rounding
  }), { numRuns: 500, seed: 3 })
})

t.test('more members, or slower probes, never owe less', async () => {
  fc.assert(fc.property(configs, ({ members, score: _, ...given }) => {
    const timings = { ...lanTimings, ...given }
    const slower = { ...timings, probeIntervalMs: timings.probeIntervalMs + 100 }
    return quietBoundMs(timings, members) <= quietBoundMs(slower, members) && convergenceBoundMs(timings, members) <= convergenceBoundMs(timings, members + 1)
  }), { numRuns: 300, seed: 4 })
})
