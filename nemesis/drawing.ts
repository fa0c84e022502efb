import { z } from 'zod'
import type { Effect } from '../harness/environments/environment.ts'
import { chooseMembers, needsLeader } from './member-targets.ts'
import type { ActiveFault, NemesisContext } from './nemesis.ts'

/** Whom a fault strikes: how they were chosen, and who they are. */
export interface Targeted {
  readonly target: string
  readonly members: readonly string[]
}

/** For the schemas of families: both optional, members win. */
export const targetedShape = {
  target: z.string().optional(),
  members: z.array(z.string()).min(1).optional(),
}

/** From what was asked, else from `--targets`, else one of the family's own. */
export async function drawTargets(context: NemesisContext, asked: { readonly target?: string | undefined, readonly members?: readonly string[] | undefined }, defaults: readonly string[]): Promise<Targeted> {
  const { environment, plan, random } = context
  if (asked.members !== undefined) return { target: asked.target ?? asked.members.join('+'), members: asked.members }
  const target = asked.target ?? random.pick(plan.memberTargets.length > 0 ? plan.memberTargets : defaults)
  // Asked only where it matters: asking is load on the system too.
  return { target, members: chooseMembers(target, environment.members, random, needsLeader(target) ? await context.leader() : null) }
}

/**
 * A magnitude between the mildest and the hardest, even in its logarithm, so
 * that small ones are not rare; at intensity 0 always the mildest.
 */
export function drawMagnitude({ random, intensity }: NemesisContext, mildest: number, hardest: number): number {
  return round(mildest * (hardest / mildest) ** (random.fraction() * intensity()))
}

/** Three digits: what is drawn is also read, and typed into scripts. */
function round(value: number): number {
  return Number(value.toPrecision(3))
}

/** Of kinds that an environment may or may not have: the sentence where it has not. */
export function lacking<T extends string>(kind: T, served: readonly T[] | undefined): string | null {
  return served?.includes(kind) === true ? null : `no ${kind} here${served === undefined || served.length === 0 ? '' : `, only ${served.join(', ')}`}`
}

/** Does it for each at once; waits for all, then throws what failed. */
export async function each<T>(items: readonly T[], task: (item: T) => Promise<void>): Promise<void> {
  throwFailures(await Promise.allSettled(items.map(task)))
}

function throwFailures(results: readonly PromiseSettledResult<unknown>[]): void {
  const failures = results.flatMap((result) => result.status === 'rejected' ? [result.reason as Error] : [])
  if (failures.length === 1) throw failures[0]
  if (failures.length > 1) throw new AggregateError(failures, failures.map((failure) => failure.message).join('; '))
}

/** The same effect on several members at once: all of them, or none is left broken. */
export async function onEach(members: readonly string[], begin: (member: string) => Promise<Effect>): Promise<ActiveFault> {
  const results = await Promise.allSettled(members.map(begin))
  const effects = results.flatMap((result, i) => result.status === 'fulfilled' ? [{ member: members[i]!, effect: result.value }] : [])
  try {
    throwFailures(results)
  } catch (error) {
    await Promise.allSettled(effects.map(({ effect }) => effect.heal()))
    throw error
  }
  return {
    observed: Object.fromEntries(effects.map(({ member, effect }) => [member, effect.observed])),
    async stop() {
      const seen: Record<string, unknown> = {}
      await each(effects, async ({ member, effect }) => {
        seen[member] = await effect.heal()
      })
      return seen
    },
  }
}

/** One effect as it is. */
export function fromEffect(effect: Effect): ActiveFault {
  return { observed: effect.observed, stop: () => effect.heal() }
}
