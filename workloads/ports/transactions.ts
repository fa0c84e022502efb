import type { ReadConsistency } from '../../harness/plan/plan.ts'
import type { Answer } from './answer.ts'

/** Several operations on keys at one moment, all or none. Consul documentation: "Transactions". */
export interface TransactionClient {
  /** Most operations of one transaction. */
  readonly operationsMax: number
  /**
   * `committed` false: certainly none of it happened, because a condition did
   * not hold. `reads`: of each `get`, in order.
   * @param consistency of a transaction that writes nothing; one that writes is never stale
   */
  transact(operations: readonly TransactionOperation[], consistency: ReadConsistency): Promise<Answer<
    | { readonly committed: true, readonly reads: readonly TransactionRead[] }
    | { readonly committed: false, readonly why: string }>>
}

export type TransactionOperation =
  /** An absent key is read as null, and does not end the transaction. */
  | { readonly verb: 'get', readonly key: string }
  | { readonly verb: 'set', readonly key: string, readonly value: string }
  /** Only if the key's version is still this one; 0: absent. */
  | { readonly verb: 'cas', readonly key: string, readonly value: string, readonly version: number }
  /** Changes nothing; a condition as that of `cas`. */
  | { readonly verb: 'check', readonly key: string, readonly version: number }

export interface TransactionRead {
  readonly key: string
  readonly value: string | null
  readonly version: number | null
}
