import type { ViewChange } from '../environments/gossip-watch.ts'

/** In ms since the member's affliction; null: did not happen. */
export interface Detection {
  readonly suspectedMs: number | null
  /** The first other member shows it as failed. */
  readonly firstMs: number | null
  /** The last of them has shown it so. */
  readonly allMs: number | null
}

/** How and when the others came to call `member` failed, from `fromMs` on. Before, all showed it as up. */
export function detectionOf(changes: readonly ViewChange[], member: string, observers: readonly string[], fromMs: number): Detection {
  const failedMs = new Map<string, number>()
  let suspectedMs: number | null = null
  for (const { observer, member: of, status, atMs } of changes) {
    if (of !== member || atMs < fromMs || !observers.includes(observer)) continue
    if (status === 'suspect') suspectedMs ??= atMs - fromMs
    if (status === 'failed' && !failedMs.has(observer)) failedMs.set(observer, atMs - fromMs)
  }
  const times = [...failedMs.values()]
  return { suspectedMs, firstMs: times.length === 0 ? null : Math.min(...times), allMs: times.length < observers.length ? null : Math.max(...times) }
}

/** What SWIM owes of a silent member, in ms. */
export interface DetectionBounds {
  readonly allMs: number
  /** From the first who knows to the last. */
  readonly spreadMs: number
}

/** Which bound was not kept, if any: the second is looked at where the first was kept. */
export function brokenBound({ firstMs, allMs }: Detection, bounds: DetectionBounds): 'detection' | 'spread' | null {
  if (firstMs === null || allMs === null || allMs > bounds.allMs) return 'detection'
  return allMs - firstMs > bounds.spreadMs ? 'spread' : null
}

export interface Mistakes {
  /** A member that lives and can be reached is called failed by anybody; what others call it meanwhile is the same mistake. */
  readonly count: number
  /** Of all that members thought of others in that time: the share that was wrong, 0 to 1. */
  readonly share: number
}

/** What members in `members` wrongly thought of each other, in a time before which all showed all as up. */
export function mistakesOf(changes: readonly ViewChange[], members: readonly string[], fromMs: number, toMs: number): Mistakes {
  const known = new Set(members)
  /** By member: who calls it failed now, and since when. */
  const callers = new Map<string, Map<string, number>>()
  let count = 0
  let wrongMs = 0
  for (const { observer, member, status, atMs } of changes) {
    if (atMs < fromMs || atMs > toMs || !known.has(observer) || !known.has(member)) continue
    const its = callers.get(member) ?? new Map<string, number>()
    callers.set(member, its)
    const sinceMs = its.get(observer)
    if (status === 'failed') {
      if (its.size === 0) count++
      if (sinceMs === undefined) its.set(observer, atMs)
    } else if (sinceMs !== undefined) {
      wrongMs += atMs - sinceMs
      its.delete(observer)
    }
  }
  for (const its of callers.values()) for (const sinceMs of its.values()) wrongMs += toMs - sinceMs
  const thoughtMs = members.length * (members.length - 1) * (toMs - fromMs)
  return { count, share: thoughtMs === 0 ? 0 : wrongMs / thoughtMs }
}
