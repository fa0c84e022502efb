/**
 * Transactions (Consul's HTTP API, "Transactions"): operations one behind
 * another, each seeing what those before it did; all of them or none. Every one
 * that fails is told, not only the first.
 */
import { unreachable } from '../base/assert.ts'
import type { CatalogChange, CatalogReader, CatalogTable } from './catalog.ts'
import type { KvEntry, KvReader, KvTable } from './kv.ts'
import { type CatalogOperation, type CatalogResult, isCatalogWrite, problemBefore, readCatalog, writeCatalog } from './txn-catalog.ts'

export type TxnOperation = KvOperation | CatalogOperation

export interface KvOperation {
  readonly kind: 'kv'
  /** As it was given: an unknown one fails in its place among the others. */
  readonly verb: string
  readonly key: string
  readonly value: Uint8Array
  /** Unsigned, 64 bit. */
  readonly flags: bigint
  /** For `cas`, `delete-cas`, `check-index`. Above 2^53 - 1 matches nothing: give 2^53 - 1. */
  readonly index: number
  /** For `lock`, `unlock`, `check-session`. */
  readonly session: string
}

/** What an operation shows. A write of a key shows its entry without the value. */
export type TxnResult = { readonly kind: 'kv', readonly entry: KvEntry } | CatalogResult

export interface TxnError {
  /** Of the operation, from 0. */
  readonly opIndex: number
  readonly what: string
}

/** Results are empty if there are errors. */
export interface TxnOutcome {
  readonly results: readonly TxnResult[]
  readonly errors: readonly TxnError[]
}

/** What an operation came to: results, perhaps none, or why not. */
type Step = readonly TxnResult[] | { readonly what: string }

const noResults: readonly TxnResult[] = []
const writeVerbs: ReadonlySet<string> = new Set(['set', 'cas', 'lock', 'unlock', 'delete', 'delete-cas', 'delete-tree'])

/** Whether it has to go through the log. */
export function isWrite(operation: TxnOperation): boolean {
  return operation.kind === 'kv' ? writeVerbs.has(operation.verb) : isCatalogWrite(operation)
}

/**
 * What is found before anything is tried; with such errors nothing is. Only a
 * leader knows which keys are under a lock-delay.
 */
export function checkBefore(operations: readonly TxnOperation[], isLockDelayed: (key: string) => boolean): TxnError[] {
  return operations.flatMap((operation, opIndex) => {
    if (operation.kind !== 'kv') {
      const problem = problemBefore(operation)
      return problem === null ? [] : [{ opIndex, what: problem }]
    }
    const { verb, key } = operation
    if (key === '' && verb !== 'delete-tree') return [{ opIndex, what: 'Must provide key' }]
    if (verb === 'lock' && isLockDelayed(key)) return [{ opIndex, what: `failed to lock key ${JSON.stringify(key)} due to lock delay` }]
    return []
  })
}

/** Runs what writes nothing on the state as it is. */
export function readTransaction(kv: KvReader, catalog: CatalogReader, operations: readonly TxnOperation[]): TxnOutcome {
  return run(operations, (operation) => operation.kind === 'kv' ? read(kv, operation) : readCatalog(catalog, operation))
}

/** What a transaction works on. */
export interface TxnTables {
  readonly kv: KvTable
  readonly catalog: CatalogTable
  /** What forbids locking under a session, or null. */
  readonly problemOfSession: (session: string) => string | null
}

/** Runs the operations at `index`; if one fails nothing has happened. With what they did to checks and nodes: what sessions must know. */
export function writeTransaction(tables: TxnTables, index: number, operations: readonly TxnOperation[]): { readonly outcome: TxnOutcome, readonly changes: readonly CatalogChange[] } {
  const { kv, catalog, problemOfSession } = tables
  const changes: CatalogChange[] = []
  let outcome: TxnOutcome | null = null
  const act = () => {
    outcome = run(operations, (operation) => {
      if (operation.kind !== 'kv') return isWrite(operation) ? writeCatalog(catalog, index, operation, (change) => changes.push(change)) : readCatalog(catalog, operation)
      return isWrite(operation) ? write(kv, problemOfSession, index, operation) : read(kv, operation)
    })
    return outcome.errors.length === 0
  }
  const nodes = operations.flatMap((operation) => operation.kind === 'kv' || !isWrite(operation) ? [] : [operation.kind === 'node' ? operation.node : { name: operation.node, id: '' }])
  kv.transact(index, () => {
    if (nodes.length === 0) return act()
    let kept = false
    catalog.transact(nodes, () => kept = act())
    return kept
  })
  return { outcome: outcome!, changes: outcome!.errors.length === 0 ? changes : [] }
}

function run(operations: readonly TxnOperation[], step: (operation: TxnOperation) => Step): TxnOutcome {
  const before = checkBefore(operations, () => false)
  if (before.length > 0) return { results: [], errors: before }
  const results: TxnResult[] = []
  const errors: TxnError[] = []
  for (const [opIndex, operation] of operations.entries()) {
    const done = step(operation)
    if ('what' in done) errors.push({ opIndex, what: done.what })
    else results.push(...done)
  }
  return errors.length === 0 ? { results, errors } : { results: [], errors }
}

function read(kv: KvReader, { verb, key, index, session }: KvOperation): Step {
  const quoted = JSON.stringify(key)
  switch (verb) {
    case 'get': {
      const { entry } = kv.get(key)
      return entry === null ? { what: `key ${quoted} doesn't exist` } : [{ kind: 'kv', entry }]
    }
    case 'get-tree': return kv.list(key).entries.map((entry) => ({ kind: 'kv', entry }))
    case 'check-index': {
      const { entry } = kv.get(key)
      if (entry === null) return { what: `failed to check index, key ${quoted} doesn't exist` }
      if (entry.modifyIndex !== index) return { what: `failed index check for key ${quoted}, current modify index ${entry.modifyIndex} != ${index}` }
      return withoutValue(entry)
    }
    case 'check-session': {
      const { entry } = kv.get(key)
      if (entry === null) return { what: `failed to check session, key ${quoted} doesn't exist` }
      if ((entry.session ?? '') !== session) return { what: `failed session check for key ${quoted}, current session ${JSON.stringify(entry.session ?? '')} != ${JSON.stringify(session)}` }
      return withoutValue(entry)
    }
    case 'check-not-exists': return kv.get(key).entry === null ? noResults : { what: `key ${quoted} exists` }
    default: return { what: `unknown KV verb ${JSON.stringify(verb)}` }
  }
}

function write(kv: KvTable, problemOfSession: (session: string) => string | null, index: number, operation: KvOperation): Step {
  const { key, value, flags, session } = operation
  const quoted = JSON.stringify(key)
  const shown = () => withoutValue(kv.get(key).entry!)
  switch (operation.verb) {
    case 'set':
      kv.set(index, key, value, flags)
      return shown()
    case 'cas':
      return kv.compareAndSet(index, key, value, flags, operation.index) ? shown() : { what: `failed to set key ${quoted}, index is stale` }
    case 'lock': {
      const problem = problemOfSession(session)
      if (problem !== null) return { what: problem }
      return kv.lock(index, key, value, flags, session) ? shown() : { what: `failed to lock key ${quoted}, lock is already held` }
    }
    case 'unlock':
      if (session === '') return { what: 'missing session' }
      return kv.unlock(index, key, value, flags, session) ? shown() : { what: `failed to unlock key ${quoted}, lock isn't held, or is held by another session` }
    case 'delete':
      kv.delete(index, key)
      return noResults
    case 'delete-cas':
      return kv.compareAndDelete(index, key, operation.index) ? noResults : { what: `failed to delete key ${quoted}, index is stale` }
    case 'delete-tree':
      kv.deleteTree(index, key)
      return noResults
    default:
      return unreachable(operation.verb as never)
  }
}

const noValue = new Uint8Array(0)

function withoutValue(entry: KvEntry): TxnResult[] {
  return [{ kind: 'kv', entry: { ...entry, value: noValue } }]
}
