import t from 'tap'
import type { Disturbance } from '../environment.ts'
import { calmPlan, measure, planOfRound, probePlan, seemsCalm, seemsDisturbed, type HeardProbe } from './disturbance-proof.ts'

/** Probes as a link would deliver them: `change` says what becomes of each, in the order of arrival. */
function heard(count: number, change: (sequence: number) => readonly Partial<HeardProbe>[] = () => [{}]): HeardProbe[] {
  return Array.from({ length: count }, (_, sequence) => change(sequence).map((changed) => ({ sequence, delayMs: 0.2, intact: true, ...changed }))).flat()
}

const every = (step: number, changed: Partial<HeardProbe>) => (sequence: number) => [sequence % step === 0 ? changed : {}]

t.test('a link is measured', async (t) => {
  t.match(measure(10, 100, heard(10)), { sent: 10, arrived: 10, duplicates: 0, overtaken: 0, corrupted: 0, delayMsMedian: 0.2 })
  t.match(measure(10, 100, heard(10, (sequence) => sequence < 3 ? [] : [{}])), { arrived: 7 })
  t.match(measure(10, 100, heard(10, (sequence) => sequence < 3 ? [{}, {}] : [{}])), { arrived: 10, duplicates: 3 })
  t.match(measure(10, 100, heard(10, every(5, { intact: false }))), { arrived: 8, corrupted: 2 })
  const order = [0, 2, 1, 3].map((sequence) => ({ sequence, delayMs: 1, intact: true }))
  t.match(measure(4, 100, order), { overtaken: 1 })
  t.match(measure(5, 100, []), { arrived: 0, delayMsMedian: null, delayMsMean: null, kbitPerS: null })
  // 1222 + 28 bytes each 10 ms are 1000 kbit/s.
  t.equal(measure(5, 1222, heard(5, (sequence) => [{ delayMs: 10 * sequence }])).kbitPerS, 1000)
})

t.test('each disturbance is seen, and a link that is whole is taken for none', async (t) => {
  const cases: readonly (readonly [Disturbance, (sequence: number) => readonly Partial<HeardProbe>[]])[] = [
    [{ kind: 'loss', probability: 0.2, burstLength: 1 }, (sequence) => sequence % 5 === 0 ? [] : [{}]],
    [{ kind: 'loss', probability: 0.2, burstLength: 4 }, (sequence) => sequence % 20 < 4 ? [] : [{}]],
    [{ kind: 'loss', probability: 1, burstLength: 1 }, () => []],
    [{ kind: 'delay', delayMs: 100, jitterMs: 10, distribution: 'uniform' }, (sequence) => [{ delayMs: 95 + sequence % 10 }]],
    // Who comes behind a late one is as late: after one that is far out all are.
    [{ kind: 'delay', delayMs: 624, jitterMs: 538, distribution: 'normal' }, (sequence) => [{ delayMs: sequence < 3 ? 700 : 2076 }]],
    [{ kind: 'duplicate', probability: 0.2 }, (sequence) => sequence % 5 === 0 ? [{}, {}] : [{}]],
    [{ kind: 'corrupt', probability: 0.2 }, every(5, { intact: false })],
    [{ kind: 'bandwidth', kbitPerS: 1000 }, (sequence) => [{ delayMs: sequence * 1228 * 8 / 1000 }]],
    [{ kind: 'mtu', maxBytes: 600 }, () => []],
  ]
  for (const [disturbance, change] of cases) {
    const { count, sizeBytes } = probePlan(disturbance)
    const disturbed = measure(count, sizeBytes, heard(count, change))
    t.equal(seemsDisturbed(disturbance, disturbed), null, JSON.stringify(disturbance))
    t.type(seemsCalm(disturbed), 'string', JSON.stringify(disturbance))
    const calm = measure(count, sizeBytes, heard(count, (sequence) => [{ delayMs: 0.1 + sequence / 1e6 }]))
    t.type(seemsDisturbed(disturbance, calm), 'string', JSON.stringify(disturbance))
    t.equal(seemsCalm(calm), null)
  }
  const overtaken = measure(4, 100, [0, 2, 1, 3].map((sequence) => ({ sequence, delayMs: 1, intact: true })))
  t.equal(seemsDisturbed({ kind: 'reorder', probability: 0.1, gapMs: 5 }, overtaken), null)
  t.type(seemsCalm(overtaken), 'string')
})

t.test('too much is not what was asked for either', async (t) => {
  const lost = measure(1000, 100, heard(1000, (sequence) => sequence % 2 === 0 ? [] : [{}]))
  t.match(seemsDisturbed({ kind: 'loss', probability: 0.1, burstLength: 1 }, lost), /500 of 1000 probes lost, where 0.1/)
  const late = measure(20, 100, heard(20, () => [{ delayMs: 400 }]))
  t.match(seemsDisturbed({ kind: 'delay', delayMs: 100, jitterMs: 10, distribution: 'uniform' }, late), /400 ms/)
})

t.test('rare disturbances get more probes', async (t) => {
  t.equal(probePlan({ kind: 'loss', probability: 0.5, burstLength: 1 }).count, 100)
  t.equal(probePlan({ kind: 'loss', probability: 0.01, burstLength: 1 }).count, 1200)
  t.equal(probePlan({ kind: 'mtu', maxBytes: 600 }).sizeBytes, 573, 'one byte more than passes, headers included')
})

t.test('each round goes slower than the one before, as far as the kind allows', async (t) => {
  const loss = probePlan({ kind: 'loss', probability: 0.1, burstLength: 1 })
  t.same(planOfRound(loss, 1), loss)
  t.match(planOfRound(loss, 4), { count: loss.count, spacingMs: 4 * loss.spacingMs, latestMs: 4 * loss.latestMs })
  t.equal(planOfRound(loss, 1000).spacingMs, loss.spacingMaxMs)
  const reorder = probePlan({ kind: 'reorder', probability: 0.3, gapMs: 4 })
  t.equal(planOfRound(reorder, 6).spacingMs, reorder.spacingMs, 'probes far apart would not pass each other')
  t.equal(planOfRound(calmPlan, 2).spacingMs, 4)
})
