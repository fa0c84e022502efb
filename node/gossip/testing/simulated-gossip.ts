/**
 * Many gossip cores over a network in virtual time that loses, delays and
 * parts what they send. One seed, one course of events. On every step it checks
 * what must hold always: datagrams within their limit, and nobody knows a
 * higher incarnation of a member than the member ever had.
 */
import { invariant } from '../../base/assert.ts'
import { seededRandom, type Random } from '../../base/random.ts'
import { lanProfile, type GossipConfig } from '../config.ts'
import { GossipCore } from '../core.ts'
import type { Tags } from '../message.ts'
import type { GossipEvent, MemberStatus } from '../ready.ts'
import { TimerQueue } from '../timer-queue.ts'

export interface SimulationOptions {
  readonly seed: number
  readonly config?: GossipConfig
  /** Of each datagram, one way. Streams are reliable where they get through. */
  readonly lossProbability?: number
  readonly latencyMsMin?: number
  readonly latencyMsMax?: number
}

export interface SimulatedMember {
  readonly name: string
  readonly address: string
  core: GossipCore
  up: boolean
  /** What waits in the sockets of a stopped process; null: it runs. */
  inbox: (() => void)[] | null
  /** Of this process and the ones before it. */
  readonly events: TimedEvent[]
  wakeMs: number
  cancelWake: () => void
  lives: number
}

export interface TimedEvent {
  readonly atMs: number
  readonly event: GossipEvent
}

/** A socket's buffer holds so much. */
const inboxMax = 500

type Link = (from: SimulatedMember, to: SimulatedMember) => boolean

export class SimulatedGossip {
  nowMs = 0
  readonly members: SimulatedMember[] = []
  /** Every event of every member, one line each. */
  readonly trace: string[] = []
  readonly config: GossipConfig
  packetBytesMaxSeen = 0
  lossProbability: number
  /** Whether datagrams, and streams, get from one to the other. */
  packetsPass: Link = () => true
  streamsPass: Link = () => true
  readonly #options: SimulationOptions
  readonly #random: Random
  readonly #queue = new TimerQueue()
  readonly #incarnationMax = new Map<string, number>()

  constructor(options: SimulationOptions) {
    this.#options = options
    this.#random = seededRandom(options.seed)
    this.config = options.config ?? lanProfile
    this.lossProbability = options.lossProbability ?? 0
  }

  /** `count` members that know each other's first; joined, but not yet converged. */
  startCluster(count: number): void {
    for (let i = 0; i < count; i++) {
      const member = this.start(`m${i}`)
      if (i > 0) this.join(member, this.members[0]!)
    }
  }

  start(name: string, { address = `${name}:8301`, tags = {} }: { address?: string, tags?: Tags } = {}): SimulatedMember {
    const member: SimulatedMember = { name, address, core: this.#core(name, address, tags, 1), up: true, inbox: null, events: [], wakeMs: Infinity, cancelWake: () => {}, lives: 1 }
    this.members.push(member)
    member.core.start(this.nowMs)
    this.#flush(member)
    return member
  }

  join(member: SimulatedMember, other: SimulatedMember): void {
    member.core.join(this.nowMs, [other.address])
    this.#flush(member)
  }

  /** Hands a command to a member's core. */
  command<T>(member: SimulatedMember, run: (core: GossipCore, nowMs: number) => T): T {
    const result = run(member.core, this.nowMs)
    this.#flush(member)
    return result
  }

  /** kill -9: nothing is said. */
  crash(member: SimulatedMember): void {
    member.up = false
    member.inbox = null
    member.cancelWake()
    this.trace.push(`${this.nowMs.toFixed(3)} ${member.name} crashes`)
  }

  /** SIGSTOP: nothing runs, what arrives waits, as far as there is room. */
  pause(member: SimulatedMember): void {
    member.inbox ??= []
  }

  /** SIGCONT: what waited is read before timers run. */
  resume(member: SimulatedMember): void {
    const waiting = member.inbox
    if (waiting === null) return
    member.inbox = null
    for (const deliver of waiting) deliver()
    this.#tick(member)
  }

  /** A new process of the same name; it remembers nothing. */
  restart(member: SimulatedMember, tags: Tags = {}): void {
    invariant(!member.up, () => `${member.name} runs`)
    member.lives++
    member.core = this.#core(member.name, member.address, tags, member.lives)
    member.up = true
    member.wakeMs = Infinity
    member.core.start(this.nowMs)
    this.#flush(member)
  }

  /** Parts the members into groups that hear only their own. */
  partition(...groups: (readonly SimulatedMember[])[]): void {
    const groupOf = new Map(groups.flatMap((group, i) => group.map((member) => [member, i] as const)))
    this.packetsPass = this.streamsPass = (from, to) => groupOf.get(from) === groupOf.get(to)
  }

  heal(): void {
    this.packetsPass = this.streamsPass = () => true
  }

  run(durationMs: number): void {
    this.#runTo(this.nowMs + durationMs, () => false)
  }

  /** Runs until the pending reason is null; throws with the reason when the time is up. Returns how long it took. */
  runUntil(pending: () => string | null, timeoutMs: number): number {
    const startMs = this.nowMs
    let reason: string | null = pending()
    this.#runTo(startMs + timeoutMs, () => {
      reason = pending()
      return reason === null
    })
    if (reason !== null) throw new Error(`seed ${this.#options.seed}: after ${timeoutMs} ms still pending: ${reason}`)
    return this.nowMs - startMs
  }

  /** Why not all running members see these statuses; null when they do. Members not named must be seen alive if they run. */
  pendingView(expected: Readonly<Record<string, MemberStatus | 'unknown'>> = {}): string | null {
    for (const observer of this.members) {
      if (!observer.up || observer.inbox !== null) continue
      const seen = new Map(observer.core.members().map((view) => [view.name, view.status]))
      for (const subject of this.members) {
        const wanted = expected[subject.name] ?? (subject.up ? 'alive' : null)
        const actual = seen.get(subject.name) ?? 'unknown'
        if (wanted !== null && actual !== wanted) return `${observer.name} sees ${subject.name} ${actual}, not ${wanted}`
      }
    }
    return null
  }

  /** All events of a kind, of all members. */
  eventsOf<K extends GossipEvent['kind']>(kind: K): { observer: SimulatedMember, atMs: number, event: Extract<GossipEvent, { kind: K }> }[] {
    return this.members.flatMap((observer) => observer.events.flatMap(({ atMs, event }) =>
      event.kind === kind ? [{ observer, atMs, event: event as Extract<GossipEvent, { kind: K }> }] : []))
  }

  #core(name: string, address: string, tags: Tags, life: number): GossipCore {
    return new GossipCore({ name, address, tags, label: 'simulation', config: this.config, random: this.#random.split(`${name} ${address} ${life}`), nowMs: this.nowMs })
  }

  #runTo(endMs: number, stop: () => boolean): void {
    for (;;) {
      const next = this.#queue.nextMs()
      if (next === null || next > endMs) break
      this.nowMs = Math.max(this.nowMs, next)
      this.#queue.run(this.nowMs)
      if (stop()) return
    }
    this.nowMs = endMs
  }

  #latencyMs(): number {
    const { latencyMsMin = 0.2, latencyMsMax = 5 } = this.#options
    return latencyMsMin + this.#random.fraction() * (latencyMsMax - latencyMsMin)
  }

  #at(address: string): SimulatedMember | undefined {
    return this.members.find((member) => member.up && member.address === address)
  }

  #flush(member: SimulatedMember): void {
    const { packets, streams, events } = member.core.takeReady()
    const { name, incarnation } = member.core.self
    this.#incarnationMax.set(name, Math.max(this.#incarnationMax.get(name) ?? 0, incarnation))
    for (const event of events) {
      member.events.push({ atMs: this.nowMs, event })
      this.trace.push(`${this.nowMs.toFixed(3)} ${member.name} ${JSON.stringify(event)}`)
      if (!('member' in event)) continue
      const max = this.#incarnationMax.get(event.member.name) ?? 0
      invariant(event.member.incarnation <= max, () => `${member.name} knows incarnation ${event.member.incarnation} of ${event.member.name}, which never had more than ${max}`)
    }
    for (const { address, bytes } of packets) {
      invariant(bytes.length <= this.config.packetBytesMax, () => `${member.name} sends a datagram of ${bytes.length} bytes`)
      this.packetBytesMaxSeen = Math.max(this.packetBytesMaxSeen, bytes.length)
      const latencyMs = this.#latencyMs()
      if (this.#random.chance(this.lossProbability)) continue
      this.#queue.at(this.nowMs + latencyMs, () => {
        const receiver = this.#at(address)
        if (receiver === undefined || !this.packetsPass(member, receiver)) return
        this.#deliver(receiver, () => {
          receiver.core.receivePacket(this.nowMs, member.address, bytes)
          this.#flush(receiver)
        })
      })
    }
    for (const stream of streams) this.#carry(member, stream)
    this.#wake(member)
  }

  #carry(member: SimulatedMember, { id, address, bytes, timeoutMs }: { id: number, address: string, bytes: Uint8Array, timeoutMs: number }): void {
    const { core } = member
    const finish = (answer: Uint8Array | { reason: string }) => {
      if (member.core !== core || !member.up) return
      this.#deliver(member, () => {
        core.streamResult(this.nowMs, id, answer)
        this.#flush(member)
      })
    }
    this.#queue.at(this.nowMs + this.#latencyMs(), () => {
      const receiver = this.#at(address)
      // The system accepts connections for a process that is stopped, but nobody answers.
      const blocked = receiver !== undefined && !(receiver.inbox === null && this.streamsPass(member, receiver) && this.streamsPass(receiver, member))
      if (blocked) return void this.#queue.at(this.nowMs + timeoutMs, () => finish({ reason: 'timeout' }))
      if (receiver === undefined) return void this.#queue.at(this.nowMs + this.#latencyMs(), () => finish({ reason: 'connection refused' }))
      const answer = receiver.core.answerStream(this.nowMs, bytes)
      this.#flush(receiver)
      this.#queue.at(this.nowMs + this.#latencyMs(), () => finish(answer ?? { reason: 'closed without an answer' }))
    })
  }

  #wake(member: SimulatedMember): void {
    const next = member.up ? member.core.nextTimerMs() : null
    if (next === null || next === member.wakeMs) return
    member.cancelWake()
    member.wakeMs = next
    member.cancelWake = this.#queue.at(next, () => {
      member.wakeMs = Infinity
      if (member.up && member.inbox === null) this.#tick(member)
    })
  }

  #tick(member: SimulatedMember): void {
    member.core.tick(this.nowMs)
    this.#flush(member)
  }

  #deliver(member: SimulatedMember, arrive: () => void): void {
    if (member.inbox === null) arrive()
    else if (member.inbox.length < inboxMax) member.inbox.push(arrive)
  }
}
