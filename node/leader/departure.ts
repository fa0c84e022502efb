import type { Log } from '../base/log.ts'
import type { Scheduler } from '../base/scheduler.ts'
import type { OperatorOutcome } from '../driver/operator.ts'
import type { Configuration, MemberId } from '../raft/entry.ts'

export interface DeparturePorts {
  readonly id: MemberId
  readonly scheduler: Scheduler
  readonly log: Log
  readonly isLeader: () => boolean
  readonly configuration: () => Configuration
  readonly transferLeadership: (done: (outcome: OperatorOutcome) => void) => void
  /** `done` when the others know. */
  readonly leaveGossip: (done: () => void) => void
}

/** As long as Consul waits (its `raftRemoveGracePeriod`). */
const removalWaitMs = 5000
const lookMs = 50

/**
 * A server leaves for good. First it hands leadership over: a leader that took
 * itself out of Raft before gossip says that it leaves would be taken in again
 * by its successor. Then gossip is told, and whoever leads removes it from
 * Raft. Until it sees that, it goes on as a follower: an immediate end could
 * leave the others without the quorum that its removal needs. `done` in any case.
 */
export function leaveAsServer(ports: DeparturePorts, done: () => void): void {
  const { id, scheduler, log, isLeader, configuration, transferLeadership, leaveGossip } = ports
  const othersVote = () => configuration().voters.some((voter) => voter.id !== id)
  const isServer = () => [...configuration().voters, ...configuration().nonVoters ?? []].some((server) => server.id === id)

  const awaitRemoval = (untilMs: number): void => {
    if (!isServer() || !othersVote()) return done()
    if (scheduler.nowMs() >= untilMs) {
      log.warn('left, but no leader has removed this server from Raft', { waitedMs: removalWaitMs })
      return done()
    }
    scheduler.after(lookMs, () => awaitRemoval(untilMs))
  }
  const tellGossip = () => leaveGossip(() => awaitRemoval(scheduler.nowMs() + removalWaitMs))

  if (!isLeader() || !othersVote()) return tellGossip()
  transferLeadership((outcome) => {
    if (outcome.kind === 'refused' || outcome.kind === 'unknown') log.warn('leadership was not handed over', { reason: outcome.problem })
    tellGossip()
  })
}
