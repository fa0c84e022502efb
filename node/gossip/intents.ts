/**
 * Serf's layer above SWIM: who means to leave, and who was told to count as
 * left. Intents are ordered by a Lamport clock; the newest about a member wins.
 */
import type { Context } from './context.ts'
import { LamportClock } from './lamport-clock.ts'
import { isUp, viewOf, type Member } from './members.ts'
import type { JoinIntent, LeaveIntent, MemberRecord } from './message.ts'

const recentMax = 1024

export class Intents {
  readonly clock = new LamportClock()
  readonly #context: Context
  /** About members that are not known, yet or any more. */
  readonly #recent = new Map<string, { readonly time: number, readonly leaving: boolean, readonly seenMs: number }>()

  constructor(context: Context) {
    this.#context = context
  }

  /** Says that this member is here to stay. */
  announceJoin(): void {
    const { members, disseminator } = this.#context
    const { self } = members
    self.intentTime = this.clock.tick()
    disseminator.broadcast({ kind: 'join-intent', name: self.name, time: self.intentTime })
  }

  /** Says that this member will leave. */
  announceLeave(): void {
    const { members, disseminator } = this.#context
    const { self } = members
    self.leaving = true
    self.intentTime = this.clock.tick()
    disseminator.broadcast({ kind: 'leave-intent', name: self.name, time: self.intentTime, prune: false })
  }

  /** Makes a failed member count as left. Whether the name is known. */
  forceLeave(name: string, prune: boolean): boolean {
    if (this.#context.members.get(name) === undefined) return false
    this.leave({ kind: 'leave-intent', name, time: this.clock.tick(), prune })
    return true
  }

  join(intent: JoinIntent): void {
    const { members, disseminator, emit } = this.#context
    if (!this.clock.witness(intent.time)) return
    const member = members.get(intent.name)
    if (member === undefined) {
      if (this.#remember(intent.name, intent.time, false)) disseminator.broadcast(intent)
      return
    }
    if (intent.time <= member.intentTime) return
    // Nobody else speaks for this member; if it was in an earlier life, the clock is past that now.
    if (member === members.self) return
    member.intentTime = intent.time
    disseminator.broadcast(intent)
    if (!member.leaving || !isUp(member.state)) return
    member.leaving = false
    emit({ kind: 'member-update', member: viewOf(member) })
  }

  leave(intent: LeaveIntent): void {
    const { members, disseminator } = this.#context
    if (!this.clock.witness(intent.time)) return
    const member = members.get(intent.name)
    if (member === undefined) {
      if (this.#remember(intent.name, intent.time, true)) disseminator.broadcast(intent)
      return
    }
    if (intent.time <= member.intentTime) return
    if (member === members.self) {
      // Somebody thought that it failed; or it is from an earlier life.
      if (!member.leaving) this.announceJoin()
      return
    }
    member.intentTime = intent.time
    disseminator.broadcast(intent)
    this.#apply(member)
    if (intent.prune && member.state === 'left') this.#forget(member)
  }

  /** A member turned up: what was heard of it before counts now. */
  joined(member: Member): void {
    const recent = this.#recent.get(member.name)
    if (recent === undefined) return
    this.#recent.delete(member.name)
    if (recent.time <= member.intentTime) return
    member.intentTime = recent.time
    if (recent.leaving) this.#apply(member)
  }

  /** What another heard about a member's intents. */
  merge({ name, state, leaving, intentTime }: MemberRecord): void {
    if (intentTime === 0) return
    if (leaving || state === 'left') this.leave({ kind: 'leave-intent', name, time: intentTime, prune: false })
    else this.join({ kind: 'join-intent', name, time: intentTime })
  }

  /** Forgets who is gone for long enough. */
  reap(): void {
    const { members, config } = this.#context
    const nowMs = this.#context.nowMs()
    for (const member of members.all()) {
      const goneMs = nowMs - member.stateSinceMs
      if (member === members.self) continue
      if ((member.state === 'dead' && goneMs >= config.failedReclaimMs) || (member.state === 'left' && goneMs >= config.leftReclaimMs)) this.#forget(member)
    }
    for (const [name, { seenMs }] of this.#recent) if (nowMs - seenMs >= config.recentIntentTimeoutMs) this.#recent.delete(name)
  }

  #apply(member: Member): void {
    const { members, emit } = this.#context
    switch (member.state) {
      case 'alive':
      case 'suspect':
        if (member.leaving) return
        member.leaving = true
        return emit({ kind: 'member-leaving', member: viewOf(member) })
      case 'dead':
        members.setState(member, 'left', this.#context.nowMs())
        return emit({ kind: 'member-leave', member: viewOf(member) })
      case 'left': return
    }
  }

  #forget(member: Member): void {
    this.#context.members.remove(member)
    this.#context.emit({ kind: 'member-reap', member: viewOf(member) })
  }

  /** Whether it is the newest about that name. */
  #remember(name: string, time: number, leaving: boolean): boolean {
    const known = this.#recent.get(name)
    if (known !== undefined && known.time >= time) return false
    if (known === undefined && this.#recent.size >= recentMax) this.#recent.delete(this.#recent.keys().next().value!)
    this.#recent.set(name, { time, leaving, seenMs: this.#context.nowMs() })
    return true
  }
}
