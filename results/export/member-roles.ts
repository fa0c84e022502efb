import { z } from 'zod'

/** A Raft trace as it was written. */
export interface MemberTraceText {
  readonly member: string
  readonly lines: Iterable<string>
}

/** A stretch of time in which a member had one role in one term. */
export interface MemberRole {
  readonly member: string
  readonly role: string
  readonly term: number
  /** Node id of whom it took for the leader. */
  readonly leader: string | null
  readonly startNs: number
  readonly endNs: number
}

const transitionSchema = z.looseObject({ timeMs: z.number(), term: z.int(), role: z.string(), leader: z.string().nullable() })
const timedSchema = z.looseObject({ timeMs: z.number() })

/**
 * What members' Raft traces say of their roles, on the harness's clock. Members
 * write the time of their wall clock: one that lies lies here too.
 * @param zeroWallMs what a true wall clock said at the history's beginning
 * @param endNs of the history: where the last role of each member ends
 */
export function* memberRoles(traces: readonly MemberTraceText[], zeroWallMs: number, endNs: number): Generator<MemberRole> {
  for (const { member, lines } of traces) yield* rolesOf(member, lines, (timeMs) => Math.max(0, (timeMs - zeroWallMs) * 1e6), endNs)
}

function* rolesOf(member: string, lines: Iterable<string>, toNs: (timeMs: number) => number, endNs: number): Generator<MemberRole> {
  let current: { role: string, term: number, leader: string | null, startNs: number } | null = null
  let before = ''
  // A clock that was set back must not make time go back on the track.
  let latestNs = 0
  const at = (timeMs: number) => latestNs = Math.max(latestNs, Math.round(toNs(timeMs)))
  for (const line of lines) {
    if (line.startsWith('{"event":"start"')) {
      // It ended at some time behind the last that it said.
      const last = parse(before, timedSchema)
      if (current !== null && last !== null) yield { member, ...current, endNs: at(last.timeMs) }
      current = null
    } else if (line.startsWith('{"event":"transition"')) {
      const transition = parse(line, transitionSchema)
      if (transition !== null && (current === null || transition.role !== current.role || transition.term !== current.term)) {
        const nowNs = at(transition.timeMs)
        if (current !== null) yield { member, ...current, endNs: nowNs }
        current = { role: transition.role, term: transition.term, leader: transition.leader, startNs: nowNs }
      } else if (transition !== null && current !== null) current.leader ??= transition.leader
    }
    if (line !== '') before = line
  }
  if (current !== null) yield { member, ...current, endNs: Math.max(endNs, current.startNs) }
}

function parse<T>(line: string, schema: z.ZodType<T>): T | null {
  try {
    return schema.safeParse(JSON.parse(line)).data ?? null
  } catch {
    // The last line of a member that was killed.
    return null
  }
}
