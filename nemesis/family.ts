import type { z } from 'zod'
import type { Environment } from '../harness/environments/environment.ts'
import type { RunPlan } from '../harness/plan/plan.ts'
import type { System } from '../harness/systems/system.ts'
import { isMemberTarget, memberTargets } from './member-targets.ts'
import type { ActiveFault, Layer, Nemesis, NemesisContext, Variant } from './nemesis.ts'

/**
 * A family in two steps: `draw` decides everything and makes nothing, `start`
 * makes exactly what was decided. So a fault that stands in a file, with its
 * value, is made again without any chance; what a script leaves open is drawn.
 */
export interface FamilyParts<Value extends object> {
  readonly name: string
  readonly about: string
  readonly layer: Layer | ((value: Value) => Layer)
  missing(environment: Environment, plan: RunPlan, system: System): string | null
  /** Nothing passes its links, and no more is done to them. */
  readonly cuts?: boolean
  /** What it may be aimed at besides members. */
  readonly shapes?: readonly string[]
  /** Absent: there is one kind only. */
  variants?(environment: Environment): readonly Variant[]
  /** What a script may say. Every field is optional. */
  readonly asked: z.ZodType<Partial<Value>>
  draw(context: NemesisContext, asked: Partial<Value>): Promise<Value>
  start(value: Value, context: NemesisContext): Promise<ActiveFault>
  /** Members that it touches. */
  members(value: Value): readonly string[]
  /** Links that it touches, as `n1>n2`. */
  links?(value: Value): readonly string[]
}

export function family<Value extends object>(parts: FamilyParts<Value>): Nemesis {
  const { name, about, layer, asked: schema } = parts
  return {
    name, about,
    missing: (environment, plan, system) => parts.missing(environment, plan, system),
    variants: (environment) => parts.variants?.(environment) ?? [{ kind: '', asked: {}, missing: null }],
    async next(context, asked = {}) {
      const value = await parts.draw(context, schema.parse(asked))
      return {
        name, value,
        impact: { layer: typeof layer === 'string' ? layer : layer(value), members: parts.members(value), ...parts.links === undefined ? {} : { links: parts.links(value) }, ...parts.cuts === true ? { cut: true } : {} },
        start: () => parts.start(value, context),
      }
    },
    objection(asked, members) {
      const parsed = schema.safeParse(asked)
      if (!parsed.success) return parsed.error.issues.map((issue) => `${issue.path.length === 0 ? '' : `"${issue.path.join('.')}": `}${issue.message}`).join('; ')
      return membersObjection(parsed.data as { target?: unknown, members?: unknown }, members, parts.shapes ?? [])
    },
  }
}

/** Families agree on `target` and `members`, where they have them. */
function membersObjection({ target, members: named }: { readonly target?: unknown, readonly members?: unknown }, members: readonly string[], shapes: readonly string[]): string | null {
  const strangers = (Array.isArray(named) ? named : []).filter((member) => !members.includes(member))
  if (strangers.length > 0) return `there is no member ${strangers.join(', ')}; there are ${members.join(', ')}`
  // With members named, the target only says how they were once chosen.
  if (typeof target === 'string' && named === undefined && !shapes.includes(target) && !isMemberTarget(target, members)) {
    return `"${target}" is no target; there are ${[...shapes, ...memberTargets.map(({ name }) => name)].join(', ')}, and members by name as n1+n3`
  }
  return null
}
