import type { HttpOutcome } from './environment.ts'

/**
 * What an environment can break, as optional interfaces. A nemesis asks for a
 * capability, never for the kind of environment. Each call resolves only when a
 * probe has shown that the fault took effect, rejects with what the probe
 * showed instead (and leaves nothing behind then), and hands back the way to undo it.
 */

/** A directed link: what `from` sends to `to`. */
export interface Link {
  readonly from: string
  readonly to: string
}

/** Something that is broken, was proven to be, and can be mended. */
export interface Effect {
  /** What the probe saw, JSON. */
  readonly observed: unknown
  /**
   * Mends this and nothing else; resolves with what the probe saw once it is proven
   * mended (where no other effect still holds it). May be called again after it failed; does nothing once it succeeded.
   */
  heal(): Promise<unknown>
}

/** Which conversations a network fault touches: all between members, or only Raft and RPC (8300), or only gossip (8301, UDP and TCP). */
export type Traffic = 'all' | 'raft' | 'gossip'

/** Cuts what members say to each other; clients still reach every member. */
export interface CutLinks {
  /**
   * Cuts every given link until `heal`. Several cuts may overlap and heal
   * separately: a link works when no cut holds it.
   * @param traffic `all` where not given. See `traffics`.
   */
  cut(links: readonly Link[], traffic?: Traffic): Promise<Cut>
  /** What can be cut on its own; only `all` where absent. */
  readonly traffics?: readonly Traffic[]
}

export interface Cut {
  /** Removes this cut, and no other; resolves once its links are proven to pass again (unless another cut still holds them). */
  heal(): Promise<void>
}

/** Cuts clients off from members (port 8500 in Consul's terms), while members still reach each other. */
export interface CutClients {
  cutClients(members: readonly string[]): Promise<Effect>
}

/** What happens to packets (or, where only streams can be touched, to what is sent in them) on links. */
export type Disturbance =
  /** Each is lost with this probability; with `burstLength` above 1 losses come in runs of that mean length. */
  | { readonly kind: 'loss', readonly probability: number, readonly burstLength: number }
  /** One way. Uniform: `delayMs` ± `jitterMs`. Normal: that mean and deviation. Pareto: `delayMs` plus a long tail of scale `jitterMs`. */
  | { readonly kind: 'delay', readonly delayMs: number, readonly jitterMs: number, readonly distribution: 'uniform' | 'normal' | 'pareto' }
  | { readonly kind: 'duplicate', readonly probability: number }
  /** Held back by `gapMs` with this probability, so that later ones pass it. */
  | { readonly kind: 'reorder', readonly probability: number, readonly gapMs: number }
  /** One bit is flipped with this probability. Checksums below the member may turn it into loss; that is the fault as it is. */
  | { readonly kind: 'corrupt', readonly probability: number }
  | { readonly kind: 'bandwidth', readonly kbitPerS: number }
  /** A black-holed MTU: handshakes pass, what is larger is lost without a word. */
  | { readonly kind: 'mtu', readonly maxBytes: number }

export interface DisturbLinks {
  readonly kinds: readonly Disturbance['kind'][]
  readonly traffics: readonly Traffic[]
  /** Of `kinds`, those that only datagrams show here: of all traffic they strike gossip's datagrams, and Raft alone, which has none, they cannot strike. */
  readonly datagramKinds?: readonly Disturbance['kind'][]
  disturb(links: readonly Link[], disturbance: Disturbance, traffic: Traffic): Promise<Effect>
  /** The same to what clients ask these members from now on, and what those answer. Not of `datagramKinds`. */
  disturbClients?(members: readonly string[], disturbance: Disturbance): Promise<Effect>
}

/** Steady delay on all links, for `--latency`. */
export interface ShapeLinks {
  /** Delays every message between members by this much, one way. Resolves when in force. */
  delayAll(delayMs: number): Promise<void>
}

/** One rule in the form that users write; see nemesis/firewall-rule.ts. */
export interface FirewallRule {
  /** A member, `clients`, or `any`. */
  readonly from: string
  /** A member, or `any`. */
  readonly to: string
  readonly protocol: 'tcp' | 'udp' | 'any'
  /** Of the receiver; null for every port. */
  readonly port: number | null
  readonly action:
    | { readonly kind: 'drop' }
    | { readonly kind: 'reject' }
    /** Established TCP connections are reset, and new ones refused. */
    | { readonly kind: 'reset' }
    | { readonly kind: 'limit', readonly packetsPerS: number }
    | { readonly kind: 'mtu', readonly maxBytes: number }
}

export interface Firewall {
  /** Those at which members listen, for rules that are drawn; absent: Consul's. */
  readonly ports?: { readonly raft: number, readonly gossip: number | null }
  /** All rules of one call are in a chain of their own, and go together. */
  apply(rules: readonly FirewallRule[]): Promise<Effect>
}

export interface Kill {
  /** kill -9 (in a simulation also the loss of all that was not synced), at once. */
  kill(member: string): Promise<void>
  /** Starts a killed member again on the same data; resolves when its process answers. */
  restart(member: string): Promise<void>
  /** SIGTERM: the member may end in its own way; resolves when its process is gone, rejects after `timeoutMs` (and kills it). */
  terminate?(member: string, timeoutMs: number): Promise<void>
  /** kill -9 with a power cut: what was not synced is lost, and with `torn` a part of the last unsynced write may stay. Restart with `restart`. */
  cutPower?(member: string, options: { readonly torn: boolean }): Promise<void>
  /** Asks whether a member's process answers at all, be it that it can serve or not; absent: any request shows that. */
  answer?(member: string, timeoutMs: number): Promise<HttpOutcome>
  /** Starts a killed member on an empty disk. */
  restartEmpty?(member: string): Promise<void>
}

/** The process stands still (SIGSTOP, the cgroup's freezer): it holds its connections and answers nothing. */
export interface Pause {
  pause(member: string): Promise<Effect>
}

export type ClockSkew =
  /** The clock jumps by so much at once, forward or back, and stays there. */
  | { readonly kind: 'jump', readonly offsetMs: number }
  /** It jumps to and fro by so much, once each period. */
  | { readonly kind: 'strobe', readonly offsetMs: number, readonly periodMs: number }
  /** It runs at this rate: 1.05 is 5 % too fast. */
  | { readonly kind: 'drift', readonly rate: number }

/** Which clocks of the process lie: only the wall clock (`Date`), or the monotonic one too. */
export type Clocks = 'wall' | 'all'

/** A member's own clock, never the host's. Healing sets it right again (which is a jump of its own). */
export interface SkewClock {
  readonly kinds: readonly ClockSkew['kind'][]
  readonly clocks: readonly Clocks[]
  skew(member: string, skew: ClockSkew, clocks: Clocks): Promise<Effect>
}

/** What may be wrong with a member's disk while the member runs. */
export type DiskTrouble =
  | { readonly kind: 'full' }
  | { readonly kind: 'slow', readonly syncMs: number }
  | { readonly kind: 'read-only' }

export interface TroubleDisk {
  readonly kinds: readonly DiskTrouble['kind'][]
  trouble(member: string, trouble: DiskTrouble): Promise<Effect>
}

/** What may have become of a dead member's files. */
export type FileDamage =
  | { readonly kind: 'bit-flip', readonly in: 'log' | 'snapshot' }
  | { readonly kind: 'truncate', readonly in: 'log' | 'snapshot', readonly bytes: number }

export interface DamageFiles {
  /**
   * Damages one file of a member that was killed; it cannot be undone (`Kill.restartEmpty` gives the member a new disk).
   * @returns what was done, JSON; null where there is no such file yet.
   */
  damage(member: string, damage: FileDamage, fraction: number): Promise<unknown>
}

export type Scarcity =
  /** The member gets this share of one CPU. */
  | { readonly kind: 'cpu', readonly share: number }
  | { readonly kind: 'memory', readonly maxMiB: number }
  | { readonly kind: 'files', readonly max: number }

export interface LimitResources {
  readonly kinds: readonly Scarcity['kind'][]
  limit(member: string, scarcity: Scarcity): Promise<Effect>
}

/** Members beyond those that the cluster starts with: names known from the start, so that links to them exist. */
export interface SpareMembers {
  /** Names; none of them runs at the start. */
  readonly spares: readonly string[]
  /** Starts a spare on an empty disk, to join the others. */
  start(spare: string): Promise<void>
  /** Ends it and wipes its disk; it is a spare again. */
  remove(member: string): Promise<void>
}
