import fc from 'fast-check'
import t from 'tap'
import { LyingClock } from './lying-clock.ts'
import type { ActiveSkew } from './state.ts'

function clockAt(startMs: number) {
  const now = { ms: startMs }
  return { now, clock: new LyingClock({ wallMs: () => now.ms, monotonicMs: () => now.ms - startMs }) }
}

t.test('the wall clock jumps, strobes, drifts, and is right again after', async (t) => {
  const { now, clock } = clockAt(1_000_000)
  clock.set([{ skew: { kind: 'jump', offsetMs: -5_000 }, clocks: 'wall', sinceMs: now.ms }])
  t.equal(clock.wallMs(), 995_000)
  clock.set([{ skew: { kind: 'strobe', offsetMs: 300, periodMs: 100 }, clocks: 'wall', sinceMs: now.ms }])
  t.equal(clock.wallMs(), 1_000_300)
  now.ms += 100
  t.equal(clock.wallMs(), 1_000_100)
  now.ms += 100
  t.equal(clock.wallMs(), 1_000_500)
  clock.set([{ skew: { kind: 'drift', rate: 1.1 }, clocks: 'wall', sinceMs: now.ms }])
  now.ms += 1_000
  t.equal(Math.round(clock.wallMs()), 1_001_300)
  t.equal(clock.monotonicMs(), 1_200, 'which the other clock does not follow')
  clock.set([])
  t.equal(clock.wallMs(), now.ms)
})

t.test('the monotonic clock keeps what it gained', async (t) => {
  const { now, clock } = clockAt(1_000)
  clock.set([{ skew: { kind: 'jump', offsetMs: 60_000 }, clocks: 'all', sinceMs: now.ms }])
  t.equal(clock.monotonicMs(), 60_000)
  const drift: ActiveSkew = { skew: { kind: 'drift', rate: 0.5 }, clocks: 'all', sinceMs: now.ms }
  clock.set([drift])
  now.ms += 1_000
  t.equal(clock.monotonicMs(), 60_500)
  clock.set([])
  now.ms += 1_000
  t.equal(clock.monotonicMs(), 61_500)
})

t.test('the monotonic clock never goes back, whatever is done to it', async () => {
  const skew = fc.oneof(
    fc.record({ kind: fc.constant('jump' as const), offsetMs: fc.integer({ min: -100_000, max: 100_000 }) }),
    fc.record({ kind: fc.constant('strobe' as const), offsetMs: fc.integer({ min: -1_000, max: 1_000 }), periodMs: fc.integer({ min: 1, max: 500 }) }),
    fc.record({ kind: fc.constant('drift' as const), rate: fc.double({ min: 0.1, max: 3, noNaN: true }) }),
  )
  const step = fc.record({ skews: fc.array(fc.record({ skew, clocks: fc.constantFrom('wall' as const, 'all' as const), sinceMs: fc.constant(0) }), { maxLength: 3 }), passMs: fc.nat(5_000) })
  fc.assert(fc.property(fc.array(step), (steps) => {
    const { now, clock } = clockAt(0)
    let latest = clock.monotonicMs()
    for (const { skews, passMs } of steps) {
      clock.set(skews)
      for (const part of [0, passMs]) {
        now.ms += part
        const seen = clock.monotonicMs()
        if (seen < latest) return false
        latest = seen
      }
    }
    return true
  }))
})
