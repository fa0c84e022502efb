import fc from 'fast-check'
import t from 'tap'
import { seededRandom } from '../../node/base/random.ts'
import { drawDelayMs, PacketLoss } from './disturbance.ts'

const draws = 20_000

t.test('each distribution of delays has its mean and stays in its range', async (t) => {
  const mean = (distribution: 'uniform' | 'normal' | 'pareto', paretoShape = 2) => {
    const random = seededRandom(7)
    const values = Array.from({ length: draws }, () => drawDelayMs({ kind: 'delay', delayMs: 100, jitterMs: 20, distribution }, random, paretoShape))
    return { mean: values.reduce((sum, value) => sum + value, 0) / draws, min: Math.min(...values), max: Math.max(...values) }
  }
  const uniform = mean('uniform')
  t.ok(Math.abs(uniform.mean - 100) < 1 && uniform.min >= 80 && uniform.max <= 120, JSON.stringify(uniform))
  const normal = mean('normal')
  t.ok(Math.abs(normal.mean - 100) < 1 && normal.max > 140 && normal.min < 60, JSON.stringify(normal))
  const pareto = mean('pareto')
  t.ok(Math.abs(pareto.mean - 120) < 3 && pareto.min >= 100 && pareto.max > 300, JSON.stringify(pareto))
  const tamer = mean('pareto', 3)
  t.ok(Math.abs(tamer.mean - 110) < 1 && tamer.min >= 100, JSON.stringify(tamer))
})

t.test('a delay is never negative', async () => {
  fc.assert(fc.property(fc.nat(50), fc.nat(500), fc.constantFrom('uniform' as const, 'normal' as const, 'pareto' as const), fc.integer(), (delayMs, jitterMs, distribution, seed) =>
    drawDelayMs({ kind: 'delay', delayMs, jitterMs, distribution }, seededRandom(seed), 2) >= 0))
})

t.test('losses come as often as asked, in runs as long as asked', async (t) => {
  for (const [probability, burstLength] of [[0.1, 1], [0.1, 5], [0.5, 3], [0.9, 20], [0, 4], [1, 4]] as const) {
    const loss = new PacketLoss({ probability, burstLength })
    const random = seededRandom(3)
    const lost = Array.from({ length: draws * 5 }, () => loss.next(random))
    const count = lost.filter(Boolean).length
    const runs = lost.filter((now, i) => now && lost[i - 1] !== true).length
    t.ok(Math.abs(count / lost.length - probability) < 0.03, `${probability} in bursts of ${burstLength}: ${count / lost.length}`)
    if (probability > 0 && probability < 1 && burstLength > 1) {
      t.ok(Math.abs(count / runs / burstLength - 1) < 0.15, `${probability} in bursts of ${burstLength}: runs of ${count / runs}`)
    }
  }
})
