import type { Log } from '../base/log.ts'
import type { Cancel, Scheduler } from '../base/scheduler.ts'
import type { OperatorOutcome } from '../driver/operator.ts'
import type { MemberView } from '../gossip/ready.ts'
import type { MemberId } from '../raft/entry.ts'
import type { MembershipChange } from '../raft/membership.ts'
import type { RaftStatus } from '../raft/status.ts'
import { type AutopilotConfig, autopilotDefaults, type AutopilotReader } from '../state/autopilot-config.ts'
import { clusterHealth, type ClusterHealth, judge, planCleanup, promotable, type ServerHealth, type ServerReading } from './autopilot.ts'
import { clusterMember } from './cluster-member.ts'

export interface AutopilotPorts {
  readonly scheduler: Scheduler
  readonly log: Log
  readonly version: string
  readonly table: AutopilotReader
  /** Until somebody configures it. */
  readonly defaults?: AutopilotConfig
  readonly status: () => RaftStatus
  readonly termAt: (index: number) => number | null
  /** Whether this server, which does not vote yet, may as soon as it is level. */
  readonly letVote: (id: MemberId, allowed: boolean) => void
  readonly change: (change: MembershipChange, done: (outcome: OperatorOutcome) => void) => void
  /** Null: no gossip. Then every server counts as alive, and none is removed. */
  readonly gossip: { members(): readonly MemberView[], forceLeave(name: string, prune: boolean): unknown } | null
}

/** Consul's ServerHealthInterval and AutopilotInterval. */
const healthMs = 2000
const cleanupMs = 10_000

/** Watches over the servers while this one leads. Nothing of it outlives a leadership but the configuration, which is replicated. */
export class Autopilot {
  readonly #ports: AutopilotPorts
  #servers: readonly ServerHealth[] | null = null
  #timer: Cancel | null = null
  #cleanupDueMs = 0
  #lastRefusal: string | null = null

  constructor(ports: AutopilotPorts) {
    this.#ports = ports
  }

  get config(): AutopilotConfig {
    return this.#ports.table.stored ?? this.#ports.defaults ?? autopilotDefaults
  }

  /** Null: this server does not lead, or has not looked yet. */
  get health(): ClusterHealth & { readonly servers: readonly ServerHealth[] } | null {
    return this.#servers === null ? null : { ...clusterHealth(this.#servers), servers: this.#servers }
  }

  roleChanged(): void {
    const { scheduler, status } = this.#ports
    this.stop()
    this.#servers = null
    if (status().role !== 'leader') return
    this.#cleanupDueMs = scheduler.nowMs() + cleanupMs
    this.#again()
  }

  stop(): void {
    this.#timer?.()
    this.#timer = null
  }

  #again(): void {
    this.#timer = this.#ports.scheduler.after(healthMs, () => {
      this.#look()
      this.#again()
    })
  }

  #look(): void {
    const { scheduler, log, status, letVote } = this.#ports
    if (status().role !== 'leader') return
    const nowMs = scheduler.nowMs()
    const before = this.#servers ?? []
    const servers = this.#servers = judge(this.#readings(), before, this.config, nowMs)
    for (const { id, name, healthy } of servers) {
      const last = before.find((server) => server.id === id)
      if (last !== undefined && last.healthy !== healthy) log[healthy ? 'info' : 'warn'](healthy ? 'a server is healthy again' : 'a server is not healthy', { server: name })
    }
    const mayVote = promotable(servers, this.config, nowMs)
    for (const { id, isVoter } of servers) if (!isVoter) letVote(id, mayVote.includes(id))
    if (nowMs < this.#cleanupDueMs) return
    this.#cleanupDueMs = nowMs + cleanupMs
    this.#cleanUp(servers, nowMs)
  }

  #cleanUp(servers: readonly ServerHealth[], nowMs: number): void {
    const { log, change, gossip } = this.#ports
    if (gossip === null) return
    const failed = gossip.members().map(clusterMember).flatMap((member) => member?.server != null && member.status === 'failed' ? [member.name] : [])
    const { forceLeave, remove, refusal } = planCleanup({ servers, failed, config: this.config, nowMs })
    if (refusal !== null && refusal !== this.#lastRefusal) log.warn('dead servers are not removed', { reason: refusal })
    this.#lastRefusal = refusal
    for (const name of forceLeave) {
      log.info('a failed server is removed', { server: name })
      gossip.forceLeave(name, false)
    }
    for (const id of remove.slice(0, 1)) {
      log.info('a server that gossip does not know is removed from Raft', { id })
      change({ kind: 'remove', id }, () => {})
    }
  }

  #readings(): ServerReading[] {
    const { scheduler, status, termAt, gossip, version } = this.#ports
    const { id: self, configuration: { voters, nonVoters = [] }, followers, lastIndex } = status()
    const nowMs = scheduler.nowMs()
    const members = gossip?.members() ?? []
    return [...voters, ...nonVoters].map((server): ServerReading => {
      const follower = followers.find(({ id }) => id === server.id)
      const member = members.find(({ tags }) => tags.id === server.id && tags.role === 'consul')
      const matchIndex = server.id === self ? lastIndex : follower?.matchIndex ?? 0
      return {
        ...server, isLeader: server.id === self, isVoter: voters.includes(server),
        serfStatus: gossip === null ? 'alive' : member?.status ?? 'none',
        version: gossip === null ? version : (member?.tags.build ?? '').split(':')[0]!,
        lastContactMs: server.id === self ? 0 : follower === undefined ? Infinity : Math.max(0, nowMs - follower.lastHeardMs),
        lastIndex: matchIndex, lastTerm: termAt(matchIndex) ?? 0,
      }
    })
  }
}
