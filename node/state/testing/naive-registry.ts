/**
 * The state machine's rules once more, as plainly as can be: lists, scanned for
 * every question, copied for every transaction. For tests: the twin that the
 * real one is compared with.
 */
import type { Command } from '../commands.ts'
import type { SessionSpec } from '../sessions.ts'
import type { KvOperation } from '../txn.ts'

export interface NaiveEntry {
  key: string
  /** Hexadecimal. */
  value: string
  flags: bigint
  createIndex: number
  modifyIndex: number
  lockIndex: number
  session: string | null
}

interface NaiveState {
  kvIndex: number
  entries: NaiveEntry[]
  graves: { key: string, index: number }[]
  sessionIndex: number
  sessions: { spec: SessionSpec, index: number, renewed: number }[]
}

export type NaiveResult = boolean | string | { readonly results: readonly NaiveEntry[], readonly errors: readonly number[] }

export class NaiveRegistry {
  state: NaiveState = { kvIndex: 0, entries: [], graves: [], sessionIndex: 0, sessions: [] }
  /** What an observer would have heard. */
  heard: string[] = []

  /** True or false; a string for a refusal; for a transaction what it showed, or the places of its errors. */
  apply(index: number, command: Command): NaiveResult {
    switch (command.kind) {
      case 'catalog-register':
      case 'catalog-deregister':
      case 'restore-begin':
      case 'restore-records':
      case 'restore-commit':
      case 'restore-abort':
      case 'autopilot-set': throw new Error(`the twin knows nothing of ${command.kind}`)
      case 'set': return this.#set(index, command, this.#find(command.key)?.session ?? null, 0)
      case 'cas': return command.modifyIndex === (this.#find(command.key)?.modifyIndex ?? 0) && this.#set(index, command, this.#find(command.key)?.session ?? null, 0)
      case 'delete': return this.#remove(index, ({ key }) => key === command.key)
      case 'delete-cas': {
        const old = this.#find(command.key)
        return old === undefined || (old.modifyIndex === command.modifyIndex && this.#remove(index, (entry) => entry === old))
      }
      case 'delete-tree': return this.#remove(index, ({ key }) => key.startsWith(command.prefix))
      case 'lock': {
        if (!this.state.sessions.some(({ spec }) => spec.id === command.session)) return 'no such session'
        const old = this.#find(command.key)
        if (old !== undefined && old.session !== null && old.session !== command.session) return false
        return this.#set(index, command, command.session, (old?.lockIndex ?? 0) + (old !== undefined && old.session === command.session ? 0 : 1))
      }
      case 'unlock': {
        if (command.session === '') return 'no session'
        const old = this.#find(command.key)
        return old !== undefined && old.session === command.session && this.#set(index, command, null, old.lockIndex)
      }
      case 'session-create':
        if (this.state.sessions.some(({ spec }) => spec.id === command.session.id)) return 'it exists'
        this.state.sessions.push({ spec: command.session, index, renewed: index })
        this.state.sessionIndex = index
        this.heard.push(`renewed ${command.session.id}`)
        return true
      case 'session-renew': {
        const session = this.state.sessions.find(({ spec }) => spec.id === command.id)
        if (session === undefined) return false
        session.renewed = index
        this.heard.push(`renewed ${command.id}`)
        return true
      }
      case 'session-destroy':
        this.#end(index, command.id)
        return true
      case 'session-expire': return this.state.sessions.some(({ spec, renewed }) => spec.id === command.id && renewed === command.renewedIndex) && this.#end(index, command.id)
      case 'txn': return this.#transact(index, command.operations as readonly KvOperation[])
    }
  }

  index(prefix: string): number {
    const under = [...this.state.entries.map(({ key, modifyIndex }) => ({ key, index: modifyIndex })), ...this.state.graves].filter(({ key }) => key.startsWith(prefix))
    const highest = prefix === '' ? 0 : Math.max(0, ...under.map(({ index }) => index))
    return Math.max(1, highest || this.state.kvIndex)
  }

  list(prefix: string): NaiveEntry[] {
    return this.state.entries.filter(({ key }) => key.startsWith(prefix)).sort((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)))
  }

  #find(key: string): NaiveEntry | undefined {
    return this.state.entries.find((entry) => entry.key === key)
  }

  #set(index: number, { key, value, flags }: { key: string, value: Uint8Array | string, flags: bigint }, session: string | null, lockIndex: number): true {
    const old = this.#find(key)
    const text = typeof value === 'string' ? value : Buffer.from(value).toString('hex')
    if (old !== undefined && old.value === text && old.flags === flags && old.session === session && old.lockIndex === lockIndex) return true
    this.state.entries = this.state.entries.filter((entry) => entry !== old)
    this.state.entries.push({ key, value: text, flags, createIndex: old?.createIndex ?? index, modifyIndex: index, lockIndex, session })
    this.state.kvIndex = index
    return true
  }

  #remove(index: number, matches: (entry: NaiveEntry) => boolean): true {
    for (const entry of this.state.entries.filter(matches)) {
      this.state.graves.push({ key: entry.key, index })
      this.state.kvIndex = index
    }
    this.state.entries = this.state.entries.filter((entry) => !matches(entry))
    return true
  }

  #end(index: number, id: string): boolean {
    const session = this.state.sessions.find(({ spec }) => spec.id === id)
    if (session === undefined) return false
    this.state.sessions = this.state.sessions.filter((other) => other !== session)
    this.state.sessionIndex = index
    this.heard.push(`ended ${id}`)
    const held = this.list('').filter((entry) => entry.session === id)
    if (session.spec.behavior === 'delete') this.#remove(index, (entry) => held.includes(entry))
    else for (const entry of held) this.#set(index, entry, null, entry.lockIndex)
    if (session.spec.lockDelayNs > 0) for (const { key } of held) this.heard.push(`delayed ${key}`)
    return true
  }

  #transact(index: number, operations: readonly KvOperation[]): NaiveResult {
    const nameless = operations.flatMap(({ verb, key }, i) => key === '' && verb !== 'delete-tree' ? [i] : [])
    if (nameless.length > 0) return { results: [], errors: nameless }
    const before = structuredClone(this.state)
    const results: NaiveEntry[] = []
    const errors: number[] = []
    for (const [i, operation] of operations.entries()) {
      const shown = this.#operate(index, operation)
      if (shown === null) errors.push(i)
      else results.push(...shown)
    }
    if (errors.length === 0) return { results, errors }
    this.state = before
    return { results: [], errors }
  }

  /** What it shows; null if it fails. */
  #operate(index: number, operation: KvOperation): NaiveEntry[] | null {
    const { verb, key, session } = operation
    const entry = this.#find(key)
    const bare = () => [{ ...this.#find(key)!, value: '' }]
    switch (verb) {
      case 'set': case 'lock': case 'unlock': return this.apply(index, { ...operation, kind: verb }) === true ? bare() : null
      case 'cas': return this.apply(index, { ...operation, kind: verb, modifyIndex: operation.index }) === true ? bare() : null
      case 'delete': return this.apply(index, { kind: verb, key }) === true ? [] : null
      case 'delete-cas': return this.apply(index, { kind: verb, key, modifyIndex: operation.index }) === true ? [] : null
      case 'delete-tree': return this.apply(index, { kind: verb, prefix: key }) === true ? [] : null
      case 'get': return entry === undefined ? null : [entry]
      case 'get-tree': return this.list(key)
      case 'check-index': return entry?.modifyIndex === operation.index ? bare() : null
      case 'check-session': return entry !== undefined && (entry.session ?? '') === session ? bare() : null
      case 'check-not-exists': return entry === undefined ? [] : null
      default: return null
    }
  }
}
