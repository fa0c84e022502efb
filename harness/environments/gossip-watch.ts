/** One member's view of another changed. */
export interface ViewChange {
  readonly observer: string
  readonly member: string
  /** A suspicion is no verdict yet. */
  readonly status: 'up' | 'suspect' | 'failed'
  /** On the watch's clock. */
  readonly atMs: number
}

/** What may become of a member, as gossip meets it. */
export type GossipFault =
  | { readonly kind: 'kill' }
  /** Nothing that it says or that is said to it arrives. */
  | { readonly kind: 'cut' }
  /** All of it arrives so much later, each way. */
  | { readonly kind: 'slow', readonly delayMs: number }

/** Members that gossip, and all that they come to think of each other; simulated, or real ones that are polled. */
export interface GossipWatch extends AsyncDisposable {
  readonly members: readonly string[]
  nowMs(): number
  /** In order; grows. */
  readonly changes: readonly ViewChange[]
  /** Every member shows every other as up. */
  converged(): boolean
  /** Takes effect at once; resolves, when it is proven, with what mends it (a killed member is started again). */
  afflict(member: string, fault: GossipFault): Promise<() => Promise<void>>
  /** So much of what members say to each other is lost, on every link. */
  lose(probability: number): Promise<() => Promise<void>>
  /** Lets time pass until the condition holds, or so long. Whether it held. */
  until(condition: () => boolean, timeoutMs: number): Promise<boolean>
}
