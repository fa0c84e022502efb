/**
 * A harness in the middle of faults, for a test that kills it: starts a small
 * cluster and breaks it in every way at once, again and again, until it dies.
 * Argument: the run's id. Prints `faults` when the first are on.
 */
import { seededRandom } from '../../../../node/base/random.ts'
import type { Effect } from '../../environment.ts'
import { createDockerEnvironment } from '../index.ts'

const environment = await createDockerEnvironment({
  runId: process.argv[2]!, memberCount: 2, random: seededRandom(1), workDirectory: '/nonexistent',
  edits: [], memberConfig: {}, latencyMs: 0, powerLoss: false, faults: ['power', 'disk', 'clock'], say: () => {},
})
console.log('made')
await environment.start()
console.log('started')
const { cutLinks, disturbLinks, kill, pause, skewClock, troubleDisk } = environment
const there = { from: 'n1', to: 'n2' }
for (;;) {
  const faults = await Promise.allSettled<Effect | { heal(): Promise<unknown> }>([
    cutLinks!.cut([there]),
    disturbLinks!.disturb([{ from: 'n2', to: 'n1' }], { kind: 'delay', delayMs: 20, jitterMs: 5, distribution: 'normal' }, 'all'),
    skewClock!.skew('n1', { kind: 'drift', rate: 1.1 }, 'all'),
    troubleDisk!.trouble('n1', { kind: 'full' }),
    pause!.pause('n2'),
  ])
  console.log('faults')
  await Promise.allSettled([kill!.cutPower!('n2', { torn: true })])
  for (const fault of faults) if (fault.status === 'fulfilled') await fault.value.heal().catch(() => {})
  await kill!.restart('n2').catch(() => {})
}
