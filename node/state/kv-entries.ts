/**
 * The entries of the key-value table: by key, in order, and by the session that
 * holds them. Changes can be taken back as a whole, for transactions.
 */
import { invariant } from '../base/assert.ts'
import { CopyOnWriteMap } from './copy-on-write-map.ts'
import { SortedKeys } from './sorted-keys.ts'

/** Immutable: a change replaces it, so that a reader may keep one. */
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
  readonly #entries = new CopyOnWriteMap<KvEntry>()
  readonly #order = new SortedKeys()
  /** Session to the keys that it holds. */
  readonly #held = new Map<string, Set<string>>()
  /** What stood at each key that changed since `begin`; null outside of that. */
  #before: Map<string, KvEntry | null> | null = null

  get size(): number {
    return this.#entries.size
  }

  get(key: string): KvEntry | null {
    return this.#entries.get(key) ?? null
  }

  /** Ascending by the keys' bytes. */
  withPrefix(prefix: string): KvEntry[] {
    return this.#order.withPrefix(prefix).map((key) => this.#entries.get(key)!)
  }

  hasPrefix(prefix: string): boolean {
    return this.#order.hasPrefix(prefix)
  }

  /** The keys that a session holds, ascending. */
  heldBy(session: string): string[] {
    return [...this.#held.get(session) ?? []].sort()
  }

  put(entry: KvEntry): void {
    this.#remember(entry.key)
    this.#place(entry)
  }

  /** Whether there was one. */
  remove(key: string): boolean {
    if (!this.#entries.has(key)) return false
    this.#remember(key)
    this.#displace(key)
    return true
  }

  /** All as they are now, ascending, read a few at a time while they change. `release` must be called. */
  capture(): { readonly entries: Iterable<KvEntry>, release(): void } {
    const { get, release } = this.#entries.capture()
    const keys = this.#order.capture()
    return { entries: (function* () { for (const key of keys) yield get(key)! })(), release }
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
      else if (this.#entries.has(key)) this.#displace(key)
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
    const old = this.#entries.get(key)
    if (old === undefined) this.#order.add(key)
    if (old !== undefined && old.session !== session) this.#drop(old)
    if (session !== null && old?.session !== session) {
      const held = this.#held.get(session)
      if (held === undefined) this.#held.set(session, new Set([key]))
      else held.add(key)
    }
    this.#entries.set(key, entry)
  }

  #displace(key: string): void {
    this.#drop(this.#entries.get(key)!)
    this.#entries.delete(key)
    this.#order.remove(key)
  }

  /** Its session holds it no more. */
  #drop({ key, session }: KvEntry): void {
    if (session === null) return
    const held = this.#held.get(session)!
    held.delete(key)
    if (held.size === 0) this.#held.delete(session)
  }
}
