import type { Random } from '../../node/base/random.ts'
import type { Deployment } from './deployment.ts'
import type {
  CutClients, CutLinks, DamageFiles, DisturbLinks, Firewall, Kill, LimitResources, Pause, ShapeLinks, SkewClock, SpareMembers, TroubleDisk,
} from './capabilities.ts'

export type * from './capabilities.ts'

/**
 * Where the members of a system under test live. Three implementations; a
 * nemesis asks for a capability (`environment.cutLinks !== undefined`), never
 * for the kind.
 */
export interface Environment extends AsyncDisposable {
  readonly kind: EnvironmentKind
  /** In order; names are `n1`, `n2`, … */
  readonly members: readonly string[]
  readonly clock: HarnessClock

  /** Starts all members and returns when each answers HTTP. Fails with a sentence, the cause and where the logs are. */
  start(): Promise<void>

  /** One HTTP exchange with a member, without a retry. Never rejects. */
  request(member: string, request: HttpRequest, timeoutMs: number): Promise<HttpOutcome>

  /** `http://host:port` of a member, for load tools that bring their own client. Absent in a simulation. */
  httpAddress?(member: string): string

  /** What a member that runs has used since it started, and uses; absent where nobody counts it. Rejects where it does not run. */
  memberUsage?(member: string): Promise<MemberUsage>

  /** DNS of members; absent where it cannot be reached. */
  readonly dns?: MemberDns

  /** Copies logs, traces and what else members left into `directory/<member>/`. Works on dead members. */
  collect(directory: string): Promise<void>

  /** In a simulation, drives virtual time until `main` has settled. Elsewhere simply calls it. */
  run<T>(main: () => Promise<T>): Promise<T>

  readonly cutLinks?: CutLinks
  readonly cutClients?: CutClients
  readonly disturbLinks?: DisturbLinks
  readonly shapeLinks?: ShapeLinks
  readonly firewall?: Firewall
  readonly kill?: Kill
  readonly pause?: Pause
  readonly skewClock?: SkewClock
  readonly troubleDisk?: TroubleDisk
  readonly damageFiles?: DamageFiles
  readonly limitResources?: LimitResources
  readonly spareMembers?: SpareMembers
}

/** Of one member, without its proxies and probes. */
export interface MemberUsage {
  /** User and system time of all its threads since it started. */
  readonly cpuMs: number
  /** Resident memory that no file backs: not the program's own text, which others may share, and no page cache. */
  readonly residentBytes: number
}

export type EnvironmentKind = 'simulated' | 'local' | 'docker'

/** Time for the harness: real, or a simulation's. */
export interface HarnessClock {
  /** Ns since the environment was made; monotonic; a safe integer. */
  nowNs(): number
  /** What an undisturbed wall clock said then, ms since 1970: by it members write their logs and traces. */
  readonly zeroWallMs: number
  sleep(ms: number): Promise<void>
  /** What the wall clocks of members show unless a fault skews them, in ms since 1970; for what their traces say. Absent in fakes. */
  wallMs?(): number
}

export interface HttpRequest {
  readonly method: 'GET' | 'PUT' | 'DELETE' | 'POST'
  /** Path and query, percent-encoded. */
  readonly target: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array | string
}

export type HttpOutcome =
  | { readonly kind: 'response', readonly status: number, readonly headers: Readonly<Record<string, string>>, readonly body: Uint8Array }
  /** No byte of the request left: it certainly did not happen. */
  | { readonly kind: 'not-sent', readonly error: string }
  /** Time-out, reset, …: it may have happened. */
  | { readonly kind: 'lost', readonly error: string }

/** Questions to the DNS of members, as clients ask them. */
export interface MemberDns {
  /** One message as RFC 1035 has it, over TCP so that nothing is left out of the answer. Never rejects, never retried. */
  query(member: string, message: Uint8Array, timeoutMs: number): Promise<DnsOutcome>
}

export type DnsOutcome =
  | { readonly kind: 'answer', readonly message: Uint8Array }
  | { readonly kind: 'none', readonly error: string }

/** What every environment is made from. */
export interface EnvironmentOptions {
  /** Unique; labels every resource. */
  readonly runId: string
  readonly memberCount: number
  /** The environment's own chance; a simulation draws everything from it. */
  readonly random: Random
  /** Absolute; logs and data of members live below it while the run lasts. */
  readonly workDirectory: string
  /** Source edits to load into each member. */
  readonly edits: readonly SourceEdit[]
  /** Extra keys for each member's config file, e.g. raft timing. */
  readonly memberConfig: Readonly<Record<string, unknown>>
  /** One-way delay on each link between members; 0 for none. Needs `shapeLinks` where above 0. */
  readonly latencyMs: number
  /** A member that is killed also loses what it had not synced, where the environment can do that. */
  readonly powerLoss: boolean
  /** Names of nemeses that will be used: what a fault needs from the start (a preload, a mount) is made only where it is asked for. */
  readonly faults?: readonly string[]
  /** Members beyond `memberCount` that may be started later; 0 where absent. */
  readonly spareCount?: number
  /** True: members' DNS will be asked. Else it is there only where it comes at no cost. */
  readonly dns?: boolean
  /** What runs as members; absent: this project's own member. Only containers can run anything else. */
  readonly deployment?: Deployment
  /** Lines for the person who watches: "building image …". */
  readonly say: (line: string) => void
}

/** A planted bug or instrumentation: `find` must occur exactly once in the file. */
export interface SourceEdit {
  /** Relative to the project's root, with `/`: `node/raft/replication.ts`. */
  readonly file: string
  readonly find: string
  readonly replace: string
}
