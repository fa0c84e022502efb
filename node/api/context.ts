import type { ReadMode } from '../raft/core.ts'
import type { RaftStatus } from '../raft/status.ts'
import type { Metrics } from '../base/metrics.ts'
import type { Scheduler } from '../base/scheduler.ts'
import type { ReadOutcome, WriteOutcome } from '../driver/requests.ts'
import type { Random } from '../base/random.ts'
import type { LocalAgent } from '../local/local-agent.ts'
import type { CatalogReader } from '../state/catalog.ts'
import type { OperatorCalls } from '../driver/operator-calls.ts'
import type { StateArchives } from '../driver/state-archives.ts'
import type { KvReader } from '../state/kv.ts'
import type { SessionReader } from '../state/sessions.ts'
import type { AutopilotApi } from './autopilot.ts'
import type { BlockedQueries } from './blocking.ts'
import type { ApiLimits } from './limits.ts'
import type { EventsApi } from './events.ts'
import type { GossipApi } from './members.ts'
import type { LogFeed } from './monitor.ts'

/** What was measured, for `/v1/agent/metrics`. */
export interface TelemetryReader {
  /** As JSON. */
  summary(): object
  /** Null unless it is enabled. */
  readonly prometheus: (() => Promise<{ readonly contentType: string, readonly text: string }>) | null
}

/** What the API needs of the member that it speaks for. */
export interface ApiContext {
  readonly name: string
  readonly id: string
  readonly datacenter: string
  readonly version: string
  /** Advertised, `host:port`. */
  readonly address: string
  readonly bootstrapExpect: number
  /** Of the node, as its owner gave them. */
  readonly nodeMeta: Readonly<Record<string, string>>
  /** Null: a server. */
  readonly client: { readonly knownServers: () => number } | null
  readonly scheduler: Scheduler
  readonly metrics: Metrics
  /** Null: this member measures nothing, as in a simulation. */
  readonly telemetry: TelemetryReader | null
  readonly random: Random
  readonly newUuid: () => string
  readonly kv: KvReader
  readonly sessions: SessionReader
  readonly blocked: BlockedQueries
  readonly catalog: CatalogReader
  readonly agent: LocalAgent
  /** Absent: Consul's defaults. */
  readonly limits?: ApiLimits
  readonly write: (command: Uint8Array, done: (outcome: WriteOutcome) => void) => void
  /** `done` comes when the member's own state may answer the read. */
  readonly awaitRead: (mode: ReadMode, done: (outcome: ReadOutcome) => void) => void
  readonly status: () => RaftStatus
  readonly operator: Pick<OperatorCalls, 'remove' | 'transfer'>
  /** Null: the member has no state of its own. */
  readonly archives: StateArchives | null
  readonly autopilot: AutopilotApi | null
  readonly appliedIndex: () => number
  readonly leaderAddress: () => string | null
  readonly peerAddresses: () => readonly string[]
  readonly events: EventsApi
  /** Null: nobody keeps the member's log. */
  readonly logs: LogFeed | null
  /** Reads the config files again, and does what they say now; the problem in a sentence, or null. */
  readonly reload: () => string | null
  /** Facts of the machine, for people. Null: there is none. */
  readonly hostInfo: (() => object) | null
  /** Null: the member runs without. */
  readonly gossip: GossipApi | null
  /** Leaves the cluster; `done` when the others know, and a server is out of Raft. */
  readonly leave: (done: () => void) => void
  /** The member left the cluster on request: its process should end. */
  readonly onLeft: () => void
}
