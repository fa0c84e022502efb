/**
 * The replicated state machine: the same commands in the same order give the
 * same state on every member. Synchronous and without time, chance or I/O.
 */
import { invariant, unreachable } from '../base/assert.ts'
import { decodeCommand } from './commands.ts'
import { type KvReader, KvTable } from './kv.ts'
import type { SnapshotPart } from './snapshot-part.ts'

export type ApplyResult =
  /** `succeeded` is false when a cas or delete-cas did not match: what Consul answers as `true` or `false`. */
  | { readonly kind: 'kv', readonly succeeded: boolean }
  /** The bytes are no command of this version. Nothing changed; every member of this version says so. */
  | { readonly kind: 'invalid', readonly problem: string }

export class StateMachine {
  readonly #kv = new KvTable()
  #appliedIndex = 0

  get kv(): KvReader {
    return this.#kv
  }

  /** Each is a section of a snapshot, in this order. */
  get parts(): readonly SnapshotPart[] {
    return [this.#kv]
  }

  /** The parts were restored from a snapshot of the state after entry `index`. */
  restoredTo(index: number): void {
    this.#appliedIndex = index
  }

  /** Of the last command applied. Entries that are no commands do not come here. */
  get appliedIndex(): number {
    return this.#appliedIndex
  }

  /** `index`: the entry's in the log, which becomes the ModifyIndex of what it changes. Ascending, gaps are fine. */
  apply(index: number, command: Uint8Array): ApplyResult {
    invariant(index > this.#appliedIndex, () => `entry ${index} comes after ${this.#appliedIndex} was applied`)
    this.#appliedIndex = index
    const decoded = decodeCommand(command)
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
      case 'invalid':
        return decoded
      default:
        return unreachable(decoded)
    }
  }
}

const succeeded: ApplyResult = { kind: 'kv', succeeded: true }
const refused: ApplyResult = { kind: 'kv', succeeded: false }

function outcome(matched: boolean): ApplyResult {
  return matched ? succeeded : refused
}
