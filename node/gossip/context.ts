import type { Random } from '../base/random.ts'
import type { Awareness } from './awareness.ts'
import type { GossipConfig } from './config.ts'
import type { Disseminator } from './disseminator.ts'
import type { Members } from './members.ts'
import type { StreamMessage } from './message.ts'
import type { GossipEvent } from './ready.ts'
import type { TimerQueue } from './timer-queue.ts'

/** What the parts of one core share. */
export interface Context {
  readonly config: GossipConfig
  readonly random: Random
  readonly timers: TimerQueue
  readonly members: Members
  readonly awareness: Awareness
  readonly disseminator: Disseminator
  /** The time of the input that is being handled. */
  nowMs(): number
  emit(event: GossipEvent): void
  /** `done` gets the answer, or why there is none; at most `timeoutMs` later. */
  openStream(address: string, message: StreamMessage, timeoutMs: number, done: (outcome: StreamOutcome) => void): void
}

export type StreamOutcome = { readonly ok: true, readonly message: StreamMessage } | { readonly ok: false, readonly reason: string }
