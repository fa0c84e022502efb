/** What the core hands out. */
import type { MemberState, Tags } from './message.ts'

/** What a member believes of another, or of itself. */
export interface MemberView {
  readonly name: string
  readonly address: string
  readonly tags: Tags
  readonly incarnation: number
  /** SWIM's view. */
  readonly state: MemberState
  /** Serf's view: suspicion does not show, news that a member leaves does. */
  readonly status: MemberStatus
}

export type MemberStatus = 'alive' | 'leaving' | 'left' | 'failed'

export interface OutgoingPacket {
  readonly address: string
  readonly bytes: Uint8Array
}

/** A request on a stream of its own. Its outcome comes back as `streamResult` with the same id, exactly once. */
export interface OutgoingStream {
  readonly id: number
  readonly address: string
  readonly bytes: Uint8Array
  readonly timeoutMs: number
}

export type GossipEvent =
  /** New, or back. */
  | { readonly kind: 'member-join', readonly member: MemberView }
  /** Tags or address changed, or it does not leave after all. */
  | { readonly kind: 'member-update', readonly member: MemberView }
  | { readonly kind: 'member-suspect', readonly member: MemberView, readonly from: string }
  /** The suspicion was refuted. */
  | { readonly kind: 'member-trust', readonly member: MemberView }
  | { readonly kind: 'member-leaving', readonly member: MemberView }
  | { readonly kind: 'member-leave', readonly member: MemberView }
  | { readonly kind: 'member-failed', readonly member: MemberView }
  /** Forgotten. */
  | { readonly kind: 'member-reap', readonly member: MemberView }
  /** Two members claim a name. The first is kept, the other ignored. Told once for each address. */
  | { readonly kind: 'name-conflict', readonly name: string, readonly knownAddress: string, readonly otherAddress: string }
  /** This member was accused, and raised its incarnation to say that it lives. */
  | { readonly kind: 'refuted', readonly incarnation: number, readonly from: string }
  /** A member answers on streams but not to datagrams: likely a firewall. */
  | { readonly kind: 'packets-blocked', readonly name: string }
  | { readonly kind: 'user-event', readonly time: number, readonly origin: string, readonly name: string, readonly payload: Uint8Array }
  /** All addresses of the `join` of that id were tried. */
  | { readonly kind: 'join-result', readonly id: number, readonly contacted: readonly string[], readonly failed: readonly JoinFailure[] }
  /** This member has left: it may stop now. */
  | { readonly kind: 'leave-complete' }

export interface JoinFailure {
  readonly address: string
  readonly reason: string
}

/** Packets leave in this order; events are in the order they happened. */
export interface Ready {
  readonly packets: readonly OutgoingPacket[]
  readonly streams: readonly OutgoingStream[]
  readonly events: readonly GossipEvent[]
}
