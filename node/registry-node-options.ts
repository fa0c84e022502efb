import type { PeerMemoryOptions } from './agent/peer-memory.ts'
import type { ApiContext, TelemetryReader } from './api/context.ts'
import type { ApiLimits } from './api/limits.ts'
import type { Log } from './base/log.ts'
import type { Metrics } from './base/metrics.ts'
import type { Random } from './base/random.ts'
import type { Scheduler } from './base/scheduler.ts'
import type { Trace } from './base/trace.ts'
import type { GossipConfig } from './gossip/config.ts'
import type { GossipNetwork } from './gossip/network.ts'
import type { LocalWorld } from './local/local-agent.ts'
import type { RaftConfig } from './raft/config.ts'
import type { MemberId } from './raft/entry.ts'
import type { AutopilotConfig } from './state/autopilot-config.ts'
import type { Disk } from './storage/disk.ts'
import type { ServerPort } from './transport/agent-links.ts'
import type { TcpTransport } from './transport/tcp-transport.ts'
import type { Transport } from './transport/transport.ts'

/** Everything that a member needs of the world. A process and a simulation give different ones to the same code. */
export interface RegistryNodeOptions {
  /** Unique in the cluster. */
  readonly name: string
  /** Survives restarts: a UUID. */
  readonly id: MemberId
  readonly datacenter: string
  readonly version: string
  readonly nodeMeta?: Readonly<Record<string, string>>
  readonly raftConfig: RaftConfig
  /** 0: wait to be taken into a cluster. */
  readonly bootstrapExpect: number
  /** Addresses of other servers, `host:port`. With gossip, servers are found through it as well. */
  readonly retryJoin: readonly string[]
  /** Of the HTTP API. Default: Consul's. */
  readonly limits?: ApiLimits
  /** How long a request waits for a leader, or for its answer. */
  readonly rpcHoldTimeoutMs: number
  /** For the write-ahead log and snapshots alone. */
  readonly disk: Disk
  readonly transport: Transport & Partial<Pick<TcpTransport, 'onPeerLost' | 'onUnsent' | 'takeUnsent' | 'serveAgents'>>
  /** By which requests that only the leader can answer are handed to it. Absent: they are refused elsewhere. */
  readonly peers?: ServerPort
  /** Until somebody configures autopilot. */
  readonly autopilotDefaults?: AutopilotConfig
  /** For the services and checks that are registered at this member. */
  readonly local: LocalWorld
  readonly scheduler: Scheduler
  readonly random: Random
  /** For the ids of sessions. Drawn from `random` if absent. */
  readonly newUuid?: () => string
  readonly log: Log
  readonly trace: Trace | null
  /** Default: none. */
  readonly metrics?: Metrics
  readonly telemetry?: TelemetryReader | null
  /** Default: no log to read along, nothing to reload, no machine. */
  readonly logs?: ApiContext['logs']
  readonly reload?: ApiContext['reload']
  readonly hostInfo?: ApiContext['hostInfo']
  /** The member cannot go on: its disk failed. */
  readonly onFatal: (error: Error) => void
  /** Null or absent: no gossip. */
  readonly gossip?: GossipOptions | null
  /** The member left the cluster on request: its process should end. */
  readonly onLeft?: () => void
}

export interface GossipOptions extends PeerMemoryOptions {
  readonly config: GossipConfig
  readonly network: GossipNetwork
  /** Gossip addresses of any members. */
  readonly retryJoin: readonly string[]
  readonly retryJoinIntervalMs?: number
}
