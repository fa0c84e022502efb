import type { Nemesis, NemesisContext } from '../../nemesis/nemesis.ts'
import { askedOf, type FaultScript } from '../../nemesis/script.ts'
import { intervals } from '../../nemesis/schedule.ts'
import type { Random } from '../../node/base/random.ts'
import type { FaultConductor, Started } from './fault-conductor.ts'
import type { Stop } from './stop.ts'

/** What the loops share. */
export interface FaultLoops {
  readonly nemeses: readonly Nemesis[]
  /** For one family; each has chance of its own. */
  readonly contextOf: (nemesis: Nemesis) => NemesisContext
  readonly conductor: FaultConductor
  readonly phase: Stop
}

/**
 * Faults again and again until `phase` stops: as many loops as may be on at
 * once. Each family has its own, or where there are more families than that,
 * the loops take turns with them, so that each comes before one comes twice.
 * A fault that is on when the phase stops is left to `healAll`.
 */
export function faultLoops(loops: FaultLoops, atOnce: number, random: Random): Promise<void>[] {
  const { nemeses, contextOf } = loops
  if (atOnce >= nemeses.length) {
    return nemeses.map((nemesis) => faultLoop(() => nemesis, contextOf(nemesis).random.split('intervals'), loops, contextOf(nemesis)))
  }
  const nextFamily = inTurns(nemeses, random.split('order of families'))
  return Array.from({ length: atOnce }, (_, i) => faultLoop(nextFamily, random.split(`intervals of loop ${i}`), loops, contextOf(nemeses[0]!)))
}

const familiesTried = 3

/** Wait, break, wait, mend. */
async function faultLoop(nextFamily: () => Nemesis, random: Random, { contextOf, conductor, phase }: FaultLoops, { environment: { clock }, plan }: NemesisContext): Promise<void> {
  const pauseMs = intervals(plan.schedule, plan.nemesisIntervalS, random)
  // What does not fit now gives its turn to the next family, but not for ever.
  const startOne = async (): Promise<Started> => {
    for (let tries = familiesTried; ; tries--) {
      const nemesis = nextFamily()
      const started = await conductor.start(async () => phase.stopped ? null : nemesis.next(contextOf(nemesis)), 'unless-conflicting')
      if (started.kind !== 'skipped' || tries === 1 || phase.stopped) return started
    }
  }
  // Half a pause before the first, so that a short run has faults too.
  if (await phase.sleep(clock, pauseMs() / 2)) return
  while (!phase.stopped) {
    const started = await startOne()
    if (started.kind !== 'skipped' && await phase.sleep(clock, pauseMs())) return
    // What another fault keeps from being mended is tried again, so that it does not last for the rest of the run.
    while (started.kind === 'on' && !await conductor.stop(started.id)) {
      if (await phase.sleep(clock, pauseMs())) return
    }
    if (await phase.sleep(clock, pauseMs())) return
  }
}

/** Each once in a drawn order, then in another. */
function inTurns(nemeses: readonly Nemesis[], random: Random): () => Nemesis {
  let left: Nemesis[] = []
  return () => {
    if (left.length === 0) left = random.shuffle(nemeses)
    return left.pop()!
  }
}

/**
 * The faults of a script at their times. One that is to begin when another is
 * over waits until it is: on a slow machine a probe may outlast its fault's
 * time, and what the script has one after the other would meet.
 */
export function scriptLoops(script: FaultScript, { nemeses, contextOf, conductor, phase }: FaultLoops, mainStartedNs: number): Promise<void>[] {
  const loops: { readonly endS: number, readonly over: Promise<void> }[] = []
  for (const scripted of script.faults) {
    const nemesis = nemeses.find(({ name }) => name === scripted.fault)!
    const context = contextOf(nemesis)
    const { clock } = context.environment
    const endS = scripted.at + (scripted.for ?? Infinity)
    const before = loops.filter((earlier) => earlier.endS <= scripted.at).map(({ over }) => over)
    const until = (atS: number) => phase.sleep(clock, Math.max(0, mainStartedNs + atS * 1e9 - clock.nowNs()) / 1e6)
    const run = async () => {
      if (await until(scripted.at) || await phase.cutShort(Promise.all(before))) return
      const started = await conductor.start(async () => phase.stopped ? null : nemesis.next(context, askedOf(scripted)), 'always')
      if (started.kind !== 'on' || scripted.for === undefined) return
      if (await until(endS)) return
      await conductor.stop(started.id)
    }
    loops.push({ endS, over: run() })
  }
  return loops.map(({ over }) => over)
}
