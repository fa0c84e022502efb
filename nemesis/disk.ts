import { z } from 'zod'
import { invariant, unreachable } from '../node/base/assert.ts'
import { MachineTooBusyError } from '../harness/environments/machine-too-busy.ts'
import type { DiskTrouble, Environment, Scarcity } from '../harness/environments/environment.ts'
import { drawMagnitude, drawTargets, lacking, onEach, targetedShape, type Targeted } from './drawing.ts'
import { family } from './family.ts'
import { reviveDead } from './member-process.ts'
import { NotNowError, type ActiveFault, type NemesisContext } from './nemesis.ts'

interface DiskFault extends Targeted {
  readonly trouble: DiskTrouble
}

const troubleSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('full') }),
  z.strictObject({ kind: z.literal('slow'), syncMs: z.number().gt(0).max(60_000) }),
  z.strictObject({ kind: z.literal('read-only') }),
])

export const disk = family<DiskFault>({
  name: 'disk',
  about: 'the disks of members are full, read-only, or slow to sync, while they run',
  layer: 'disk',
  members: (value) => value.members,
  asked: z.strictObject({ ...targetedShape, trouble: troubleSchema.optional() }) as unknown as z.ZodType<Partial<DiskFault>>,
  missing: ({ troubleDisk, kind }) => (troubleDisk?.kinds.length ?? 0) > 0 ? null : `environment ${kind} cannot touch a running member's disk`,

  variants: ({ troubleDisk }) => ([{ kind: 'full' }, { kind: 'slow', syncMs: 200 }, { kind: 'read-only' }] as const).map((trouble) =>
    ({ kind: trouble.kind, asked: { target: 'one', trouble }, missing: lacking(trouble.kind, troubleDisk?.kinds) })),

  async draw(context, asked) {
    const { random, environment: { troubleDisk } } = context
    invariant(troubleDisk !== undefined, () => 'disk where no disk can be touched')
    return {
      ...await drawTargets(context, asked, ['one', 'leader', 'minority', 'random']),
      trouble: asked.trouble ?? drawTrouble(random.pick(troubleDisk.kinds), context),
    }
  },

  start({ members, trouble }, { environment }) {
    const { troubleDisk } = environment
    invariant(troubleDisk !== undefined, () => 'disk where no disk can be touched')
    return thenRevive(environment, members, onEach(members, (member) => troubleDisk.trouble(member, trouble)))
  },
})

function drawTrouble(kind: DiskTrouble['kind'], context: NemesisContext): DiskTrouble {
  switch (kind) {
    case 'full':
    case 'read-only': return { kind }
    case 'slow': return { kind, syncMs: Math.round(drawMagnitude(context, 20, 1000)) }
    default: return unreachable(kind)
  }
}

interface ResourceFault extends Targeted {
  readonly scarcity: Scarcity
}

const scarcitySchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('cpu'), share: z.number().gt(0).max(1) }),
  z.strictObject({ kind: z.literal('memory'), maxMiB: z.number().gt(0) }),
  z.strictObject({ kind: z.literal('files'), max: z.int().min(1) }),
])

export const resources = family<ResourceFault>({
  name: 'resources',
  about: 'members get too little CPU, memory, or too few open files',
  layer: 'resources',
  members: (value) => value.members,
  asked: z.strictObject({ ...targetedShape, scarcity: scarcitySchema.optional() }) as unknown as z.ZodType<Partial<ResourceFault>>,
  missing: ({ limitResources, kind }) => (limitResources?.kinds.length ?? 0) > 0 ? null : `environment ${kind} cannot limit what a member gets of the machine`,

  variants: ({ limitResources }) => ([{ kind: 'cpu', share: 0.1 }, { kind: 'memory', maxMiB: 128 }, { kind: 'files', max: 32 }] as const).map((scarcity) =>
    ({ kind: scarcity.kind, asked: { target: 'one', scarcity }, missing: lacking(scarcity.kind, limitResources?.kinds) })),

  async draw(context, asked) {
    const { random, environment: { limitResources } } = context
    invariant(limitResources !== undefined, () => 'resources where none can be limited')
    return {
      ...await drawTargets(context, asked, ['one', 'leader', 'minority', 'random']),
      scarcity: asked.scarcity ?? drawScarcity(random.pick(limitResources.kinds), context),
    }
  },

  start({ members, scarcity }, { environment }) {
    const { limitResources } = environment
    invariant(limitResources !== undefined, () => 'resources where none can be limited')
    return thenRevive(environment, members, onEach(members, (member) => limitResources.limit(member, scarcity)).catch(unlessTooBusy))
  },
})

/** Nothing is broken where nothing could be shown. */
function unlessTooBusy(error: unknown): never {
  const causes = error instanceof AggregateError ? error.errors : [error]
  throw causes.every((cause) => cause instanceof MachineTooBusyError) ? new NotNowError((error as Error).message) : error
}

/** Hard enough to be felt; memory stays above what a member of Node.js needs to stand at all. */
function drawScarcity(kind: Scarcity['kind'], context: NemesisContext): Scarcity {
  switch (kind) {
    case 'cpu': return { kind, share: drawMagnitude(context, 0.5, 0.02) }
    case 'memory': return { kind, maxMiB: Math.round(drawMagnitude(context, 256, 96)) }
    case 'files': return { kind, max: Math.round(drawMagnitude(context, 128, 24)) }
    default: return unreachable(kind)
  }
}

/** Once it is mended, whoever died of it is started again. */
async function thenRevive(environment: Environment, members: readonly string[], starting: Promise<ActiveFault>): Promise<ActiveFault> {
  const active = await starting
  return {
    observed: active.observed,
    async stop() {
      const healed = await active.stop()
      return { healed, startedAgain: await reviveDead(environment, members) }
    },
  }
}
