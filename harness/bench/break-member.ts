import { unreachable } from '../../node/base/assert.ts'
import type { Environment, Link } from '../environments/environment.ts'

/** How a member is taken from the others. */
export const breakWays = ['kill', 'pause', 'cut'] as const
export type BreakWay = (typeof breakWays)[number]

export interface Broken {
  /** Resolves when the fault is proven to be in force; rejects where it is not. */
  readonly proven: Promise<void>
  /** Resolves when it is proven mended: a killed member is started on its data. Waits for `proven`. */
  mend(): Promise<void>
}

/** Why this cannot be done here; null where it can. */
export function cannotBreak({ kind, kill, pause, cutLinks }: Environment, way: BreakWay): string | null {
  switch (way) {
    case 'kill': return kill === undefined ? `environment ${kind} cannot kill members` : null
    case 'pause': return pause === undefined ? `environment ${kind} cannot pause members` : null
    case 'cut': return cutLinks === undefined ? `environment ${kind} cannot cut links` : null
    default: return unreachable(way)
  }
}

/** Every link to and from it. */
export const linksOf = (members: readonly string[], member: string): Link[] =>
  members.filter((other) => other !== member).flatMap((other) => [{ from: member, to: other }, { from: other, to: member }])

/** Breaks it at once: what is awaited is only the proof. Ask `cannotBreak` before. */
export function breakMember(environment: Environment, member: string, way: BreakWay): Broken {
  const { kill, pause, cutLinks, members } = environment
  switch (way) {
    case 'kill': return broken(kill!.kill(member), () => kill!.restart(member))
    case 'pause': return broken(pause!.pause(member), (effect) => effect.heal())
    case 'cut': return broken(cutLinks!.cut(linksOf(members, member)), (cut) => cut.heal())
    default: return unreachable(way)
  }
}

function broken<T>(begun: Promise<T>, mend: (effect: T) => Promise<unknown>): Broken {
  const proven = begun.then(() => {})
  // Whoever awaits it sees the rejection; it must not count as unhandled until then.
  proven.catch(() => {})
  return { proven, mend: async () => void await mend(await begun) }
}
