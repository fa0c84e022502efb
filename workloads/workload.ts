import type { CheckResult } from '../harness/checkers/verdict.ts'
import type { Environment, HarnessClock } from '../harness/environments/environment.ts'
import type { HistoryEvent } from '../harness/history/event.ts'
import type { PlanOptions } from '../harness/plan/options.ts'
import type { ReadConsistency, RunPlan } from '../harness/plan/plan.ts'
import type { FaultRecord } from '../harness/runner/fault-record.ts'
import type { Random } from '../node/base/random.ts'
import type { Answer } from './ports/answer.ts'
import type { DeleteClient } from './ports/deletes.ts'
import type { DnsClient } from './ports/dns.ts'
import type { KvClient } from './ports/kv.ts'
import type { MembersClient } from './ports/members.ts'
import type { PrefixClient } from './ports/prefixes.ts'
import type { ServiceClient } from './ports/services.ts'
import type { SessionClient } from './ports/sessions.ts'
import type { TransactionClient } from './ports/transactions.ts'
import type { WatchClient } from './ports/watches.ts'

export type { KvClient } from './ports/kv.ts'
export type KvResult<T> = Answer<T>

/** One operation to do. */
export interface Operation {
  readonly f: string
  readonly key?: string
  readonly value: unknown
  /** Instead of the plan's, for this read. */
  readonly consistency?: ReadConsistency
}

/** How an operation ended. `value` and `version` replace the invocation's where given. */
export type OperationOutcome =
  | { readonly type: 'ok', readonly value?: unknown, readonly version?: number }
  | { readonly type: 'fail', readonly error: string, readonly value?: unknown }
  | { readonly type: 'info', readonly error: string, readonly value?: unknown }

/**
 * A file each: what is done, how, and how it is judged. Sees ports, never a
 * concrete environment or system.
 */
export interface Workload {
  readonly name: string
  /** A sentence for `--help`. */
  readonly about: string
  /** What it uses of a system besides plain keys; a system without it is refused before the run. */
  readonly needs?: readonly SystemPort[]
  /** It asks members' DNS, where the environment reaches it. */
  readonly asksDns?: true
  /** Why it cannot work in such an environment, or null; asked before the run. Absent: it can in all. */
  missing?(environment: Environment): string | null
  /** For what the user does not say; the rest is everybody's default. */
  readonly defaults?: PlanOptions
  /**
   * Operations of the main phase, drawn one at a time, endless, for the worker
   * that is free. Pure but for its own state.
   */
  operations(plan: RunPlan, random: Random): (worker: Worker) => Operation
  /** After recovery: what is read at the end, given what was done. Each is done once through every member. */
  finalOperations(plan: RunPlan, history: readonly HistoryEvent[]): readonly Operation[]
  /** Does one operation at one member. Never rejects for a failed operation; a thrown error becomes `info` with the cause. */
  perform(operation: Operation, client: SystemClient, scope: WorkScope): Promise<OperationOutcome>
  /**
   * Judges. `history` is complete: each invocation has its completion or is open
   * at the end. Depends on nothing else than its arguments, so that a stored run
   * can be judged again.
   */
  check(history: readonly HistoryEvent[], plan: RunPlan, facts: RunFacts): Promise<CheckResult | readonly CheckResult[]>
}

/** A sequential client. Its slot and its member stay; its number is new after each `info`. */
export interface Worker {
  readonly slot: number
  readonly member: string
  /** The number in the history ("process"). */
  readonly process: number
}

/** What an operation is done with besides its client. */
export interface WorkScope {
  readonly plan: RunPlan
  readonly worker: Worker
  /** The environment's; the only time there is in a simulation. */
  readonly clock: HarnessClock
  /** Of this slot, for the length of one phase: what its operations remember of each other, such as a session. */
  readonly memory: Map<string, unknown>
}

/** What a check knows of a run besides its history: all of it is in the run's directory. */
export interface RunFacts {
  /** Those of the start, in order. */
  readonly members: readonly string[]
  /** In order of time. */
  readonly faults: readonly FaultRecord[]
}

/** A client of one member. Every system has keys; what else it has is a port of its own. */
export interface SystemClient extends KvClient {
  readonly sessions?: SessionClient
  readonly transactions?: TransactionClient
  readonly prefixes?: PrefixClient
  readonly watches?: WatchClient
  readonly deletes?: DeleteClient
  readonly services?: ServiceClient
  readonly members?: MembersClient
  /** Absent also where the environment does not reach the member's DNS. */
  readonly dns?: DnsClient
}

export type SystemPort = Exclude<keyof SystemClient, keyof KvClient>

/** The port, which the run's beginning has made sure of. */
export function port<P extends SystemPort>(client: SystemClient, name: P): NonNullable<SystemClient[P]> {
  const found = client[name]
  if (found === undefined) throw new Error(`the system's client has no ${name}`)
  return found as NonNullable<SystemClient[P]>
}
