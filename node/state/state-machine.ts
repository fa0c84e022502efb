/**
 * The replicated state machine: the same commands in the same order give the
 * same state on every member. Synchronous and without time, chance or I/O.
 */
import { invariant, unreachable } from '../base/assert.ts'
import { type AutopilotReader, AutopilotTable } from './autopilot-config.ts'
import { type CatalogChange, type CatalogOutcome, type CatalogReader, CatalogTable } from './catalog.ts'
import { CatalogPart } from './catalog-part.ts'
import { decodeApplied } from './commands.ts'
import { type KvReader, KvTable } from './kv.ts'
import { type Registrations, type SessionObserver, type SessionReader, SessionTable } from './sessions.ts'
import { RestorePart } from './restore-part.ts'
import { type TxnOperation, type TxnOutcome, writeTransaction } from './txn.ts'
import { Watches } from './watches.ts'
import type { SnapshotPart } from './snapshot-part.ts'

export type ApplyResult =
  /** `succeeded` is false when a condition did not hold (a cas, a lock, a session that is gone): what Consul answers as `true` or `false`. */
  | { readonly kind: 'kv', readonly succeeded: boolean }
  /** Of a transaction; with errors nothing changed. */
  | { readonly kind: 'txn', readonly outcome: TxnOutcome }
  /** The command cannot be carried out, or the bytes are none of this version. Nothing changed; every member of this version says so. */
  | { readonly kind: 'invalid', readonly problem: string }

export class StateMachine {
  /** Whoever applies commands flushes them when readers may see the state. */
  readonly watches = new Watches()
  readonly #kv = new KvTable(undefined, this.watches)
  readonly #sessions: SessionTable
  readonly #registrations: Registrations
  readonly #catalog = new CatalogTable((table, key) => this.watches.touch(table, key))
  readonly #catalogPart = new CatalogPart(this.#catalog)
  readonly #observer: SessionObserver | null
  readonly #restore: RestorePart
  readonly #autopilot = new AutopilotTable()
  #appliedIndex = 0

  /** `observer` hears of sessions while commands are applied. `registrations`: what sessions lean on; default: the catalog. */
  constructor(observer: SessionObserver | null = null, registrations?: Registrations) {
    this.#registrations = registrations ?? this.#catalog
    this.#observer = observer
    this.#sessions = new SessionTable(this.#kv, this.watches, observer)
    this.#restore = new RestorePart(this.archivedParts)
  }

  get sessions(): SessionReader {
    return this.#sessions
  }

  get kv(): KvReader {
    return this.#kv
  }

  get catalog(): CatalogReader {
    return this.#catalog
  }

  /** What clients stored: all that an archive of the state holds. */
  get archivedParts(): readonly SnapshotPart[] {
    return [this.#kv, this.#sessions, this.#catalogPart, this.#autopilot.part]
  }

  /** What is behind the index of the last entry in the indexes that clients see; see `restore-part.ts`. */
  get indexOffset(): number {
    return this.#restore.indexOffset
  }

  get autopilot(): AutopilotReader {
    return this.#autopilot
  }

  /** Each is a section of a snapshot, in this order. */
  get parts(): readonly SnapshotPart[] {
    return [...this.archivedParts, this.#restore]
  }

  /** The parts were restored from a snapshot of the state after entry `index`. */
  restoredTo(index: number): void {
    this.#appliedIndex = index
    this.watches.replaced()
  }

  /** Of the last command applied. Entries that are no commands do not come here. */
  get appliedIndex(): number {
    return this.#appliedIndex
  }

  /** `entryIndex`: in the log; with `indexOffset` it becomes the ModifyIndex of what it changes. Ascending, gaps are fine. */
  apply(entryIndex: number, command: Uint8Array): ApplyResult {
    invariant(entryIndex > this.#appliedIndex, () => `entry ${entryIndex} comes after ${this.#appliedIndex} was applied`)
    this.#appliedIndex = entryIndex
    this.#restore.advance(entryIndex)
    const index = entryIndex + this.#restore.indexOffset
    const decoded = decodeApplied(entryIndex, command)
    switch (decoded.kind) {
      case 'set':
        this.#kv.set(index, decoded.key, decoded.value, decoded.flags)
        return succeeded
      case 'cas':
        return outcome(this.#kv.compareAndSet(index, decoded.key, decoded.value, decoded.flags, decoded.modifyIndex))
      case 'delete':
        this.#kv.delete(index, decoded.key)
        return succeeded
      case 'delete-cas':
        return outcome(this.#kv.compareAndDelete(index, decoded.key, decoded.modifyIndex))
      case 'delete-tree':
        this.#kv.deleteTree(index, decoded.prefix)
        return succeeded
      case 'lock': {
        const problem = this.#sessions.problemOf(decoded.session)
        if (problem !== null) return { kind: 'invalid', problem }
        return outcome(this.#kv.lock(index, decoded.key, decoded.value, decoded.flags, decoded.session))
      }
      case 'unlock':
        if (decoded.session === '') return { kind: 'invalid', problem: 'missing session' }
        return outcome(this.#kv.unlock(index, decoded.key, decoded.value, decoded.flags, decoded.session))
      case 'session-create': {
        const problem = this.#sessions.create(index, decoded.session, this.#registrations)
        return problem === null ? succeeded : { kind: 'invalid', problem }
      }
      case 'session-destroy':
        this.#sessions.destroy(index, decoded.id)
        return succeeded
      case 'session-renew':
        return outcome(this.#sessions.renew(index, decoded.id))
      case 'session-expire':
        return outcome(this.#sessions.expire(index, decoded.id, decoded.renewedIndex))
      case 'txn':
        return this.#transact(index, decoded.operations)
      case 'catalog-register':
        return this.#catalogResult(index, this.#catalog.register(index, decoded))
      case 'catalog-deregister':
        return this.#catalogResult(index, this.#catalog.deregister(index, decoded))
      case 'restore-begin':
      case 'restore-records':
      case 'restore-commit':
      case 'restore-abort': {
        const result = this.#restore.apply(entryIndex, decoded)
        if (result.kind === 'refused') return { kind: 'invalid', problem: result.problem }
        if (result.kind === 'replaced') {
          this.watches.noteReplaced()
          this.#observer?.replaced?.()
        }
        return succeeded
      }
      case 'autopilot-set':
        return outcome(this.#autopilot.set(index, decoded))
      case 'invalid':
        return decoded
      default:
        return unreachable(decoded)
    }
  }

  /** Sessions end with what they lean on. */
  #catalogResult(index: number, outcome: CatalogOutcome): ApplyResult {
    if (outcome.kind === 'refused') return { kind: 'invalid', problem: outcome.problem }
    this.#endSessions(index, outcome.change)
    return succeeded
  }

  #transact(index: number, operations: readonly TxnOperation[]): ApplyResult {
    const tables = { kv: this.#kv, catalog: this.#catalog, problemOfSession: (session: string) => this.#sessions.problemOf(session) }
    const { outcome, changes } = writeTransaction(tables, index, operations)
    // Behind all operations: none of them can see that a session has ended by another.
    for (const change of changes) this.#endSessions(index, change)
    return { kind: 'txn', outcome }
  }

  #endSessions(index: number, { failedChecks, removedNodes }: CatalogChange): void {
    for (const { node, checkId } of failedChecks) this.#sessions.invalidateSessionsOfCheck(index, node, checkId)
    for (const node of removedNodes) this.#sessions.invalidateSessionsOfNode(index, node)
  }
}

const succeeded: ApplyResult = { kind: 'kv', succeeded: true }
const refused: ApplyResult = { kind: 'kv', succeeded: false }

function outcome(matched: boolean): ApplyResult {
  return matched ? succeeded : refused
}
