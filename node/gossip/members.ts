/** The table of members: who is known, in which state. It decides nothing. */
import type { Random } from '../base/random.ts'
import { invariant } from '../base/assert.ts'
import type { MemberRecord, MemberState, Tags } from './message.ts'
import type { MemberStatus, MemberView } from './ready.ts'
import type { Suspicion } from './suspicion.ts'

export interface Member {
  readonly name: string
  address: string
  incarnation: number
  readonly state: MemberState
  /** Since when it is in that state. */
  readonly stateSinceMs: number
  tags: Tags
  /** Said that it leaves, or was told to. */
  leaving: boolean
  /** Lamport time of the newest intent. */
  intentTime: number
  /** Invariant: not null if and only if the state is suspect. */
  suspicion: Suspicion | null
}

type Writable<T> = { -readonly [key in keyof T]: T[key] }

export class Members {
  readonly self: Member
  readonly #members = new Map<string, Writable<Member>>()
  #aliveCount = 1

  constructor(self: { name: string, address: string, incarnation: number, tags: Tags }, nowMs: number) {
    this.self = { ...self, state: 'alive', stateSinceMs: nowMs, leaving: false, intentTime: 0, suspicion: null }
    this.#members.set(self.name, this.self)
  }

  /** Believed to run, suspects too, with oneself unless one has left. */
  get aliveCount(): number {
    return this.#aliveCount
  }

  /** Known, oneself too. */
  get count(): number {
    return this.#members.size
  }

  get(name: string): Member | undefined {
    return this.#members.get(name)
  }

  all(): IterableIterator<Member> {
    return this.#members.values()
  }

  add(record: { name: string, address: string, incarnation: number, tags: Tags }, nowMs: number): Member {
    invariant(!this.#members.has(record.name), () => `${record.name} is known already`)
    const member: Member = { ...record, state: 'alive', stateSinceMs: nowMs, leaving: false, intentTime: 0, suspicion: null }
    this.#members.set(record.name, member)
    this.#aliveCount++
    return member
  }

  /** Also ends a suspicion; who begins one sets it afterwards. */
  setState(member: Member, state: MemberState, nowMs: number): void {
    this.#aliveCount += Number(isUp(state)) - Number(isUp(member.state))
    const writable = member as Writable<Member>
    writable.suspicion = null
    if (writable.state === state) return
    writable.state = state
    writable.stateSinceMs = nowMs
  }

  remove(member: Member): void {
    invariant(!isUp(member.state), () => `${member.name} is ${member.state}: only who is gone can be forgotten`)
    this.#members.delete(member.name)
  }

  /** Up to `count` others that qualify, at random. */
  sample(random: Random, count: number, qualifies: (member: Member) => boolean): Member[] {
    const candidates: Member[] = []
    for (const member of this.#members.values()) if (member !== this.self && qualifies(member)) candidates.push(member)
    const chosen = Math.min(count, candidates.length)
    for (let i = 0; i < chosen; i++) {
      const j = random.between(i, candidates.length)
      ;[candidates[i], candidates[j]] = [candidates[j]!, candidates[i]!]
    }
    candidates.length = chosen
    return candidates
  }
}

/** Alive, or suspect: not given up. */
export function isUp(state: MemberState): boolean {
  return state === 'alive' || state === 'suspect'
}

export function statusOf(member: Member): MemberStatus {
  switch (member.state) {
    case 'alive':
    case 'suspect': return member.leaving ? 'leaving' : 'alive'
    case 'dead': return 'failed'
    case 'left': return 'left'
  }
}

export function viewOf(member: Member): MemberView {
  const { name, address, tags, incarnation, state } = member
  return { name, address, tags, incarnation, state, status: statusOf(member) }
}

export function recordOf(member: Member): MemberRecord {
  const { name, address, tags, incarnation, state, leaving, intentTime } = member
  return { name, address, tags, incarnation, state, leaving, intentTime }
}

export function sameTags(a: Tags, b: Tags): boolean {
  if (a === b) return true
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && a[key] === b[key])
}
