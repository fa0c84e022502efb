import { z } from 'zod'
import { invariant } from '../node/base/assert.ts'
import type { DamageFiles, FileDamage } from '../harness/environments/environment.ts'
import { drawTargets, each, targetedShape, type Targeted } from './drawing.ts'
import { family } from './family.ts'
import { bringDown, bringUp, killerOf } from './member-process.ts'
import { backEmpty } from './membership.ts'
import { NotNowError, type ActiveFault, type NemesisContext } from './nemesis.ts'

interface DamageFault extends Targeted {
  readonly damage: FileDamage
  /** Where in the file, 0 to 1. */
  readonly fraction: number
}

const where = z.enum(['log', 'snapshot'])
const damageSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('bit-flip'), in: where }),
  z.strictObject({ kind: z.literal('truncate'), in: where, bytes: z.int().min(1) }),
])

/**
 * A flip behind this share of a file may hit what was written last, which no
 * log can tell from a write that a crash tore: it is cut off in silence, and
 * what was acknowledged with it. No member could be blamed for that.
 */
const flipFractionMax = 0.7

/**
 * Files of a dead member are damaged. What may follow, and what may not:
 *
 * - A flipped bit: the member is started on it. To refuse with a clear error is
 *   right; to serve what the bit made of it is the bug that is looked for.
 * - A shortened file: what is missing at the end looks like a torn write, so the
 *   member cannot know what it forgets. Back among the others it could help
 *   elect a leader without an acknowledged entry, and its trace would show terms
 *   that went back. So it is not started on it at all.
 *
 * In the end each comes back with an empty disk, as a new member that votes
 * nowhere until it was taken in. By default one member at a time, so that
 * never more than a minority lost anything.
 */
export const damage = family<DamageFault>({
  name: 'damage',
  about: 'bits flip in log and snapshot files of a dead member, or the files are cut short; it comes back with an empty disk, as a new one',
  layer: 'data',
  members: (value) => value.members,
  asked: z.strictObject({ ...targetedShape, damage: damageSchema.optional(), fraction: z.number().min(0).max(1).optional() }) as unknown as z.ZodType<Partial<DamageFault>>,

  missing({ damageFiles, kill, kind, members }, _plan, system) {
    if (damageFiles === undefined) return `environment ${kind} cannot touch a member's files`
    if (kill?.restartEmpty === undefined) return `environment ${kind} cannot give a member a new disk`
    if (system.membership === undefined) return `${system.name} cannot take in a member that lost its disk`
    return members.length < 3 ? 'with fewer than three members none may lose its data' : null
  },
  variants: () => (['log', 'snapshot'] as const).flatMap((file) => [
    { kind: `bit flip, ${file}`, asked: { target: 'one', damage: { kind: 'bit-flip', in: file }, fraction: 0.4 }, missing: null },
    { kind: `truncation, ${file}`, asked: { target: 'one', damage: { kind: 'truncate', in: file, bytes: 64 } }, missing: null },
  ]),

  async draw(context, asked) {
    const { random } = context
    const file = random.pick(['log', 'log', 'snapshot'] as const)
    return {
      ...await drawTargets(context, asked, ['one', 'leader']),
      damage: asked.damage ?? (random.chance(0.7) ? { kind: 'bit-flip', in: file } : { kind: 'truncate', in: file, bytes: random.between(1, 4096) }),
      fraction: asked.fraction ?? Number((random.fraction() * flipFractionMax).toPrecision(3)),
    }
  },

  async start({ members, damage: wanted, fraction }, context) {
    const { environment } = context
    const { damageFiles } = environment
    invariant(damageFiles !== undefined, () => 'damage where no file can be touched')
    await bringDown(environment, members, 'kill')
    const damaged = await damageAll(members, wanted, fraction, damageFiles)
    const whole = members.filter((member) => !damaged.has(member))
    await bringUp(environment, whole)
    if (damaged.size === 0) throw new NotNowError(`${members.join(', ')}: no ${wanted.in} to damage yet`)
    const said: Record<string, string> = {}
    await each([...damaged.keys()], async (member) => {
      said[member] = await startOn(member, wanted, context)
    })
    return mending([...damaged.keys()], { damaged: Object.fromEntries(damaged), said }, context)
  },
})

async function damageAll(members: readonly string[], wanted: FileDamage, fraction: number, damageFiles: DamageFiles): Promise<Map<string, unknown>> {
  const damaged = new Map<string, unknown>()
  for (const member of members) {
    const seen = await damageFiles.damage(member, wanted, fraction)
    if (seen !== null) damaged.set(member, seen)
  }
  return damaged
}

/** What comes of a start on the damaged disk, in words. */
async function startOn(member: string, { kind }: FileDamage, { environment }: NemesisContext): Promise<string> {
  const attempt = async () => {
    try {
      await killerOf(environment).restart(member)
      return 'started'
    } catch (error) {
      return `refused: ${(error as Error).message}`
    }
  }
  return kind === 'bit-flip' ? attempt() : 'not started: it could not know what it forgot'
}

function mending(members: readonly string[], observed: unknown, context: NemesisContext): ActiveFault {
  const wiped = new Set<string>()
  return {
    observed,
    async stop() {
      const seen: Record<string, unknown> = {}
      await each(members, async (member) => {
        if (!wiped.has(member)) {
          // Refused to start, or runs on what is damaged: either way its disk is given up.
          await killerOf(context.environment).kill(member).catch(() => {})
          wiped.add(member)
        }
        seen[member] = await backEmpty(member, null, context)
      })
      return seen
    },
  }
}
