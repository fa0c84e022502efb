import type { ReadMode } from '../raft/core.ts'
import type { RaftStatus } from '../raft/status.ts'
import type { Scheduler } from '../base/scheduler.ts'
import type { ReadOutcome, WriteOutcome } from '../driver/requests.ts'
import type { Operator } from '../driver/operator.ts'
import type { KvReader } from '../state/kv.ts'

/** What the API needs of the member that it speaks for. */
export interface ApiContext {
  readonly name: string
  readonly id: string
  readonly datacenter: string
  readonly version: string
  /** Advertised, `host:port`. */
  readonly address: string
  readonly bootstrapExpect: number
  readonly scheduler: Scheduler
  readonly kv: KvReader
  readonly write: (command: Uint8Array, done: (outcome: WriteOutcome) => void) => void
  /** `done` comes when the member's own state may answer the read. */
  readonly awaitRead: (mode: ReadMode, done: (outcome: ReadOutcome) => void) => void
  readonly status: () => RaftStatus
  readonly operator: Operator
  readonly appliedIndex: () => number
  readonly leaderAddress: () => string | null
  readonly peerAddresses: () => readonly string[]
}
