import { z } from 'zod'
import { invariant, unreachable } from '../node/base/assert.ts'
import type { CheckStatus, Services } from '../harness/systems/services.ts'
import { drawMagnitude, drawTargets, each, targetedShape, type Targeted } from './drawing.ts'
import { family } from './family.ts'
import { bringDown, bringUp } from './member-process.ts'
import { NotNowError, type ActiveFault, type NemesisContext } from './nemesis.ts'
import { requestTo } from './taking-in.ts'

const kinds = ['flapping-checks', 'agent-death', 'registration-flood'] as const
type Kind = (typeof kinds)[number]

interface RegistryFault extends Targeted {
  readonly kind: Kind
  /** Services on each of the members. */
  readonly services: number
  /** Between two changes of a check, or two registrations. */
  readonly periodMs: number
}

/** What services do to their registry: they flap, die with their machine, or come all at once. Through the system's own API. */
export const registry = family<RegistryFault>({
  name: 'registry',
  about: 'health checks flap, an agent dies with its services, registrations come in a flood',
  layer: ({ kind }) => kind === 'agent-death' ? 'process' : 'registry',
  members: (value) => value.members,
  asked: z.strictObject({ ...targetedShape, kind: z.enum(kinds).optional(), services: z.int().min(1).max(10_000).optional(), periodMs: z.number().min(1).optional() }) as unknown as z.ZodType<Partial<RegistryFault>>,

  missing(_environment, _plan, system) {
    return system.services === undefined ? `${system.name} registers no services` : null
  },
  variants: ({ kill, kind: environment }) => kinds.map((kind) => ({
    kind, asked: { kind, target: 'one' }, missing: kind === 'agent-death' && kill === undefined ? `environment ${environment} cannot kill members` : null,
  })),

  async draw(context, asked) {
    const kind = asked.kind ?? context.random.pick(kinds.filter((candidate) => candidate !== 'agent-death' || context.environment.kill !== undefined))
    return {
      kind,
      ...await drawTargets(context, asked, kind === 'agent-death' ? ['one', 'leader'] : ['one', 'random', 'all']),
      // A few hundred changes a second at the most: with thousands, about half of a simulation with all faults went into this family.
      services: asked.services ?? Math.round(kind === 'registration-flood' ? drawMagnitude(context, 20, 100) : drawMagnitude(context, 2, 10)),
      periodMs: asked.periodMs ?? Math.round(kind === 'registration-flood' ? drawMagnitude(context, 50, 10) : drawMagnitude(context, 1000, 100)),
    }
  },

  start(value, context) {
    const { services } = context.system
    invariant(services !== undefined, () => `registry faults of ${context.system.name}, which registers no services`)
    switch (value.kind) {
      case 'flapping-checks': return flap(value, context, services)
      case 'agent-death': return dieWithServices(value, context, services)
      case 'registration-flood': return flood(value, context, services)
      default: return unreachable(value.kind)
    }
  },
})

/** Known by its name, so that it is told from what a user registers. */
const serviceId = (member: string, i: number) => `splitbrain-${member}-${i}`
const idsOf = (member: string, count: number) => Array.from({ length: count }, (_, i) => serviceId(member, i))

async function flap({ members, services: count, periodMs }: RegistryFault, context: NemesisContext, services: Services): Promise<ActiveFault> {
  const { clock } = context.environment
  await registerAll(members, count, context, services)
  const turn = (status: CheckStatus) => each(members, (member) => each(idsOf(member, count), (id) => services.report(requestTo(context, member), id, status)))
  try {
    await turn('critical')
    await proveStatus(members, count, 'critical', context, services)
  } catch (error) {
    await deregisterAll(members, count, context, services).catch(() => {})
    throw error
  }
  let ending = false
  let turns = 1
  const flapping = (async () => {
    while (!ending) {
      await clock.sleep(periodMs)
      // An answer that is lost to another fault is one flap less.
      await turn(turns % 2 === 0 ? 'critical' : 'passing').then(() => { turns++ }, () => {})
    }
  })()
  return {
    observed: { flapping: count * members.length },
    async stop() {
      ending = true
      await flapping
      await deregisterAll(members, count, context, services)
      return { turns, left: 0 }
    },
  }
}

async function dieWithServices({ members, services: count }: RegistryFault, context: NemesisContext, services: Services): Promise<ActiveFault> {
  await registerAll(members, count, context, services)
  const down = await bringDown(context.environment, members, 'kill')
  return {
    observed: { ...down, servicesOfTheDead: count * members.length },
    async stop() {
      const up = await bringUp(context.environment, members)
      await deregisterAll(members, count, context, services)
      return { ...up, left: 0 }
    },
  }
}

async function flood({ members, services: count, periodMs }: RegistryFault, context: NemesisContext, services: Services): Promise<ActiveFault> {
  const { clock } = context.environment
  await registerAll(members, 1, context, services)
  let ending = false
  let registered = members.length
  let refused = 0
  const flooding = (async () => {
    for (let i = 1; i < count && !ending; i++) {
      await Promise.all(members.map(async (member) => {
        try {
          await services.register(requestTo(context, member), serviceId(member, i))
          registered++
        } catch {
          refused++
        }
      }))
      await clock.sleep(periodMs)
    }
  })()
  return {
    observed: { firstRegisteredOn: members },
    async stop() {
      ending = true
      await flooding
      await deregisterAll(members, count, context, services)
      return { registered, refused, left: 0 }
    },
  }
}

/** Proven: the agent lists each of them. */
async function registerAll(members: readonly string[], count: number, context: NemesisContext, services: Services): Promise<void> {
  try {
    await each(members, (member) => each(idsOf(member, count), (id) => services.register(requestTo(context, member), id))).catch((error: unknown) => {
      throw new NotNowError((error as Error).message)
    })
    await proveStatus(members, count, 'passing', context, services)
  } catch (error) {
    await deregisterAll(members, count, context, services).catch(() => {})
    throw error
  }
}

async function proveStatus(members: readonly string[], count: number, status: CheckStatus, context: NemesisContext, services: Services): Promise<void> {
  await each(members, async (member) => {
    const seen = await services.statuses(requestTo(context, member))
    const wrong = idsOf(member, count).find((id) => seen[id] !== status)
    if (wrong !== undefined) throw new Error(`${member} has ${wrong} as ${seen[wrong] ?? 'absent'}, not ${status}`)
  })
}

/** Whatever the agent has of ours goes; proven by asking it again. */
async function deregisterAll(members: readonly string[], count: number, context: NemesisContext, services: Services): Promise<void> {
  await each(members, async (member) => {
    const request = requestTo(context, member)
    const ours = new Set(idsOf(member, count))
    const present = Object.keys(await services.statuses(request)).filter((id) => ours.has(id))
    for (const id of present) await services.deregister(request, id)
    const left = Object.keys(await services.statuses(request)).filter((id) => ours.has(id))
    if (left.length > 0) throw new Error(`${member} still has ${left.length} services that were deregistered: ${left.slice(0, 3).join(', ')}`)
  })
}
