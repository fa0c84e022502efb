/**
 * The entries of the key-value table: by key, in order, and by the session that
 * holds them. Changes can be taken back as a whole, for transactions. They are
 * kept as the bytes of a snapshot's records, so that a million of them are no
 * matter to garbage collection; who reads one gets a copy.
 */
import { invariant } from '../base/assert.ts'
import { ByteCopies } from './byte-copies.ts'
import { KvPages, type KvPagesOptions } from './kv-pages.ts'
import { entryBytes, readEntry, readKey, readModifyIndex, readSession, writeEntry } from './kv-records.ts'

/** A reader may keep one: a change does not reach it. */
export interface KvEntry {
  readonly key: string
  readonly value: Uint8Array
  /** Unsigned, 64 bit. */
  readonly flags: bigint
  readonly createIndex: number
  readonly modifyIndex: number
  /** How often the key was locked; a plain write puts it back to 0. */
  readonly lockIndex: number
  /** Who holds the lock. */
  readonly session: string | null
}

export class KvEntries {
  readonly #pages: KvPages
  /** Of values, for who reads. */
  readonly #copies = new ByteCopies()
  /** Session to the keys that it holds. */
  readonly #held = new Map<string, Set<string>>()
  /** What stood at each key that changed since `begin`; null outside of that. */
  #before: Map<string, KvEntry | null> | null = null

  constructor(options: KvPagesOptions = {}) {
    this.#pages = new KvPages(options)
  }

  get size(): number {
    return this.#pages.size
  }

  get(key: string): KvEntry | null {
    const page = this.#pages.find(key)
    if (page === null) return null
    const { record } = this.#pages
    return readEntry(page.bytes, page.view, record, page.recordBytes(record), this.#copies, key)
  }

  /** 0 if there is none. */
  modifyIndexOf(key: string): number {
    const page = this.#pages.find(key)
    return page === null ? 0 : readModifyIndex(page.view, this.#pages.record)
  }

  /** Ascending by the keys' bytes. */
  withPrefix(prefix: string): KvEntry[] {
    const entries: KvEntry[] = []
    this.#pages.forEachUnder(prefix, ({ bytes, view }, record, lengthBytes) => { entries.push(readEntry(bytes, view, record, lengthBytes, this.#copies)) })
    return entries
  }

  /** Ascending by their bytes. */
  keysWithPrefix(prefix: string): string[] {
    const keys: string[] = []
    this.#pages.forEachUnder(prefix, ({ bytes, view }, record) => { keys.push(readKey(bytes, view, record)) })
    return keys
  }

  /** The highest ModifyIndex under the prefix; 0 if nothing is. */
  maxModifyIndex(prefix: string): number {
    let max = 0
    this.#pages.forEachUnder(prefix, ({ view }, record) => { max = Math.max(max, readModifyIndex(view, record)) })
    return max
  }

  hasPrefix(prefix: string): boolean {
    return this.#pages.hasPrefix(prefix)
  }

  /** The keys that a session holds, ascending. */
  heldBy(session: string): string[] {
    return [...this.#held.get(session) ?? []].sort()
  }

  /** Copies the value. */
  put(entry: KvEntry): void {
    this.#remember(entry.key)
    this.#place(entry)
  }

  /** An entry of a snapshot, which `decodeKvRecord` has found well-formed; copies it. Not in a transaction. */
  putRecord(record: Buffer): void {
    invariant(this.#before === null, () => 'a record of a snapshot comes within a transaction')
    const view = new DataView(record.buffer, record.byteOffset, record.byteLength)
    const session = readSession(record, view, 0)
    // Mostly nothing is held, and then there is nothing to be looked up.
    if (session !== null || this.#held.size > 0) this.#hold(readKey(record, view, 0), session)
    this.#pages.put(record)
  }

  /** Whether there was one. */
  remove(key: string): boolean {
    if (this.#pages.find(key) === null) return false
    this.#remember(key)
    this.#displace(key)
    return true
  }

  /** All as they are now, ascending, as records of a snapshot, read a few at a time while they change. Views, until `release`, which must be called. */
  capture(): { readonly records: Iterable<Uint8Array>, release(): void } {
    return this.#pages.capture()
  }

  /** From here on all can be taken back. */
  begin(): void {
    invariant(this.#before === null, () => 'a transaction has begun already')
    this.#before = new Map()
  }

  /** Keeps all since `begin`; gives the keys that were touched. */
  commit(): string[] {
    return [...this.#end().keys()]
  }

  /** Takes back all since `begin`. */
  rollback(): void {
    for (const [key, entry] of this.#end()) {
      if (entry !== null) this.#place(entry)
      else if (this.#pages.find(key) !== null) this.#displace(key)
    }
  }

  #end(): Map<string, KvEntry | null> {
    const before = this.#before
    invariant(before !== null, () => 'no transaction has begun')
    this.#before = null
    return before
  }

  #remember(key: string): void {
    if (this.#before !== null && !this.#before.has(key)) this.#before.set(key, this.get(key))
  }

  #place(entry: KvEntry): void {
    const { key, session } = entry
    if (session !== null || this.#held.size > 0) this.#hold(key, session)
    const page = this.#pages.place(key, (keyBytes) => entryBytes(entry, keyBytes))
    writeEntry(page.bytes, page.view, this.#pages.record, entry)
  }

  #displace(key: string): void {
    if (this.#held.size > 0) this.#hold(key, null)
    this.#pages.remove(key)
  }

  /** The key is to be held by `session`, and by no other. */
  #hold(key: string, session: string | null): void {
    const page = this.#pages.find(key)
    const before = page === null ? null : readSession(page.bytes, page.view, this.#pages.record)
    if (before === session) return
    if (before !== null) {
      const held = this.#held.get(before)!
      held.delete(key)
      if (held.size === 0) this.#held.delete(before)
    }
    if (session === null) return
    const held = this.#held.get(session)
    if (held === undefined) this.#held.set(session, new Set([key]))
    else held.add(key)
  }
}
