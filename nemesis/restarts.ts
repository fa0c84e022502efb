import { z } from 'zod'
import type { Environment, HarnessClock } from '../harness/environments/environment.ts'
import { drawMagnitude, drawTargets, targetedShape, type Targeted } from './drawing.ts'
import { family } from './family.ts'
import { bringDown, bringUp, proveUp, type Downfall } from './member-process.ts'
import type { ActiveFault } from './nemesis.ts'

const noKill = (environment: Environment) => environment.kill === undefined ? 'this environment cannot kill members' : null
const ways = (environment: Environment): readonly Downfall[] => environment.kill?.terminate === undefined ? ['kill'] : ['kill', 'terminate']
const restartShape = { ...targetedShape, how: z.enum(['kill', 'terminate']).optional() }

interface CrashLoop extends Targeted {
  /** How long it lives, and how long it is down, each time. */
  readonly upMs: number
  readonly downMs: number
}

/** Dies, is started, dies again: what a supervisor does with a member that cannot stay up. */
export const crashLoop = family<CrashLoop>({
  name: 'crash-loop',
  about: 'a member is killed and started again and again, and never lives long',
  layer: 'process',
  members: (value) => value.members,
  missing: noKill,
  asked: z.strictObject({ ...targetedShape, upMs: z.number().min(0).optional(), downMs: z.number().min(0).optional() }) as unknown as z.ZodType<Partial<CrashLoop>>,
  draw: async (context, asked) => ({
    ...await drawTargets(context, asked, ['one', 'leader', 'minority']),
    upMs: asked.upMs ?? drawMagnitude(context, 2000, 100),
    downMs: asked.downMs ?? drawMagnitude(context, 100, 1000),
  }),
  async start({ members, upMs, downMs }, { environment }) {
    const observed = await bringDown(environment, members, 'kill')
    let crashes = 1
    return inBackground(environment.clock, observed, async (over) => {
      while (!await over(downMs)) {
        await bringUp(environment, members)
        if (await over(upMs)) return
        await bringDown(environment, members, 'kill')
        crashes++
      }
    }, async () => ({ crashes, ...await bringUp(environment, members) }))
  },
})

interface Restart extends Targeted {
  readonly how: Downfall
}

/** Everyone down at the same moment, and up again at once: all that is not on disks is gone. */
export const restartAll = family<Restart>({
  name: 'restart-all',
  about: 'all members are restarted at the same moment',
  layer: 'process',
  members: (value) => value.members,
  missing: noKill,
  asked: z.strictObject(restartShape) as unknown as z.ZodType<Partial<Restart>>,
  draw: async ({ environment, random }, asked) => ({
    target: asked.target ?? 'all', members: asked.members ?? environment.members, how: asked.how ?? random.pick(ways(environment)),
  }),
  async start({ members, how }, { environment }) {
    const down = await bringDown(environment, members, how)
    return { observed: down, stop: () => bringUp(environment, members) }
  },
})

interface Rolling extends Restart {
  /** Between one member that answers again and the next that goes down. */
  readonly pauseMs: number
}

/** One after the other, as an upgrade does it; the leader's turn comes too. */
export const rollingRestart = family<Rolling>({
  name: 'rolling-restart',
  about: 'members are restarted one after the other, each once the one before answers again',
  layer: 'process',
  members: (value) => value.members,
  missing: noKill,
  asked: z.strictObject({ ...restartShape, pauseMs: z.number().min(0).optional() }) as unknown as z.ZodType<Partial<Rolling>>,
  draw: async (context, asked) => ({
    target: asked.target ?? 'all',
    members: asked.members ?? context.random.shuffle(context.environment.members),
    how: asked.how ?? context.random.pick(ways(context.environment)),
    pauseMs: asked.pauseMs ?? drawMagnitude(context, 2000, 50),
  }),
  async start({ members, how, pauseMs }, { environment }) {
    const [first, ...rest] = members
    const observed = await bringDown(environment, [first!], how)
    const restarted = [first!]
    return inBackground(environment.clock, observed, async (over) => {
      await bringUp(environment, [first!])
      for (const member of rest) {
        if (await over(pauseMs)) return
        await bringDown(environment, [member], how)
        restarted.push(member)
        await bringUp(environment, [member])
      }
    }, async () => {
      await bringUpStopped(environment, members)
      return { restarted, proven: `${members.join(', ')} answered` }
    })
  },
})

/** Those that a broken-off round left down. */
async function bringUpStopped(environment: Environment, members: readonly string[]): Promise<void> {
  try {
    await proveUp(environment, members)
  } catch {
    await bringUp(environment, members)
  }
}

/**
 * A fault that goes on by itself while it is on. `over` waits and says whether
 * the fault is to end. It was proven at its start and is proven mended at its
 * end; what stopped the work in between (another fault in its way) is told.
 */
function inBackground(clock: HarnessClock, observed: unknown, work: (over: (ms: number) => Promise<boolean>) => Promise<void>, settle: () => Promise<object>): ActiveFault {
  let ending = false
  let brokenOff: string | null = null
  const over = async (ms: number) => {
    // In steps, so that stopping does not wait for a long pause to end.
    for (let left = ms; left > 0 && !ending; left -= 50) await clock.sleep(Math.min(50, left))
    return ending
  }
  const working = work(over).catch((error: unknown) => {
    brokenOff = (error as Error).message
  })
  return {
    observed,
    async stop() {
      ending = true
      await working
      return { ...await settle(), ...brokenOff === null ? {} : { brokenOff } }
    },
  }
}
