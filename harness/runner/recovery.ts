import type { System } from '../systems/system.ts'
import { requestTo } from '../systems/leader.ts'
import type { Environment } from '../environments/environment.ts'
import type { Stop } from './stop.ts'

const roundPauseMs = 100
/** A probe that takes longer is asked again in the next round. */
const probeTimeoutMs = 2000
/** Outside of every workload's keys. */
const probeKeyPrefix = 'splitbrain-probe'

export type Serving =
  | { readonly serving: true, readonly tookMs: number }
  /** `n3: 500 No cluster leader`, at the last time of asking. */
  | { readonly serving: false, readonly pending: readonly string[] }

export interface ServingQuestion {
  readonly environment: Environment
  readonly system: System
  readonly timeoutS: number
  readonly interrupt: Stop
  /** Told after each round in which something was pending. */
  readonly onPending?: (pending: readonly string[]) => void
}

/**
 * Waits until every member sees the same leader, and through every member a
 * probe can be written and a consistent read is answered. Waits for the
 * condition, with a deadline, never for a fixed time.
 */
export async function awaitServing({ environment, system, timeoutS, interrupt, onPending }: ServingQuestion): Promise<Serving> {
  const { clock, members } = environment
  const startNs = clock.nowNs()
  for (let round = 0; ; round++) {
    const seen = await interrupt.orInterrupt(Promise.all(members.map((member) => examine(environment, system, member, round))))
    const pending = pendingOf(members, seen)
    const tookMs = (clock.nowNs() - startNs) / 1e6
    if (pending.length === 0) return { serving: true, tookMs }
    if (tookMs >= timeoutS * 1000) return { serving: false, pending }
    onPending?.(pending)
    await interrupt.orInterrupt(clock.sleep(roundPauseMs))
  }
}

type Seen = { readonly leader: string } | { readonly pending: string }

async function examine(environment: Environment, system: System, member: string, round: number): Promise<Seen> {
  const request = requestTo(environment, member)
  const seen = await system.leaderSeen(request)
  if ('none' in seen) return { pending: seen.none }
  const client = system.client(request, probeTimeoutMs)
  const key = `${probeKeyPrefix}/${member}`
  const value = String(round)
  const write = await client.write(key, value)
  if (write.type !== 'ok') return { pending: `probe write: ${write.error}` }
  const read = await client.read(key, 'consistent')
  if (read.type !== 'ok') return { pending: `probe read: ${read.error}` }
  // Serving is to answer. Whether the answer is right is for the checkers to
  // say, of final reads that stand in the history: a cluster that answers
  // wrongly would else be called down, and never be judged.
  return seen
}

function pendingOf(members: readonly string[], seen: readonly Seen[]): string[] {
  const pending = seen.flatMap((one, i) => 'pending' in one ? [`${members[i]}: ${one.pending}`] : [])
  if (pending.length > 0) return pending
  const leaders = new Set(seen.map((one) => 'leader' in one ? one.leader : ''))
  if (leaders.size === 1) return []
  return seen.map((one, i) => `${members[i]}: sees leader ${'leader' in one ? one.leader : ''}`)
}
