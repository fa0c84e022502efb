/**
 * One member of a gossip cluster: SWIM with Lifeguard, and serf's layer above,
 * as a synchronous machine. What its owner has to do:
 *
 * 1. Call `tick` when `nextTimerMs` has come, `receivePacket`, `answerStream`
 *    and `streamResult` when something arrived, and the commands.
 * 2. After each, take `takeReady` and carry it out: send the packets, open the
 *    streams, heed the events.
 *
 * Time never goes back. What has arrived is handed in before a tick that is
 * due: a member that was paused finds the answers that waited for it before it
 * suspects anybody.
 */
import type { Random } from '../base/random.ts'
import { invariant, unreachable } from '../base/assert.ts'
import { Awareness } from './awareness.ts'
import { pushPullPeriodMs } from './bounds.ts'
import type { GossipConfig } from './config.ts'
import type { Context } from './context.ts'
import { Disseminator } from './disseminator.ts'
import { Exchanges } from './exchanges.ts'
import { Intents } from './intents.ts'
import { isUp, Members, viewOf } from './members.ts'
import { Membership } from './membership.ts'
import { limits, type PacketMessage, type Tags } from './message.ts'
import { Prober } from './prober.ts'
import type { GossipEvent, JoinFailure, MemberView, OutgoingPacket, Ready } from './ready.ts'
import { TimerQueue } from './timer-queue.ts'
import { UserEvents } from './user-events.ts'
import { encodeStream, labelSeed, parsePacket, parseStream, tagsBytes } from './wire.ts'

export interface GossipCoreOptions {
  /** Unique in the cluster; 1 to 128 bytes. */
  readonly name: string
  /** Where others reach this member, `host:port`. */
  readonly address: string
  readonly tags: Tags
  /** Members of clusters with different labels do not understand each other. */
  readonly label: string
  readonly config: GossipConfig
  readonly random: Random
  readonly nowMs: number
}

/** What came and made no sense, since the start. */
export interface GossipCounters {
  readonly packetsSent: number
  readonly packetsReceived: number
  readonly packetsRefused: number
  readonly streamsRefused: number
}

/** Of this moment. */
export interface GossipFigures {
  /** Lamport times that the next intent, and the next user event, will have. */
  readonly memberTime: number
  readonly eventTime: number
  /** Of which news is still to be told. */
  readonly intentsQueued: number
  readonly eventsQueued: number
}

type Phase = 'member' | 'telling-intent' | 'telling-leave' | 'left'

/** A command that cannot be carried out, with the reason. */
export type CommandResult = { readonly ok: true } | { readonly ok: false, readonly error: string }

export class GossipCore {
  readonly #config: GossipConfig
  readonly #random: Random
  readonly #seed: number
  readonly #timers = new TimerQueue()
  readonly #members: Members
  readonly #awareness: Awareness
  readonly #disseminator: Disseminator
  readonly #membership: Membership
  readonly #prober: Prober
  readonly #intents: Intents
  readonly #userEvents: UserEvents
  readonly #exchanges: Exchanges
  #nowMs: number
  #phase: Phase = 'member'
  #phaseDeadlineMs = 0
  #lastJoin = 0
  #packets: OutgoingPacket[] = []
  #events: GossipEvent[] = []
  #counters = { packetsSent: 0, packetsReceived: 0, packetsRefused: 0, streamsRefused: 0 }

  /** Throws RangeError for a name, an address or tags above the limits. */
  constructor(options: GossipCoreOptions) {
    const { name, address, tags, label, config, random, nowMs } = options
    checkText('name', name, limits.nameBytesMax)
    checkText('address', address, limits.addressBytesMax)
    checkTags(tags)
    this.#config = config
    this.#random = random
    this.#nowMs = nowMs
    this.#seed = labelSeed(label)
    this.#members = new Members({ name, address, incarnation: 1, tags }, nowMs)
    this.#awareness = new Awareness(config.awarenessMaxMultiplier)
    this.#disseminator = new Disseminator({
      config, members: this.#members, random: random.split('gossip'), timers: this.#timers, seed: this.#seed,
      nowMs: () => this.#nowMs,
      send: (packet) => {
        this.#counters.packetsSent++
        this.#packets.push(packet)
      },
    })
    const context: Context = {
      config, random: random.split('probe'), timers: this.#timers, members: this.#members, awareness: this.#awareness, disseminator: this.#disseminator,
      nowMs: () => this.#nowMs,
      emit: (event) => { this.#events.push(event) },
      openStream: (...args) => this.#exchanges.open(...args),
    }
    this.#membership = new Membership(context, {
      joined: (member) => {
        this.#prober.add(member.name)
        this.#intents.joined(member)
      },
    })
    this.#prober = new Prober(context, this.#membership)
    this.#intents = new Intents(context)
    this.#userEvents = new UserEvents(context)
    this.#exchanges = new Exchanges(context, { seed: this.#seed, membership: this.#membership, intents: this.#intents, userEvents: this.#userEvents })
  }

  /** Begins to probe and to tell. Alone until `join`, or until somebody joins it. */
  start(nowMs: number): void {
    this.#advance(nowMs)
    this.#membership.announce()
    this.#intents.announceJoin()
    this.#disseminator.start()
    this.#prober.start()
    this.#every(() => this.#config.reapIntervalMs, () => this.#intents.reap())
    this.#every(() => this.#config.reconnectIntervalMs, () => { if (this.#phase === 'member') this.#exchanges.reconnect() })
    if (this.#config.pushPullIntervalMs > 0) {
      this.#every(() => pushPullPeriodMs(this.#config, this.#members.aliveCount), () => { if (this.#phase !== 'left') this.#exchanges.withSomebody() })
    }
  }

  /** Null: nothing is due ever. */
  nextTimerMs(): number | null {
    return this.#timers.nextMs()
  }

  tick(nowMs: number): void {
    this.#advance(nowMs)
    this.#timers.run(nowMs)
  }

  /** `from`: where answers go. Bytes that make no sense are counted and otherwise ignored. */
  receivePacket(nowMs: number, from: string, bytes: Uint8Array): void {
    this.#advance(nowMs)
    this.#counters.packetsReceived++
    const parsed = parsePacket(bytes, this.#seed)
    if (!parsed.ok) {
      this.#counters.packetsRefused++
      return
    }
    for (const message of parsed.value) this.#receive(from, message)
  }

  /** The answer to a request on a stream; null: none, close it. */
  answerStream(nowMs: number, bytes: Uint8Array): Uint8Array | null {
    this.#advance(nowMs)
    const parsed = parseStream(bytes, this.#seed)
    if (!parsed.ok) {
      this.#counters.streamsRefused++
      return null
    }
    switch (parsed.value.kind) {
      case 'stream-ping':
        return parsed.value.target === this.#members.self.name ? encodeStream({ kind: 'stream-ack' }, this.#seed) : null
      case 'push-pull':
        return this.#exchanges.answer(parsed.value)
      case 'stream-ack': return null
      default: return unreachable(parsed.value)
    }
  }

  /** The outcome of an opened stream: the bytes of the answer, or why there is none. */
  streamResult(nowMs: number, id: number, answer: Uint8Array | { readonly reason: string }): void {
    this.#advance(nowMs)
    if (!this.#exchanges.finish(id, answer)) this.#counters.streamsRefused++
  }

  /** Exchanges full state with the members at these addresses. An event `join-result` with the returned id says who was reached. */
  join(nowMs: number, addresses: readonly string[]): number {
    this.#advance(nowMs)
    const id = ++this.#lastJoin
    const contacted: string[] = []
    const failed: JoinFailure[] = []
    const report = () => {
      if (contacted.length + failed.length === addresses.length) this.#events.push({ kind: 'join-result', id, contacted, failed })
    }
    if (addresses.length === 0) report()
    for (const address of addresses) {
      this.#exchanges.exchange(address, true, (reason) => {
        if (reason === null) contacted.push(address)
        else failed.push({ address, reason })
        // Later than all that was said of this name before, by the clock that has just been learned.
        if (reason === null && this.#phase === 'member') this.#intents.announceJoin()
        report()
      })
    }
    return id
  }

  /** Leaves gracefully: an event `leave-complete` says when others know. Again: nothing. */
  leave(nowMs: number): void {
    this.#advance(nowMs)
    if (this.#phase !== 'member') return
    this.#intents.announceLeave()
    this.#enter('telling-intent')
    this.#every(() => this.#config.gossipIntervalMs, () => this.#proceedLeaving())
  }

  /** Makes a failed member count as left, everywhere. One that lives says so. */
  forceLeave(nowMs: number, name: string, prune: boolean): CommandResult {
    this.#advance(nowMs)
    return this.#intents.forceLeave(name, prune) ? { ok: true } : { ok: false, error: `no member is named ${JSON.stringify(name)}` }
  }

  userEvent(nowMs: number, name: string, payload: Uint8Array): CommandResult {
    this.#advance(nowMs)
    const sizeBytes = Buffer.byteLength(name) + payload.length
    const { userEventBytesMax } = this.#config
    if (sizeBytes > userEventBytesMax) return { ok: false, error: `the event has ${sizeBytes} bytes with its name, more than ${userEventBytesMax}` }
    if (Buffer.byteLength(name) > limits.nameBytesMax) return { ok: false, error: `the event's name is longer than ${limits.nameBytesMax} bytes` }
    this.#userEvents.fire(name, payload)
    return { ok: true }
  }

  /** Replaces this member's tags. Throws RangeError if they are too large. */
  setTags(nowMs: number, tags: Tags): void {
    this.#advance(nowMs)
    checkTags(tags)
    const { self } = this.#members
    self.tags = tags
    if (self.state === 'left') return
    self.incarnation++
    this.#membership.announce()
  }

  takeReady(): Ready {
    const ready = { packets: this.#packets, streams: this.#exchanges.take(), events: this.#events }
    this.#packets = []
    this.#events = []
    return ready
  }

  get self(): MemberView {
    return viewOf(this.#members.self)
  }

  /** All that are known, oneself first. */
  members(): MemberView[] {
    return [...this.#members.all()].map(viewOf)
  }

  /** Lifeguard's: 0 is healthy. */
  get healthScore(): number {
    return this.#awareness.score
  }

  /** News that is still to be told. */
  get broadcastsQueued(): number {
    return this.#disseminator.queued
  }

  get figures(): GossipFigures {
    const { intentsQueued, eventsQueued } = this.#disseminator
    return { memberTime: this.#intents.clock.time, eventTime: this.#userEvents.clock.time, intentsQueued, eventsQueued }
  }

  get counters(): GossipCounters {
    return { ...this.#counters }
  }

  #advance(nowMs: number): void {
    invariant(nowMs >= this.#nowMs, () => `time went back from ${this.#nowMs} to ${nowMs} ms`)
    this.#nowMs = nowMs
  }

  /** First after a random part of the period: members that start together must not work in step. */
  #every(periodMs: () => number, run: () => void): void {
    const again = () => {
      this.#timers.at(this.#nowMs + periodMs(), again)
      run()
    }
    this.#timers.at(this.#nowMs + this.#random.fraction() * periodMs(), again)
  }

  #receive(from: string, message: PacketMessage): void {
    switch (message.kind) {
      case 'ping': return this.#prober.ping(from, message)
      case 'ping-request': return this.#prober.pingRequest(from, message)
      case 'ack': return this.#prober.ack(message)
      case 'nack': return this.#prober.nack(message)
      case 'suspect': return this.#membership.suspect(message)
      case 'alive': return this.#membership.alive(message)
      case 'dead': return this.#membership.dead(message)
      case 'join-intent': return this.#intents.join(message)
      case 'leave-intent': return this.#intents.leave(message)
      case 'user-event': return this.#userEvents.receive(message)
      default: return unreachable(message)
    }
  }

  #enter(phase: Phase): void {
    this.#phase = phase
    this.#phaseDeadlineMs = this.#nowMs + this.#config.broadcastTimeoutMs
  }

  /** Leaving goes on when the news is told, or nobody is there to hear it, or it took too long. */
  #proceedLeaving(): void {
    const { self } = this.#members
    const tell = (kind: 'membership' | 'intent') => this.#nowMs < this.#phaseDeadlineMs && this.#disseminator.untold(kind, self.name) && this.#othersUp()
    if (this.#phase === 'telling-intent' && !tell('intent')) {
      this.#prober.stop()
      this.#membership.leave()
      this.#enter('telling-leave')
    } else if (this.#phase === 'telling-leave' && !tell('membership')) {
      this.#enter('left')
      const delayMs = this.#othersUp() ? this.#config.leavePropagateDelayMs : 0
      this.#timers.at(this.#nowMs + delayMs, () => { this.#events.push({ kind: 'leave-complete' }) })
    }
  }

  #othersUp(): boolean {
    for (const member of this.#members.all()) if (member !== this.#members.self && isUp(member.state)) return true
    return false
  }
}

function checkText(what: string, text: string, bytesMax: number): void {
  const bytes = Buffer.byteLength(text)
  if (bytes < 1 || bytes > bytesMax || !text.isWellFormed()) throw new RangeError(`a member's ${what} has 1 to ${bytesMax} bytes of UTF-8, but ${JSON.stringify(text)} has ${bytes}`)
}

function checkTags(tags: Tags): void {
  const bytes = tagsBytes(tags)
  if (bytes > limits.tagsBytesMax) throw new RangeError(`the tags have ${bytes} bytes, more than ${limits.tagsBytesMax}`)
}
