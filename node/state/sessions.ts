/**
 * Sessions (Consul documentation, "Sessions"): what locks are held under, and
 * what ends them. There is no time here: the leader proposes the expiry, and
 * who enforces lock-delays hears of them through the observer.
 */
import { z } from 'zod'
import { decodeRecord, encodeRecord } from './json-records.ts'
import type { PartCapture, PartRestore, SnapshotPart } from './snapshot-part.ts'
import { invariant } from '../base/assert.ts'
import { uuidProblem } from '../base/uuid.ts'
import { compareKeys } from './sorted-keys.ts'
import type { KvTable } from './kv.ts'
import type { Interest, Watches } from './watches.ts'

export type SessionBehavior = 'release' | 'delete'

export interface SessionSpec {
  /** A UUID. */
  readonly id: string
  readonly name: string
  readonly node: string
  /** For how long nobody may lock what it held when it ended against its will. Consul counts at most 60 s. */
  readonly lockDelayNs: number
  readonly behavior: SessionBehavior
  /** Go's duration as it was given; empty for a session that does not expire. */
  readonly ttl: string
  /** Ids of checks of its node; it ends when one is critical or gone. */
  readonly nodeChecks: readonly string[]
  /** The same, of services on its node. */
  readonly serviceChecks: readonly ServiceCheck[]
}

export interface ServiceCheck {
  readonly id: string
  readonly namespace: string
}

export interface Session extends SessionSpec {
  readonly createIndex: number
  readonly modifyIndex: number
}

export interface SessionReader {
  /** Of the whole table: every query of sessions has this one. At least 1. */
  readonly index: number
  get(id: string): Session | null
  /** Ascending by id. */
  list(): readonly Session[]
  ofNode(node: string): readonly Session[]
  /** Where the session was created or last renewed; null if there is none. */
  renewedIndex(id: string): number | null
}

/** What a session leans on: the catalog. */
export interface Registrations {
  hasNode(node: string): boolean
  /** `passing`, `warning`, `critical`; null if there is none. */
  checkStatus(node: string, checkId: string): string | null
}

/** Hears, while a command is applied, what a leader has to do with clocks. Must not touch the state. */
export interface SessionObserver {
  /** Its time to live begins anew, at its creation too. */
  renewed(session: Session): void
  ended(id: string): void
  /** The key was taken from a session that ended: for `delayMs` nobody may lock it. */
  lockDelayed(key: string, delayMs: number): void
  /** The whole state is another one: an archive was restored. */
  replaced?(): void
}

const index = z.int().min(0)
const sessionRecord = z.union([
  z.strictObject({ index }),
  z.strictObject({
    session: z.object({
      id: z.string(), name: z.string(), node: z.string(), lockDelayNs: z.number(), behavior: z.enum(['release', 'delete']), ttl: z.string(),
      nodeChecks: z.array(z.string()), serviceChecks: z.array(z.object({ id: z.string(), namespace: z.string() })),
      createIndex: index, modifyIndex: index,
    }),
    renewedIndex: index,
  }),
])

export const everySession: Interest = { kind: 'table', table: 'sessions' }
const lockDelayMaxNs = 60e9

export class SessionTable implements SessionReader, SnapshotPart {
  readonly name = 'sessions'
  #sessions = new Map<string, Session>()
  #renewed = new Map<string, number>()
  #byNode = new Map<string, Set<string>>()
  readonly #kv: KvTable
  readonly #watches: Watches
  readonly #observer: SessionObserver | null
  #index = 0

  constructor(kv: KvTable, watches: Watches, observer: SessionObserver | null) {
    this.#kv = kv
    this.#watches = watches
    this.#observer = observer
  }

  get index(): number {
    return Math.max(1, this.#index)
  }

  get(id: string): Session | null {
    return this.#sessions.get(id) ?? null
  }

  list(): Session[] {
    return [...this.#sessions.values()].sort((a, b) => compareKeys(a.id, b.id))
  }

  ofNode(node: string): Session[] {
    return [...this.#byNode.get(node) ?? []].sort(compareKeys).map((id) => this.#sessions.get(id)!)
  }

  renewedIndex(id: string): number | null {
    return this.#renewed.get(id) ?? null
  }

  /** What forbids locking under `id`, in Consul's words; null for a session that lives. */
  problemOf(id: string): string | null {
    if (id === '') return 'missing session'
    const problem = uuidProblem(id)
    if (problem !== null) return `failed session lookup: index error: ${problem}`
    return this.#sessions.has(id) ? null : `invalid session ${JSON.stringify(id)}`
  }

  /** Returns why not, in Consul's words, or null. */
  create(index: number, spec: SessionSpec, registrations: Registrations): string | null {
    if (this.#sessions.has(spec.id)) return `session ${JSON.stringify(spec.id)} exists already`
    if (!registrations.hasNode(spec.node)) return 'Missing node registration'
    for (const checkId of checksOf(spec)) {
      const status = registrations.checkStatus(spec.node, checkId)
      if (status === null) return `Missing check '${checkId}' registration`
      if (status === 'critical') return `Check '${checkId}' is in critical state`
    }
    const session: Session = { ...spec, createIndex: index, modifyIndex: index }
    this.#place(session, index)
    this.#changed(index, spec.id)
    this.#observer?.renewed(session)
    return null
  }

  /** Its time to live begins anew; no reader sees a change. False if there is none. */
  renew(index: number, id: string): boolean {
    const session = this.#sessions.get(id)
    if (session === undefined) return false
    this.#renewed.set(id, index)
    this.#observer?.renewed(session)
    return true
  }

  destroy(index: number, id: string): void {
    const session = this.#sessions.get(id)
    if (session !== undefined) this.#end(index, session)
  }

  /**
   * Ends it if it was not renewed since `renewedIndex`, which is what the leader
   * knew when its time was over: a renewal that was acknowledged holds, even if
   * the expiry was on its way.
   */
  expire(index: number, id: string, renewedIndex: number): boolean {
    const session = this.#sessions.get(id)
    if (session === undefined || this.#renewed.get(id) !== renewedIndex) return false
    this.#end(index, session)
    return true
  }

  /** The node was deregistered. */
  invalidateSessionsOfNode(index: number, node: string): void {
    for (const session of this.ofNode(node)) this.#end(index, session)
  }

  /** The check became critical, or was deregistered. */
  invalidateSessionsOfCheck(index: number, node: string, checkId: string): void {
    for (const session of this.ofNode(node)) {
      if (checksOf(session).includes(checkId)) this.#end(index, session)
    }
  }

  #end(index: number, session: Session): void {
    const { id, node, behavior, lockDelayNs } = session
    this.#sessions.delete(id)
    this.#renewed.delete(id)
    const ofNode = this.#byNode.get(node)
    invariant(ofNode !== undefined && ofNode.delete(id), () => `session ${id} is not among those of its node ${node}`)
    if (ofNode.size === 0) this.#byNode.delete(node)
    this.#changed(index, id)
    const keys = this.#kv.endSession(index, id, behavior)
    if (this.#observer === null) return
    this.#observer.ended(id)
    const delayMs = Math.min(lockDelayNs, lockDelayMaxNs) / 1e6
    if (delayMs > 0) for (const key of keys) this.#observer.lockDelayed(key, delayMs)
  }

  #place(session: Session, renewedIndex: number): void {
    const { id, node } = session
    this.#sessions.set(id, session)
    this.#renewed.set(id, renewedIndex)
    const ofNode = this.#byNode.get(node)
    if (ofNode === undefined) this.#byNode.set(node, new Set([id]))
    else ofNode.add(id)
  }

  /** Sessions are few beside keys: the list is copied at once, the records are made one at a time. */
  capture(): PartCapture {
    const index = this.#index
    const sessions = this.list().map((session) => ({ session, renewedIndex: this.#renewed.get(session.id)! }))
    const records = function* () {
      yield encodeRecord({ index })
      for (const record of sessions) yield encodeRecord(record)
    }
    return { records: records(), release: () => {} }
  }

  restore(): PartRestore {
    const table = new SessionTable(this.#kv, this.#watches, null)
    return {
      add: (bytes) => {
        const record = decodeRecord(bytes, sessionRecord)
        if ('index' in record) table.#index = record.index
        else table.#place(record.session, record.renewedIndex)
      },
      finish: () => {
        this.#index = table.#index
        this.#sessions = table.#sessions
        this.#renewed = table.#renewed
        this.#byNode = table.#byNode
      },
    }
  }

  #changed(index: number, id: string): void {
    this.#index = index
    this.#watches.touch('sessions', id)
  }
}

/** Ids of all checks that a session leans on. */
export function checksOf({ nodeChecks, serviceChecks }: Pick<SessionSpec, 'nodeChecks' | 'serviceChecks'>): string[] {
  return [...nodeChecks, ...serviceChecks.map(({ id }) => id)]
}
