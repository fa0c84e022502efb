import { z } from 'zod'
import type { Environment } from '../harness/environments/environment.ts'
import { drawTargets, targetedShape, type Targeted } from './drawing.ts'
import { family } from './family.ts'
import { bringDown, bringUp, type Downfall } from './member-process.ts'
import type { Nemesis } from './nemesis.ts'

interface DownFault extends Targeted {
  readonly how: Downfall
}

export const killTargets = ['one', 'leader', 'minority', 'majority', 'all'] as const

const variantNames: Readonly<Record<Downfall, string>> = { kill: '', terminate: '', power: 'nothing unsynced stays', 'torn-power': 'a torn last write may stay' }

/** Members that go down together, stay down for a while, and are started again on the same data. */
function downFamily(name: string, about: string, ways: readonly Downfall[], missing: (environment: Environment) => string | null): Nemesis {
  return family<DownFault>({
    name, about, missing,
    layer: 'process',
    variants: () => ways.map((how) => ({ kind: variantNames[how], asked: { target: 'one', how }, missing: null })),
    members: (value) => value.members,
    asked: z.strictObject({ ...targetedShape, how: z.enum(ways as [Downfall, ...Downfall[]]).optional() }) as unknown as z.ZodType<Partial<DownFault>>,
    draw: async (context, asked) => ({
      ...await drawTargets(context, asked, killTargets),
      how: asked.how ?? context.random.pick(ways),
    }),
    start: async ({ members, how }, { environment }) => ({
      observed: await bringDown(environment, members, how),
      stop: () => bringUp(environment, members),
    }),
  })
}

export const kill = downFamily('kill', 'kill -9 of one member, the leader, a minority, a majority or all, and their restart', ['kill'],
  (environment) => environment.kill === undefined ? 'this environment cannot kill members' : null)

export const terminate = downFamily('terminate', 'SIGTERM: members end in their own way, and are started again later', ['terminate'],
  ({ kill: killer, kind }) => killer?.terminate === undefined ? `environment ${kind} cannot tell a member to end` : null)

export const power = downFamily('power', 'power cuts: a member loses what it had not synced, or keeps a torn part of its last write', ['power', 'torn-power'],
  ({ kill: killer, kind }) => killer?.cutPower === undefined ? `environment ${kind} cannot lose what a member had written and not synced` : null)
