import { type Command, decodeCommand, type InvalidCommand, mayConcernLocks } from '../state/commands.ts'
import type { KvReader } from '../state/kv.ts'
import type { SessionReader } from '../state/sessions.ts'
import { checkBefore } from '../state/txn.ts'
import type { LockDelays } from './lock-delays.ts'
import type { ProposalOutcome, RaftDriver } from './raft-driver.ts'

export interface LockGatePorts {
  readonly driver: Pick<RaftDriver, 'propose' | 'appliedIndex'>
  readonly delays: Pick<LockDelays, 'isDelayed'>
  readonly kv: Pick<KvReader, 'get'>
  readonly sessions: Pick<SessionReader, 'ofNode'>
}

/**
 * What a leader looks at before it proposes, so that lock-delays hold: a clock
 * has no say in the replicated state, so what comes too early has to be turned
 * away here. A leader may not know yet, and then says "not leader", which makes
 * whoever asked try again soon:
 * - entries of earlier leaders may end sessions, and it has not applied them all;
 * - the end of a session that holds the key, or is about to, stands before the
 *   lock in its own log. (Consul lets that one through.)
 */
export class LockGate {
  readonly #ports: LockGatePorts
  #knownFromIndex = 0
  /** Sessions whose end is proposed and not applied, with how often. */
  readonly #ending = new Counts()
  /** Key to the sessions whose locks are proposed and not applied. */
  readonly #locking = new Map<string, Counts>()

  constructor(ports: LockGatePorts) {
    this.#ports = ports
  }

  /** This member leads, and its log ends at `lastIndex`. */
  lead(lastIndex: number): void {
    this.#knownFromIndex = lastIndex
  }

  /** As the driver's. A lock that comes too early is `applied` at index 0, with the refusal as its result. */
  propose(command: Uint8Array, done: (outcome: ProposalOutcome) => void): void {
    const { driver } = this.#ports
    if (!mayConcernLocks(command)) return driver.propose(command, done)
    const decoded = decodeCommand(command)
    const locks = locksOf(decoded)
    if (locks.length > 0) {
      const early = this.#tooEarly(decoded, locks)
      if (early !== null) return done(early)
    }
    const leave = this.#enter(locks, this.#endedBy(decoded))
    driver.propose(command, (outcome) => {
      leave()
      done(outcome)
    })
  }

  #tooEarly(decoded: Command | InvalidCommand, locks: readonly Lock[]): ProposalOutcome | null {
    const { driver, delays } = this.#ports
    if (driver.appliedIndex < this.#knownFromIndex || locks.some(({ key }) => this.#mayBeTaken(key))) return { kind: 'not-leader' }
    if (decoded.kind === 'lock') return delays.isDelayed(decoded.key) ? { kind: 'applied', index: 0, result: { kind: 'kv', succeeded: false } } : null
    if (decoded.kind !== 'txn') return null
    const errors = checkBefore(decoded.operations, (key) => delays.isDelayed(key))
    return errors.length === 0 ? null : { kind: 'applied', index: 0, result: { kind: 'txn', outcome: { results: [], errors } } }
  }

  /** The key is held, or is about to be, by a session that is about to end. */
  #mayBeTaken(key: string): boolean {
    if (this.#ending.size === 0) return false
    const holder = this.#ports.kv.get(key).entry?.session ?? null
    if (holder !== null && this.#ending.has(holder)) return true
    return [...this.#locking.get(key)?.names() ?? []].some((session) => this.#ending.has(session))
  }

  /**
   * Ids of the sessions that a command may end: of those that lean on a node
   * or a check, the ones that this member has applied by now.
   */
  #endedBy(command: Command | InvalidCommand): readonly string[] {
    switch (command.kind) {
      case 'session-destroy':
      case 'session-expire': return [command.id]
      case 'catalog-deregister': return this.#sessionsOf(command.node)
      case 'catalog-register': return command.checks.some(({ status }) => status === 'critical') ? this.#sessionsOf(command.node.name) : []
      case 'txn': return command.operations.flatMap((one) => one.kind === 'kv' || one.verb === 'get' ? [] : this.#sessionsOf(one.kind === 'node' ? one.node.name : one.node))
      default: return []
    }
  }

  #sessionsOf(node: string): string[] {
    return this.#ports.sessions.ofNode(node).map(({ id }) => id)
  }

  /** Returns what takes it back. */
  #enter(locks: readonly Lock[], ended: readonly string[]): () => void {
    for (const id of ended) this.#ending.add(id)
    for (const { key, session } of locks) {
      let sessions = this.#locking.get(key)
      if (sessions === undefined) this.#locking.set(key, sessions = new Counts())
      sessions.add(session)
    }
    return () => {
      for (const id of ended) this.#ending.remove(id)
      for (const { key, session } of locks) {
        const sessions = this.#locking.get(key)!
        sessions.remove(session)
        if (sessions.size === 0) this.#locking.delete(key)
      }
    }
  }
}

interface Lock {
  readonly key: string
  readonly session: string
}

/** The locks that a command tries to take. */
function locksOf(command: Command | InvalidCommand): readonly Lock[] {
  if (command.kind === 'lock') return [command]
  if (command.kind === 'txn') return command.operations.flatMap((one) => one.kind === 'kv' && one.verb === 'lock' ? [one] : [])
  return []
}

/** Names, each as often as it was added. */
class Counts {
  readonly #counts = new Map<string, number>()

  get size(): number {
    return this.#counts.size
  }

  names(): Iterable<string> {
    return this.#counts.keys()
  }

  has(name: string): boolean {
    return this.#counts.has(name)
  }

  add(name: string): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1)
  }

  remove(name: string): void {
    const left = this.#counts.get(name)! - 1
    if (left === 0) this.#counts.delete(name)
    else this.#counts.set(name, left)
  }
}
