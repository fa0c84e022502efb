import type { Nemesis, NemesisContext } from '../../nemesis/nemesis.ts'
import { randomIntervals } from '../../nemesis/schedule.ts'
import type { FaultConductor } from './fault-conductor.ts'
import type { Stop } from './stop.ts'

/**
 * One family of faults, again and again until `phase` stops: wait, break,
 * wait, mend. A fault that is on when the phase stops is left to `healAll`.
 */
export async function faultLoop(nemesis: Nemesis, context: NemesisContext, conductor: FaultConductor, phase: Stop): Promise<void> {
  const { clock } = context.environment
  const pauseMs = randomIntervals(context.plan.nemesisIntervalS, context.random.split('intervals'))
  // Half a pause before the first, so that a short run has faults too.
  if (await phase.sleep(clock, pauseMs() / 2)) return
  while (!phase.stopped) {
    const fault = await nemesis.next(context)
    if (phase.stopped) return
    const id = await conductor.start(fault)
    if (await phase.sleep(clock, pauseMs())) return
    if (id !== null) await conductor.stop(id)
    if (await phase.sleep(clock, pauseMs())) return
  }
}
