import fc from 'fast-check'
import t from 'tap'
import { confirmationsWanted, detectionBoundMs, firstSuspicionMeanMs, nackDelayMs, pushPullPeriodMs, retransmitLimit, suspicionTimeoutMs, suspicionTimeoutMsMax, suspicionTimeoutMsMin } from './bounds.ts'
import { gossipProfiles, lanProfile, localProfile, resolveGossipConfig, wanProfile } from './config.ts'

t.test('suspicion timeouts of the profiles', async (t) => {
  const rows: [config: typeof lanProfile, members: number, minMs: number, maxMs: number, wanted: number][] = [
    [lanProfile, 1, 4000, 24_000, 0],
    [lanProfile, 3, 4000, 24_000, 0],
    [lanProfile, 4, 4000, 24_000, 2],
    [lanProfile, 10, 4000, 24_000, 2],
    [lanProfile, 50, 6792, 40_752, 2],
    [lanProfile, 1000, 12_000, 72_000, 2],
    [wanProfile, 5, 30_000, 180_000, 0],
    [wanProfile, 6, 30_000, 180_000, 4],
    [localProfile, 3, 3000, 18_000, 1],
  ]
  for (const [config, members, minMs, maxMs, wanted] of rows) {
    t.equal(suspicionTimeoutMsMin(config, members), minMs, `min of ${members}`)
    t.equal(suspicionTimeoutMsMax(config, members), maxMs, `max of ${members}`)
    t.equal(confirmationsWanted(config, members), wanted, `confirmations of ${members}`)
  }
})

t.test('a suspicion shortens with the logarithm of its confirmations', async (t) => {
  t.equal(suspicionTimeoutMs(2000, 30_000, 0, 3), 30_000)
  t.equal(suspicionTimeoutMs(2000, 30_000, 1, 3), 16_000)
  t.equal(suspicionTimeoutMs(2000, 30_000, 2, 3), 7810)
  t.equal(suspicionTimeoutMs(2000, 30_000, 3, 3), 2000)
  t.equal(suspicionTimeoutMs(2000, 30_000, 0, 0), 2000)
  fc.assert(fc.property(fc.nat(100_000), fc.nat(100_000), fc.integer({ min: 1, max: 8 }), (minMs, moreMs, wanted) => {
    let before = Infinity
    for (let confirmations = 0; confirmations <= wanted; confirmations++) {
      const timeoutMs = suspicionTimeoutMs(minMs, minMs + moreMs, confirmations, wanted)
      if (timeoutMs > before || timeoutMs < minMs || timeoutMs > minMs + moreMs) return false
      before = timeoutMs
    }
    return before === minMs
  }))
})

t.test('retransmits and the period of push-pull grow with the cluster', async (t) => {
  t.same([1, 9, 10, 99, 100].map((members) => retransmitLimit(4, members)), [4, 4, 8, 8, 12])
  t.same([1, 32, 33, 64, 65, 128].map((members) => pushPullPeriodMs(lanProfile, members)), [30_000, 30_000, 60_000, 60_000, 90_000, 90_000])
})

t.test('a nack is back before the prober gives up', async (t) => {
  for (const config of Object.values(gossipProfiles)) {
    t.ok(config.probeTimeoutMs + nackDelayMs(config) < config.probeIntervalMs)
  }
})

t.test('detection bounds', async (t) => {
  t.equal(detectionBoundMs(lanProfile, { members: 5, healthScoreMax: 0 }), 8000 + 24_000)
  t.equal(detectionBoundMs(lanProfile, { members: 2, healthScoreMax: 1 }), 4000 + 24_000)
  t.equal(firstSuspicionMeanMs(lanProfile, 2), 1500)
  t.ok(Math.abs(firstSuspicionMeanMs(lanProfile, 1000) / 1000 - (Math.E / (Math.E - 1) + 0.5)) < 0.01)
})

t.test('contradictory configurations are refused with a sentence', async (t) => {
  t.throws(() => resolveGossipConfig({ probeTimeoutMs: 1000 }), /must be below probeIntervalMs/)
  t.throws(() => resolveGossipConfig({ gossipNodes: 0 }), /gossipNodes is 0, but must be at least 1/)
  t.throws(() => resolveGossipConfig({ packetBytesMax: 100 }), /packetBytesMax/)
  t.equal(resolveGossipConfig({ pushPullIntervalMs: 0 }).pushPullIntervalMs, 0)
})
