import type { Environment } from '../environments/environment.ts'
import { awaitServing } from '../runner/recovery.ts'
import { Stop } from '../runner/stop.ts'
import { findLeader, requestTo } from '../systems/leader.ts'
import type { System } from '../systems/system.ts'

const timeoutS = 120

/** Waits until every member serves and names the same leader: that one, and the address by which members name it. Rejects with a sentence. */
export async function leaderServing(environment: Environment, system: System, throwIfStopped: () => void): Promise<{ readonly leader: string, readonly address: string }> {
  const serving = await awaitServing({ environment, system, timeoutS, interrupt: new Stop(), onPending: throwIfStopped })
  if (!serving.serving) throw new Error(`The cluster does not serve again within ${timeoutS} s of the last healing: ${serving.pending.join('; ')}.`)
  throwIfStopped()
  const leader = await findLeader(system, environment)
  const seen = leader === null ? null : await system.leaderSeen(requestTo(environment, leader))
  if (leader === null || seen === null || 'none' in seen) throw new Error('No member of the cluster says that it leads, though all serve.')
  return { leader, address: seen.leader }
}
