import fc from 'fast-check'
import t from 'tap'
import { seededRandom } from '../../../node/base/random.ts'
import { ActiveImpairment, type Impairment } from './impairment.ts'
import { Path, Paths } from './path.ts'

const clear = { delayMs: 0, corrupted: false }

/** What becomes of `count` packets, one each ms. */
function fates(impairment: Impairment, count: number, seed: number, sizeBytes = 100) {
  const one = new ActiveImpairment(impairment, seededRandom(seed))
  return Array.from({ length: count }, (_, n) => one.apply(n * 1e6, sizeBytes, clear))
}

const share = (seen: readonly boolean[]) => seen.filter(Boolean).length / seen.length
const quantile = (numbers: readonly number[], at: number) => numbers.toSorted((a, b) => a - b)[Math.floor(at * numbers.length)]!
const mean = (numbers: readonly number[]) => numbers.reduce((sum, number) => sum + number, 0) / numbers.length

t.test('law: losses have the share that is asked for, and their bursts the mean length', async (t) => {
  fc.assert(fc.property(fc.nat(), fc.double({ min: 0.05, max: 0.6, noNaN: true }), fc.integer({ min: 1, max: 8 }), (seed, probability, burstLength) => {
    const lost = fates({ kind: 'loss', probability, burstLength }, 30_000, seed).map((copies) => copies.length === 0)
    const runs = lost.map((is, n) => is && lost[n - 1] !== true).filter(Boolean).length
    // Entering the bad state with a chance above 1 is not possible: the share is smaller then.
    const possible = probability / (burstLength * (1 - probability)) <= 1
    if (!possible && burstLength > 1) return true
    if (Math.abs(share(lost) - probability) > 0.06) throw new Error(`share ${share(lost)}`)
    const length = lost.filter(Boolean).length / runs
    // Independent losses come in runs of 1 / (1 - p) by chance.
    const expected = burstLength <= 1 ? 1 / (1 - probability) : burstLength
    return Math.abs(length - expected) < 0.25 * expected
  }), { numRuns: 30 })
  t.ok(fates({ kind: 'loss', probability: 1, burstLength: 5 }, 100, 1).every((copies) => copies.length === 0))
})

t.test('law: delays keep to their distribution', async (t) => {
  fc.assert(fc.property(fc.nat(), fc.integer({ min: 20, max: 200 }), fc.integer({ min: 0, max: 20 }), (seed, delayMs, jitterMs) => {
    const delays = (distribution: 'uniform' | 'normal' | 'pareto') =>
      fates({ kind: 'delay', delayMs, jitterMs, distribution }, 3000, seed).map((copies) => copies[0]?.delayMs ?? 0)
    const [uniform, normal, pareto] = [delays('uniform'), delays('normal'), delays('pareto')]
    const near = (number: number, expected: number, slack = 0.15) => Math.abs(number - expected) <= slack * jitterMs + 0.01
    return uniform.every((ms) => ms >= delayMs - jitterMs && ms <= delayMs + jitterMs) && near(mean(uniform), delayMs)
      // Below zero there is no delay, which shows where the jitter is as large as the delay.
      && (delayMs < 4 * jitterMs || near(mean(normal), delayMs) && near(Math.sqrt(mean(normal.map((ms) => (ms - delayMs) ** 2))), jitterMs))
      // The tail of a pareto comes so far by chance that its mean says little; of its quantiles these are 8 deviations and more.
      && pareto.every((ms) => ms >= delayMs)
      && near(quantile(pareto, 0.5), delayMs + jitterMs * (2 ** (1 / 3) - 1), 0.065) && near(quantile(pareto, 0.9), delayMs + jitterMs * (10 ** (1 / 3) - 1), 0.35)
  }), { numRuns: 20 })
  t.pass()
})

t.test('a rate limit passes as many as it says, a bandwidth as many bytes, an MTU what is small', async (t) => {
  const passed = (impairment: Impairment, count: number, sizeBytes?: number) => fates(impairment, count, 1, sizeBytes).filter((copies) => copies.length > 0)
  t.ok(Math.abs(passed({ kind: 'limit', packetsPerS: 50 }, 10_000).length - 500) < 10)
  t.equal(passed({ kind: 'limit', packetsPerS: 0 }, 100).length, 0)
  // 1000 packets of 100 bytes a second are 800 kbit/s; half of them fit.
  const half = passed({ kind: 'bandwidth', kbitPerS: 400 }, 10_000)
  t.ok(Math.abs(half.length - 5500) < 150, `${half.length} passed: half of them, and what the queue holds`)
  t.ok(half.every(([copy]) => copy!.delayMs <= 1002), 'the queue is bounded')
  t.equal(passed({ kind: 'mtu', maxBytes: 500 }, 10, 500).length, 10)
  t.equal(passed({ kind: 'mtu', maxBytes: 500 }, 10, 501).length, 0)
  t.equal(passed({ kind: 'mtu', maxBytes: 1500 }, 10, 9000).length, 10, 'no packet is larger than an Ethernet\'s')
})

t.test('law: a path passes nothing exactly while something blocks it, and tells its user', async (t) => {
  const kinds: readonly Impairment[] = [{ kind: 'cut' }, { kind: 'reject' }, { kind: 'reset' }, { kind: 'loss', probability: 1, burstLength: 1 }, { kind: 'duplicate', probability: 1 }]
  fc.assert(fc.property(fc.array(fc.tuple(fc.nat(kinds.length - 1), fc.boolean()), { maxLength: 30 }), (plan) => {
    const path = new Path('a>b', seededRandom(1))
    let told = false
    path.use({ blocked: () => { told = true }, unblocked: () => { told = false }, reset: () => {} })
    const active: ActiveImpairment[] = []
    for (const [kind, add] of plan) {
      if (add) active.push(path.impair(kinds[kind]!))
      else if (active.length > 0) path.mend(active.splice(kind % active.length, 1)[0]!)
      const blocks = active.some((one) => one.impairment.kind !== 'duplicate')
      const copies = path.pass(0, 100).length
      if (path.isBlocked !== blocks || told !== blocks || (copies === 0) !== blocks) return false
      if (!blocks && copies !== 2 ** active.length) return false
    }
    return true
  }))
  t.pass()
})

t.test('paths are of members, and to and from clients', async (t) => {
  const paths = new Paths(['n1', 'n2'], seededRandom(1))
  t.equal(paths.of('n1', 'n2', 'raft'), paths.of('n1', 'n2', 'raft'))
  t.not(paths.of('n1', 'n2', 'raft'), paths.of('n2', 'n1', 'raft'))
  t.ok(paths.of('clients', 'n1', 'client').isClear)
  t.throws(() => paths.of('clients', 'n1', 'raft'), /no link clients>n1/)
  t.throws(() => paths.of('n1', 'n3', 'raft'), /no link n1>n3/)
  t.throws(() => paths.of('n1', 'n1', 'raft'), /no link n1>n1/)
})
