/**
 * The rules by which claims about members change what this member believes
 * (SWIM, section 4.2, with memberlist's additions). Incarnations order claims:
 * alive overrides with a higher one; suspect and dead with the same or a higher
 * one; only the member itself raises its own.
 */
import type { Context } from './context.ts'
import { isUp, sameTags, viewOf, type Member } from './members.ts'
import { isLeap, limits, type Alive, type Dead, type MemberRecord, type Suspect } from './message.ts'
import { Suspicion } from './suspicion.ts'

/** A flood of colliding members must not fill the memory. */
const conflictsReportedMax = 256

export interface MembershipHooks {
  /** A member is up that was not, or was unknown. */
  joined(member: Member): void
}

export class Membership {
  readonly #context: Context
  readonly #hooks: MembershipHooks
  readonly #conflictsReported = new Set<string>()

  constructor(context: Context, hooks: MembershipHooks) {
    this.#context = context
    this.#hooks = hooks
  }

  /** Tells others of this member as it is now. */
  announce(): void {
    const { members, disseminator } = this.#context
    const { name, address, incarnation, tags } = members.self
    disseminator.broadcast({ kind: 'alive', name, address, incarnation, tags })
  }

  alive(claim: Alive): void {
    const { members, config, emit, disseminator } = this.#context
    const nowMs = this.#context.nowMs()
    const member = members.get(claim.name)
    if (member === undefined) {
      if (members.count >= limits.membersMax || claim.incarnation >= limits.counterMax) return
      const added = members.add({ name: claim.name, address: claim.address, incarnation: claim.incarnation, tags: claim.tags }, nowMs)
      disseminator.broadcast(claim)
      this.#hooks.joined(added)
      return emit({ kind: 'member-join', member: viewOf(added) })
    }
    if (isLeap(claim.incarnation, member.incarnation)) return
    const moved = claim.address !== member.address
    if (moved) {
      const reclaimable = member.state === 'left'
        || (member.state === 'dead' && config.deadNodeReclaimMs > 0 && nowMs - member.stateSinceMs >= config.deadNodeReclaimMs)
      if (member === members.self || !reclaimable) return this.#conflict(member, claim.address)
    }
    if (member === members.self) return this.#aboutSelf(claim)
    // Who takes over a name that is free cannot know the incarnation of who had it.
    if (claim.incarnation <= member.incarnation && !moved) return
    const retagged = !sameTags(claim.tags, member.tags)
    const before = member.state
    member.incarnation = claim.incarnation
    member.address = claim.address
    member.tags = claim.tags
    if (!isUp(before)) member.leaving = false
    members.setState(member, 'alive', nowMs)
    disseminator.broadcast(claim)
    if (before === 'suspect') emit({ kind: 'member-trust', member: viewOf(member) })
    if (!isUp(before)) {
      this.#hooks.joined(member)
      emit({ kind: 'member-join', member: viewOf(member) })
    } else if (retagged) emit({ kind: 'member-update', member: viewOf(member) })
  }

  suspect(claim: Suspect): void {
    const { members, config, emit, disseminator } = this.#context
    const nowMs = this.#context.nowMs()
    const member = members.get(claim.name)
    if (member === undefined || isLeap(claim.incarnation, member.incarnation)) return
    if (claim.incarnation < member.incarnation) return this.#outdated(member)
    if (member.suspicion !== null) {
      if (!member.suspicion.confirm(claim.from)) return
      disseminator.broadcast(claim)
      return this.#await(member, member.suspicion)
    }
    if (member.state !== 'alive') return
    if (member === members.self) return this.#refute(claim.incarnation, claim.from)
    const suspicion = new Suspicion(config, { from: claim.from, nowMs, members: members.aliveCount })
    member.incarnation = claim.incarnation
    members.setState(member, 'suspect', nowMs)
    member.suspicion = suspicion
    disseminator.broadcast(claim)
    emit({ kind: 'member-suspect', member: viewOf(member), from: claim.from })
    this.#await(member, suspicion)
  }

  dead(claim: Dead): void {
    const { members, emit, disseminator } = this.#context
    const member = members.get(claim.name)
    if (member === undefined || isLeap(claim.incarnation, member.incarnation)) return
    if (claim.incarnation < member.incarnation) return this.#outdated(member)
    const itself = claim.from === claim.name
    // Gone already; but that it went by its own will is news to who thought it failed.
    if (!isUp(member.state) && !(member.state === 'dead' && itself)) return
    if (member === members.self) return this.#refute(claim.incarnation, claim.from)
    member.incarnation = claim.incarnation
    const left = itself || member.leaving
    members.setState(member, left ? 'left' : 'dead', this.#context.nowMs())
    disseminator.broadcast(claim)
    emit({ kind: left ? 'member-leave' : 'member-failed', member: viewOf(member) })
  }

  /** This member goes: its last word about itself. */
  leave(): void {
    const { members, disseminator } = this.#context
    const { name, incarnation } = members.self
    members.setState(members.self, 'left', this.#context.nowMs())
    disseminator.broadcast({ kind: 'dead', name, incarnation, from: name })
  }

  /** What another believes of one member. It may be wrong of the dead: who knows them to live suspects them first, that they may refute. */
  merge(record: MemberRecord): void {
    const { name, address, incarnation, tags, state } = record
    if (state === 'alive') return this.alive({ kind: 'alive', name, address, incarnation, tags })
    const known = this.#context.members.get(name)
    if (known === undefined) return
    // Who is gone from another address is not who is here now.
    if (known.address !== address) {
      if (state === 'suspect' && isUp(known.state)) this.#conflict(known, address)
      return
    }
    if (state === 'left') return this.dead({ kind: 'dead', name, incarnation, from: name })
    this.suspect({ kind: 'suspect', name, incarnation, from: this.#context.members.self.name })
  }

  /** Sets the timer for when the suspicion runs out; an earlier one finds that it has nothing to do. */
  #await(member: Member, suspicion: Suspicion): void {
    const { timers, members } = this.#context
    const expire = () => {
      if (member.suspicion !== suspicion) return
      this.dead({ kind: 'dead', name: member.name, incarnation: member.incarnation, from: members.self.name })
    }
    if (suspicion.deadlineMs <= this.#context.nowMs()) expire()
    else timers.at(suspicion.deadlineMs, expire)
  }

  /** Somebody knows this member from an earlier life, or with tags that it has no more. */
  #aboutSelf(claim: Alive): void {
    const { self } = this.#context.members
    if (self.state === 'left' || claim.incarnation < self.incarnation) return
    if (claim.incarnation === self.incarnation && sameTags(claim.tags, self.tags)) return
    this.#raise(claim.incarnation)
  }

  /**
   * A claim that was overruled. Who still makes it of this member missed how it
   * was refuted, and would give it up: news is passed on only so many times.
   * memberlist leaves that to the next exchange of the full state.
   */
  #outdated(member: Member): void {
    const { self } = this.#context.members
    if (member === self && self.state === 'alive') this.announce()
  }

  #refute(incarnation: number, from: string): void {
    const { awareness, members, emit } = this.#context
    if (members.self.state === 'left') return
    // Who is accused is likely slow itself.
    awareness.add(1)
    this.#raise(incarnation)
    emit({ kind: 'refuted', incarnation: members.self.incarnation, from })
  }

  #raise(incarnation: number): void {
    const { self } = this.#context.members
    self.incarnation = Math.max(self.incarnation, incarnation) + 1
    this.announce()
  }

  #conflict(member: Member, otherAddress: string): void {
    const key = `${member.name}\n${member.address}\n${otherAddress}`
    if (this.#conflictsReported.has(key)) return
    if (this.#conflictsReported.size >= conflictsReportedMax) this.#conflictsReported.clear()
    this.#conflictsReported.add(key)
    this.#context.emit({ kind: 'name-conflict', name: member.name, knownAddress: member.address, otherAddress })
  }
}
