/**
 * The key-value table with Consul's rules of indexes (consul 1.8, observed):
 * - an existing key's index is its ModifyIndex; a missing one's is the table's;
 * - a prefix's is the highest ModifyIndex under it, deletions included; the
 *   table's if nothing ever stood there, or the prefix is empty;
 * - writing what is there already, bytes and flags, changes nothing;
 * - deleting what is absent changes nothing.
 *
 * Entries are immutable and replaced, so that a reader may keep one.
 */
import { CopyOnWriteMap } from './copy-on-write-map.ts'
import { Graveyard } from './graveyard.ts'
import { decodeKvRecord, encodeKvRecord } from './kv-records.ts'
import type { PartCapture, PartRestore, SnapshotPart } from './snapshot-part.ts'
import { SortedKeys } from './sorted-keys.ts'

export interface KvEntry {
  readonly key: string
  readonly value: Uint8Array
  /** Unsigned, 64 bit. */
  readonly flags: bigint
  readonly createIndex: number
  readonly modifyIndex: number
  /** How often the key was locked; 0 without sessions. */
  readonly lockIndex: number
  /** Who holds the lock. */
  readonly session: string | null
}

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
}

const tombstonesMaxDefault = 65_536

export class KvTable implements KvReader, SnapshotPart {
  readonly name = 'kv'
  readonly #tombstonesMax: number
  #entries = new CopyOnWriteMap<string, KvEntry>()
  #order = new SortedKeys()
  #graveyard: Graveyard
  #index = 0

  constructor(tombstonesMax = tombstonesMaxDefault) {
    this.#tombstonesMax = tombstonesMax
    this.#graveyard = new Graveyard(tombstonesMax)
  }

  get index(): number {
    return Math.max(1, this.#index)
  }

  get size(): number {
    return this.#entries.size
  }

  get(key: string): { index: number, entry: KvEntry | null } {
    const entry = this.#entries.get(key) ?? null
    return { index: entry?.modifyIndex ?? this.index, entry }
  }

  list(prefix: string): { index: number, entries: KvEntry[] } {
    const entries = this.#order.withPrefix(prefix).map((key) => this.#entries.get(key)!)
    return { index: this.#prefixIndex(prefix, entries), entries }
  }

  keys(prefix: string, separator: string): { index: number, keys: string[] } {
    const { index, entries } = this.list(prefix)
    const keys: string[] = []
    for (const { key } of entries) {
      const at = separator === '' ? -1 : key.indexOf(separator, prefix.length)
      const shown = at < 0 ? key : key.slice(0, at + separator.length)
      // Keys that share a cut are neighbours.
      if (keys.at(-1) !== shown) keys.push(shown)
    }
    return { index, keys }
  }

  /** Flags are overwritten too. Keeps a copy of `value`. */
  set(index: number, key: string, value: Uint8Array, flags: bigint): void {
    const old = this.#entries.get(key)
    if (old !== undefined && old.flags === flags && equalBytes(old.value, value)) return
    if (old === undefined) this.#order.add(key)
    this.#index = index
    this.#entries.set(key, {
      key,
      // A view would keep alive the whole message or log segment that it came in.
      value: new Uint8Array(value),
      flags,
      createIndex: old?.createIndex ?? index,
      modifyIndex: index,
      // A plain write to a locked key keeps the holder and resets the count, as in Consul.
      lockIndex: 0,
      session: old?.session ?? null,
    })
  }

  /** Sets if the key's ModifyIndex is `expectedIndex`, where 0 means absent. */
  compareAndSet(index: number, key: string, value: Uint8Array, flags: bigint, expectedIndex: number): boolean {
    if ((this.#entries.get(key)?.modifyIndex ?? 0) !== expectedIndex) return false
    this.set(index, key, value, flags)
    return true
  }

  delete(index: number, key: string): void {
    if (!this.#entries.delete(key)) return
    this.#order.remove(key)
    this.#graveyard.bury([key], index)
    this.#index = index
  }

  /** Deletes if the key's ModifyIndex is `expectedIndex`. True also if the key is absent, whatever was expected. */
  compareAndDelete(index: number, key: string, expectedIndex: number): boolean {
    const old = this.#entries.get(key)
    if (old !== undefined && old.modifyIndex !== expectedIndex) return false
    this.delete(index, key)
    return true
  }

  /** Deletes every key that begins with `prefix`. */
  deleteTree(index: number, prefix: string): void {
    const keys = this.#order.withPrefix(prefix)
    if (keys.length === 0) return
    for (const key of keys) {
      this.#entries.delete(key)
      this.#order.remove(key)
    }
    this.#graveyard.bury(keys, index)
    this.#index = index
  }

  capture(): PartCapture {
    const head = { kind: 'table', index: this.#index, forgottenIndex: this.#graveyard.forgottenIndex } as const
    // At most `tombstonesMax`, and their order counts: copied at once.
    const tombstones = this.#graveyard.list()
    const entries = this.#entries.capture()
    const records = function* () {
      yield encodeKvRecord(head)
      for (const [key, index] of tombstones) yield encodeKvRecord({ kind: 'tombstone', key, index })
      for (let next = entries.pairs.next(); next.done !== true; next = entries.pairs.next()) {
        yield encodeKvRecord({ kind: 'entry', entry: next.value[1] })
      }
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
          table.#entries.set(record.entry.key, record.entry)
          table.#order.add(record.entry.key)
        }
      },
      finish: () => {
        this.#entries = table.#entries
        this.#order = table.#order
        this.#graveyard = table.#graveyard
        this.#index = table.#index
      },
    }
  }

  #prefixIndex(prefix: string, entries: readonly KvEntry[]): number {
    if (prefix === '') return this.index
    const highest = entries.reduce((max, { modifyIndex }) => Math.max(max, modifyIndex), this.#graveyard.maxIndex(prefix))
    return highest === 0 ? this.index : Math.max(highest, this.#graveyard.forgottenIndex)
  }
}

function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0
}
