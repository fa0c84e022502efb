import { z } from 'zod'
import { invariant, unreachable } from '../node/base/assert.ts'
import type { Clocks, ClockSkew } from '../harness/environments/environment.ts'
import { drawMagnitude, drawTargets, lacking, onEach, targetedShape, type Targeted } from './drawing.ts'
import { family } from './family.ts'
import type { NemesisContext } from './nemesis.ts'

interface ClockFault extends Targeted {
  readonly skew: ClockSkew
  readonly clocks: Clocks
}

const milliseconds = z.number().min(-1e9).max(1e9)

const skewSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('jump'), offsetMs: milliseconds }),
  z.strictObject({ kind: z.literal('strobe'), offsetMs: milliseconds, periodMs: z.number().min(1) }),
  z.strictObject({ kind: z.literal('drift'), rate: z.number().gt(0).max(100) }),
])

const examples: readonly { readonly name: string, readonly skew: ClockSkew }[] = [
  { name: 'jump forward', skew: { kind: 'jump', offsetMs: 20_000 } },
  { name: 'jump back', skew: { kind: 'jump', offsetMs: -20_000 } },
  { name: 'strobe', skew: { kind: 'strobe', offsetMs: 2000, periodMs: 200 } },
  { name: 'drift', skew: { kind: 'drift', rate: 1.2 } },
]

/** A member's own clock, never the host's. */
export const clock = family<ClockFault>({
  name: 'clock',
  about: 'the clocks of members jump forward or back, strobe, or run too fast or too slow; the wall clock alone or the monotonic one too',
  layer: 'clock',
  members: (value) => value.members,
  asked: z.strictObject({ ...targetedShape, skew: skewSchema.optional(), clocks: z.enum(['wall', 'all']).optional() }) as unknown as z.ZodType<Partial<ClockFault>>,

  missing: ({ skewClock, kind }) => skewClock !== undefined && skewClock.kinds.length > 0 && skewClock.clocks.length > 0
    ? null : `environment ${kind} cannot touch a member's clock`,

  variants: ({ skewClock }) => (['wall', 'all'] as const).flatMap((clocks) => examples.map(({ name, skew }) => ({
    kind: `${name}, ${clocks === 'wall' ? 'wall clock' : 'every clock'}`,
    asked: { target: 'one', skew, clocks },
    missing: lacking(skew.kind, skewClock?.kinds) ?? lacking(clocks, skewClock?.clocks),
  }))),

  async draw(context, asked) {
    const { random, environment: { skewClock } } = context
    invariant(skewClock !== undefined, () => 'clock where no clock can be skewed')
    return {
      ...await drawTargets(context, asked, ['one', 'leader', 'minority', 'random', 'all']),
      skew: asked.skew ?? drawSkew(random.pick(skewClock.kinds), context),
      clocks: asked.clocks ?? random.pick(skewClock.clocks),
    }
  },

  start({ members, skew, clocks }, { environment: { skewClock } }) {
    invariant(skewClock !== undefined, () => 'clock where no clock can be skewed')
    return onEach(members, (member) => skewClock.skew(member, skew, clocks))
  },
})

/** From less than an election's timeout to a minute; rates from one percent to one half off. */
function drawSkew(kind: ClockSkew['kind'], context: NemesisContext): ClockSkew {
  const { random } = context
  const offset = (hardestMs: number) => Math.round(drawMagnitude(context, 200, hardestMs)) * random.pick([1, -1])
  switch (kind) {
    case 'jump': return { kind, offsetMs: offset(60_000) }
    case 'strobe': return { kind, offsetMs: offset(5000), periodMs: Math.round(drawMagnitude(context, 1000, 50)) }
    case 'drift': return { kind, rate: Number((1 + drawMagnitude(context, 0.01, 0.5) * random.pick([1, -1])).toPrecision(4)) }
    default: return unreachable(kind)
  }
}
