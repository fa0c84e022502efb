import type { Environment } from '../environments/environment.ts'
import { requestTo } from '../systems/leader.ts'
import type { System } from '../systems/system.ts'
import type { Stop } from './stop.ts'

const pauseMs = 10

/** How long after the question more than half of the members named the same leader; and who that was. Null: they never did. */
export type LeaderReturn =
  | { readonly afterMs: number, readonly leader: string }
  | { readonly afterMs: null, readonly waitedMs: number }

/**
 * Asks every member again and again, each for itself, so that one that is slow
 * to answer hides nothing of the others.
 */
export async function awaitLeader(
  { environment, system, timeoutS, interrupt }: { readonly environment: Environment, readonly system: System, readonly timeoutS: number, readonly interrupt: Stop },
): Promise<LeaderReturn> {
  const { clock, members } = environment
  const startNs = clock.nowNs()
  const sinceStartMs = () => (clock.nowNs() - startNs) / 1e6
  const seen = new Map<string, string>()
  let found: LeaderReturn | null = null
  const returned = new Promise<void>((resolve) => {
    const loops = members.map(async (member) => {
      const request = requestTo(environment, member)
      while (found === null && !interrupt.stopped && sinceStartMs() < timeoutS * 1000) {
        const answer = await system.leaderSeen(request)
        if ('leader' in answer) seen.set(member, answer.leader)
        else seen.delete(member)
        const leader = agreed([...seen.values()], members.length)
        if (leader !== null) {
          found ??= { afterMs: sinceStartMs(), leader }
          return resolve()
        }
        await clock.sleep(pauseMs)
      }
    })
    void Promise.all(loops).then(() => resolve())
  })
  await interrupt.orInterrupt(returned)
  return found ?? { afterMs: null, waitedMs: sinceStartMs() }
}

function agreed(named: readonly string[], members: number): string | null {
  const counts = new Map<string, number>()
  for (const leader of named) counts.set(leader, (counts.get(leader) ?? 0) + 1)
  return [...counts].find(([, count]) => count > members / 2)?.[0] ?? null
}
