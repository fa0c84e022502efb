import type { FaultSpan } from './fault-times.ts'
import type { GossipImpact } from './gossip-impact.ts'
import { isUp, type Poll } from './membership-polls.ts'

export interface Resurrection {
  readonly member: string
  readonly span: FaultSpan
  /** By the same observer: it was given up, and later it was not. */
  readonly failed: Poll
  readonly alive: Poll
}

export interface ResurrectionInput {
  readonly polls: readonly Poll[]
  readonly members: readonly string[]
  readonly spans: readonly FaultSpan[]
  readonly impactOf: (span: FaultSpan) => GossipImpact
  /** After this in peace all members know the same incarnations. */
  readonly levelMs: number
  /** Whether the start of the run counts as such a peace. */
  readonly levelAtStart: boolean
}

/** What leaves a process as it was, and only holds it up. */
const gentle = new Set(['pause', 'partition', 'firewall', 'loss', 'delay', 'duplicate', 'reorder', 'corrupt', 'bandwidth', 'mtu', 'clock'])

/**
 * The dead stay dead: who was given up comes back by a higher incarnation only,
 * and nobody but the member itself raises its own (SWIM §4.2). So while it is
 * silent nobody may hold it for alive again, whatever else is broken: unless it
 * raised its incarnation shortly before, to somebody who told it later.
 * That it did only if it was accused; so what could have made others accuse it
 * must be long over, or have kept them silent since before. And whoever was
 * started anew may hear of the dead as of somebody new.
 */
export function resurrections(input: ResurrectionInput): Resurrection[] {
  const { polls, members, spans, impactOf, levelMs, levelAtStart } = input
  const found: Resurrection[] = []
  for (const span of spans) {
    const impact = impactOf(span)
    if (impact.kind !== 'silent' || !(span.onNs < span.untilNs) || (!levelAtStart && span.mayBeginNs < levelMs * 1e6)) continue
    const others = spans.filter((other) => other !== span && impactOf(other).kind !== 'none')
    const isLevel = others.every((other) => other.mayBeginNs > span.onNs || other.overNs + levelMs * 1e6 <= span.mayBeginNs
      || (impactOf(other).kind === 'silent' && other.untilNs > span.onNs))
    if (!isLevel) continue
    for (const observer of members) {
      if (impact.members.includes(observer)) continue
      const restarted = others.some((other) => !gentle.has(other.name) && other.overNs >= span.mayBeginNs && other.mayBeginNs <= span.untilNs && touches(other, observer))
      if (restarted) continue
      for (const member of impact.members) {
        let failed: Poll | null = null
        for (const poll of polls) {
          if (poll.observer !== observer || poll.askedNs < span.onNs || poll.answeredNs > span.untilNs) continue
          if (!isUp(poll.view[member])) failed ??= poll
          else if (failed !== null) {
            found.push({ member, span, failed, alive: poll })
            break
          }
        }
      }
    }
  }
  return found
}

function touches({ value }: FaultSpan, member: string): boolean {
  const { members } = (value ?? {}) as { readonly members?: readonly string[] }
  return members === undefined || members.includes(member)
}
