/** What members say to each other. `wire.ts` has the bytes. */

export type Tags = Readonly<Record<string, string>>

/** Are you there? Answered only by the member of that name: another may have got its address. */
export interface Ping { readonly kind: 'ping', readonly sequence: number, readonly target: string }
/** Ping the target in my stead and pass its ack on; say `nack` if there is none. */
export interface PingRequest { readonly kind: 'ping-request', readonly sequence: number, readonly target: string, readonly targetAddress: string }
export interface Ack { readonly kind: 'ack', readonly sequence: number }
/** The relay is well but heard nothing of the target: so the prober is well too. */
export interface Nack { readonly kind: 'nack', readonly sequence: number }

/** `from` got no answer from the member of that incarnation. */
export interface Suspect { readonly kind: 'suspect', readonly name: string, readonly incarnation: number, readonly from: string }
/** The member itself says so: only it raises its incarnation. */
export interface Alive { readonly kind: 'alive', readonly name: string, readonly address: string, readonly incarnation: number, readonly tags: Tags }
/** A suspicion ran out at `from`; or, from the member itself, it leaves. */
export interface Dead { readonly kind: 'dead', readonly name: string, readonly incarnation: number, readonly from: string }

/** The member is here to stay, as of this Lamport time. */
export interface JoinIntent { readonly kind: 'join-intent', readonly name: string, readonly time: number }
/** The member is about to leave, or is told to count as left. `prune`: forget it at once. */
export interface LeaveIntent { readonly kind: 'leave-intent', readonly name: string, readonly time: number, readonly prune: boolean }
export interface UserEvent {
  readonly kind: 'user-event'
  /** Lamport time. */
  readonly time: number
  /** The member that fired it. */
  readonly origin: string
  readonly name: string
  readonly payload: Uint8Array
}

export type PacketMessage = Ping | PingRequest | Ack | Nack | Suspect | Alive | Dead | JoinIntent | LeaveIntent | UserEvent

export type MemberState = 'alive' | 'suspect' | 'dead' | 'left'

/** One member in an exchange of the full state. */
export interface MemberRecord {
  readonly name: string
  readonly address: string
  readonly incarnation: number
  readonly state: MemberState
  readonly tags: Tags
  /** Told to leave; meaningful while it is alive. */
  readonly leaving: boolean
  /** Lamport time of the newest intent. */
  readonly intentTime: number
}

/** Full state, asked and answered on one stream. */
export interface PushPull {
  readonly kind: 'push-pull'
  readonly join: boolean
  /** Of the sender's Lamport clocks. */
  readonly intentClock: number
  readonly eventClock: number
  readonly members: readonly MemberRecord[]
  readonly events: readonly UserEvent[]
}
/** A ping where datagrams may be blocked. */
export interface StreamPing { readonly kind: 'stream-ping', readonly target: string }
export interface StreamAck { readonly kind: 'stream-ack' }

export type StreamMessage = PushPull | StreamPing | StreamAck

/** Limits that the wire format enforces in both directions. */
export const limits = {
  /** UTF-8 bytes of a member's name, of a user event's name, of an address. */
  nameBytesMax: 128,
  addressBytesMax: 128,
  /** All tags of a member, encoded. */
  tagsBytesMax: 512,
  userEventBytesMax: 512,
  /** Of one cluster, as one member knows them: who invents members must not fill the memory. */
  membersMax: 16_384,
  /** Incarnations and Lamport times. Leaves room to count on from anything that a peer claims. */
  counterMax: 2 ** 48,
} as const

/** More than a cluster counts in its life, and far from `counterMax`. */
const leapMax = 2 ** 32

/**
 * Whether a peer's count is so far above what is known that nobody can have
 * counted there. Believed, a single message would push a member's own count to
 * where no other reads it any more, and so make it mute.
 */
export function isLeap(count: number, known: number): boolean {
  return count > known + leapMax || count >= limits.counterMax
}
