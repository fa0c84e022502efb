import fc from 'fast-check'
import t from 'tap'
import { seededRandom } from '../../../node/base/random.ts'
import { ActiveHindrance, type Hindrance, limitBurst, segmentBytes, Weather } from './weather.ts'

const weather = (...active: readonly ActiveHindrance[]) => {
  const made = new Weather(seededRandom(1))
  for (const one of active) made.begin(Symbol(one.hindrance.kind), one)
  return made
}
const under = (hindrance: Hindrance) => weather(new ActiveHindrance(hindrance))

t.test('law: a limit lets through what it says, whatever comes when', async (t) => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 500 }), fc.array(fc.double({ min: 0, max: 200, noNaN: true }), { maxLength: 300 }), (packetsPerS, gapsMs) => {
    const limited = under({ kind: 'limit', packetsPerS })
    let nowMs = 5_000
    let passed = 0
    for (const gapMs of gapsMs) {
      nowMs += gapMs
      passed += limited.datagram(Buffer.from('x'), nowMs).length
    }
    const most = limitBurst(packetsPerS) + packetsPerS * (nowMs - 5_000) / 1000
    return passed <= most + 1e-6 && passed >= Math.min(gapsMs.length, limitBurst(packetsPerS))
  }))
  t.pass()
})

t.test('a stream above the limit sends again what was dropped, later each time, until all has passed', async (t) => {
  const limited = under({ kind: 'limit', packetsPerS: 10 })
  let nowMs = 0
  let passage = limited.stream(12 * segmentBytes, nowMs)
  const left: number[] = []
  const waits: number[] = []
  for (let again = 1; passage.kind === 'again'; again++) {
    left.push(passage.bytes / segmentBytes)
    waits.push(passage.delayMs)
    nowMs += passage.delayMs
    passage = limited.stream(passage.bytes, nowMs, again)
  }
  t.same(left, [7, 5, 1])
  t.same(waits, [200, 400, 800])
  t.equal(passage.kind, 'after')
})

t.test('the lanes of one link share the width of its wire', async (t) => {
  const shared = new ActiveHindrance({ kind: 'bandwidth', kbitPerS: 8 })
  const [raft, gossip] = [weather(shared), weather(shared)]
  t.match(raft.stream(100, 0), { kind: 'after', delayMs: 100 })
  t.match(gossip.datagram(Buffer.alloc(100), 0), [{ afterMs: 200 }])
  t.match(gossip.stream(100, 50), { kind: 'after', delayMs: 250 })
})

t.test('what waits for a narrow wire is bounded: the rest is dropped, and streams send it again', async (t) => {
  const narrow = under({ kind: 'bandwidth', kbitPerS: 8 })
  t.match(narrow.stream(1_100, 0), { kind: 'after', delayMs: 1_100 })
  t.match(narrow.stream(500, 0), { kind: 'again', bytes: 500, delayMs: 200 })
  t.same(narrow.datagram(Buffer.alloc(10), 0), [])
  t.match(narrow.stream(500, 200, 1), { kind: 'after', delayMs: 1_400 })
})

t.test('what is sent again meets no second loss, and an MTU for good', async (t) => {
  t.match(under({ kind: 'loss', probability: 1, burstLength: 1 }).stream(100, 0, 1), { kind: 'after', delayMs: 0 })
  t.match(under({ kind: 'mtu', maxBytes: 50 }).stream(100, 0, 1), { kind: 'stuck' })
})
