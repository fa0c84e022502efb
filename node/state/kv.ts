/**
 * The key-value table with Consul's rules of indexes (consul 1.8, observed):
 * - an existing key's index is its ModifyIndex; a missing one's is the table's;
 * - a prefix's is the highest ModifyIndex under it, deletions included; the
 *   table's if nothing ever stood there, or the prefix is empty;
 * - writing what is there already, bytes, flags and lock, changes nothing;
 * - deleting what is absent changes nothing.
 *
 * Whether a session may lock is asked of the sessions before; here a session is
 * a name that a key is held under.
 */
import { Graveyard } from './graveyard.ts'
import { KvEntries, type KvEntry } from './kv-entries.ts'
import { type Interest, Watches } from './watches.ts'
import { decodeKvRecord, encodeKvRecord } from './kv-records.ts'
import type { PartCapture, PartRestore, SnapshotPart } from './snapshot-part.ts'

export type { KvEntry } from './kv-entries.ts'

/** What readers see. Each `index` is what `X-Consul-Index` says, at least 1. */
export interface KvReader {
  /** Of the whole table. */
  readonly index: number
  /** How many keys there are. */
  readonly size: number
  get(key: string): { readonly index: number, readonly entry: KvEntry | null }
  /** Every entry whose key begins with `prefix`, in the order of the keys' bytes. */
  list(prefix: string): { readonly index: number, readonly entries: readonly KvEntry[] }
  /**
   * The keys that begin with `prefix`, each cut behind the first `separator`
   * after the prefix, without repetition. An empty separator cuts nothing.
   */
  keys(prefix: string, separator: string): { readonly index: number, readonly keys: readonly string[] }
  /** What moves the index that `get(key)` gives now. */
  interestInKey(key: string): Interest
  /** What moves the index that `list(prefix)` and `keys(prefix, …)` give now. */
  interestInPrefix(prefix: string): Interest
}

const tombstonesMaxDefault = 65_536
const table = 'kv'

export class KvTable implements KvReader, SnapshotPart {
  readonly name = 'kv'
  readonly #tombstonesMax: number
  #entries = new KvEntries()
  #graveyard: Graveyard
  readonly #watches: Watches
  #index = 0
  /** Keys deleted since a transaction began; null outside of one. */
  #deleted: string[] | null = null

  constructor(tombstonesMax = tombstonesMaxDefault, watches = new Watches()) {
    this.#tombstonesMax = tombstonesMax
    this.#graveyard = new Graveyard(tombstonesMax)
    this.#watches = watches
  }

  get index(): number {
    return Math.max(1, this.#index)
  }

  get size(): number {
    return this.#entries.size
  }

  get(key: string): { index: number, entry: KvEntry | null } {
    const entry = this.#entries.get(key)
    return { index: entry?.modifyIndex ?? this.index, entry }
  }

  list(prefix: string): { index: number, entries: KvEntry[] } {
    return { index: this.#prefixIndex(prefix), entries: this.#entries.withPrefix(prefix) }
  }

  keys(prefix: string, separator: string): { index: number, keys: string[] } {
    const keys: string[] = []
    for (const key of this.#entries.keysWithPrefix(prefix)) {
      const at = separator === '' ? -1 : key.indexOf(separator, prefix.length)
      const shown = at < 0 ? key : key.slice(0, at + separator.length)
      // Keys that share a cut are neighbours.
      if (keys.at(-1) !== shown) keys.push(shown)
    }
    return { index: this.#prefixIndex(prefix), keys }
  }

  interestInKey(key: string): Interest {
    return this.#entries.get(key) !== null ? { kind: 'key', table, key } : { kind: 'table', table }
  }

  interestInPrefix(prefix: string): Interest {
    const known = this.#entries.hasPrefix(prefix) || this.#graveyard.maxIndex(prefix) > 0
    return known ? { kind: 'prefix', table, prefix } : { kind: 'table', table }
  }

  /** Flags are overwritten too. Keeps a copy of `value`. */
  set(index: number, key: string, value: Uint8Array, flags: bigint): void {
    // A plain write to a locked key keeps the holder and resets the count, as in Consul.
    const old = this.#entries.get(key)
    this.#write(index, old, key, value, flags, 0, old?.session ?? null)
  }

  /** Sets if the key's ModifyIndex is `expectedIndex`, where 0 means absent. */
  compareAndSet(index: number, key: string, value: Uint8Array, flags: bigint, expectedIndex: number): boolean {
    if (this.#entries.modifyIndexOf(key) !== expectedIndex) return false
    this.set(index, key, value, flags)
    return true
  }

  /** Sets, and takes the lock unless another session has it. Its holder may set again, which counts no further lock. */
  lock(index: number, key: string, value: Uint8Array, flags: bigint, session: string): boolean {
    const old = this.#entries.get(key)
    if (old !== null && old.session !== null && old.session !== session) return false
    const lockIndex = old === null ? 1 : old.session === session ? old.lockIndex : old.lockIndex + 1
    this.#write(index, old, key, value, flags, lockIndex, session)
    return true
  }

  /** Sets and gives the lock back, if `session` has it. */
  unlock(index: number, key: string, value: Uint8Array, flags: bigint, session: string): boolean {
    const old = this.#entries.get(key)
    if (old === null || old.session !== session) return false
    this.#write(index, old, key, value, flags, old.lockIndex, null)
    return true
  }

  /** The session is no more: what it holds is set free, or deleted. Returns the keys. */
  endSession(index: number, session: string, behavior: 'release' | 'delete'): string[] {
    const keys = this.#entries.heldBy(session)
    if (keys.length === 0) return keys
    if (behavior === 'delete') {
      this.#remove(index, keys)
      return keys
    }
    for (const key of keys) {
      const old = this.#entries.get(key)!
      this.#write(index, old, key, old.value, old.flags, old.lockIndex, null)
    }
    return keys
  }

  delete(index: number, key: string): void {
    if (this.#entries.get(key) !== null) this.#remove(index, [key])
  }

  /** Deletes if the key's ModifyIndex is `expectedIndex`. True also if the key is absent, whatever was expected. */
  compareAndDelete(index: number, key: string, expectedIndex: number): boolean {
    const old = this.#entries.get(key)
    if (old !== null && old.modifyIndex !== expectedIndex) return false
    this.delete(index, key)
    return true
  }

  /** Deletes every key that begins with `prefix`. */
  deleteTree(index: number, prefix: string): void {
    const keys = this.#entries.keysWithPrefix(prefix)
    if (keys.length > 0) this.#remove(index, keys)
  }

  /** Keeps what `change` does if it returns true, else takes it back: then nothing has happened. One index for all of it. */
  transact(index: number, change: () => boolean): void {
    const indexBefore = this.#index
    const deleted: string[] = []
    this.#deleted = deleted
    this.#entries.begin()
    const keep = change()
    this.#deleted = null
    if (!keep) {
      this.#entries.rollback()
      this.#index = indexBefore
      return
    }
    // A key that was made and deleted within has a grave as well: it may have stood there before.
    if (deleted.length > 0) this.#graveyard.bury([...new Set(deleted)], index)
    for (const key of this.#entries.commit()) this.#watches.touch(table, key)
  }

  /** `old`: what stands there. */
  #write(index: number, old: KvEntry | null, key: string, value: Uint8Array, flags: bigint, lockIndex: number, session: string | null): void {
    if (old !== null && old.flags === flags && old.lockIndex === lockIndex && old.session === session && equalBytes(old.value, value)) return
    this.#index = index
    this.#entries.put({
      key,
      value,
      flags,
      createIndex: old?.createIndex ?? index,
      modifyIndex: index,
      lockIndex,
      session,
    })
    if (this.#deleted === null) this.#watches.touch(table, key)
  }

  #remove(index: number, keys: readonly string[]): void {
    for (const key of keys) this.#entries.remove(key)
    this.#index = index
    if (this.#deleted !== null) {
      for (const key of keys) this.#deleted.push(key)
      return
    }
    this.#graveyard.bury(keys, index)
    for (const key of keys) this.#watches.touch(table, key)
  }

  capture(): PartCapture {
    const head = { kind: 'table', index: this.#index, forgottenIndex: this.#graveyard.forgottenIndex } as const
    // At most `tombstonesMax`, and their order counts: copied at once.
    const tombstones = this.#graveyard.copy()
    const entries = this.#entries.capture()
    const records = function* () {
      yield encodeKvRecord(head)
      for (const [i, key] of tombstones.keys.entries()) yield encodeKvRecord({ kind: 'tombstone', key, index: tombstones.indexes[i]! })
      yield* entries.records
    }
    return { records: records(), release: entries.release }
  }

  restore(): PartRestore {
    const table = new KvTable(this.#tombstonesMax)
    return {
      add: (bytes) => {
        const record = decodeKvRecord(bytes)
        if (record.kind === 'table') {
          table.#index = record.index
          table.#graveyard.forget(record.forgottenIndex)
        } else if (record.kind === 'tombstone') {
          table.#graveyard.bury([record.key], record.index)
        } else {
          table.#entries.putRecord(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
        }
      },
      finish: () => {
        this.#entries = table.#entries
        this.#graveyard = table.#graveyard
        this.#index = table.#index
      },
    }
  }

  #prefixIndex(prefix: string): number {
    if (prefix === '') return this.index
    const highest = Math.max(this.#entries.maxModifyIndex(prefix), this.#graveyard.maxIndex(prefix))
    return highest === 0 ? this.index : Math.max(highest, this.#graveyard.forgottenIndex)
  }
}

/** Up to here a loop is quicker than the call into native code. */
const shortBytes = 64

function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  if (a.length > shortBytes) return Buffer.compare(a, b) === 0
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
