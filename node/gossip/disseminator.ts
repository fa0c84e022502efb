/**
 * Infection: news travels on every datagram that is sent anyway, and on some
 * that are sent for it. News of membership goes before intents, and those
 * before user events.
 */
import type { Random } from '../base/random.ts'
import { unreachable } from '../base/assert.ts'
import { retransmitLimit } from './bounds.ts'
import { BroadcastQueue } from './broadcast-queue.ts'
import type { GossipConfig } from './config.ts'
import type { Members } from './members.ts'
import type { Alive, Dead, JoinIntent, LeaveIntent, PacketMessage, Suspect, UserEvent } from './message.ts'
import type { OutgoingPacket } from './ready.ts'
import type { TimerQueue } from './timer-queue.ts'
import { encodeMessage, encodePacket, messageOverheadBytes, packetHeaderBytes } from './wire.ts'

export type Broadcast = Suspect | Alive | Dead | JoinIntent | LeaveIntent | UserEvent

export interface DisseminatorOptions {
  readonly config: GossipConfig
  readonly members: Members
  readonly random: Random
  readonly timers: TimerQueue
  /** Of the cluster's label. */
  readonly seed: number
  readonly send: (packet: OutgoingPacket) => void
  readonly nowMs: () => number
}

export class Disseminator {
  readonly #options: DisseminatorOptions
  readonly #membership = new BroadcastQueue()
  readonly #intents = new BroadcastQueue(1024)
  readonly #events = new BroadcastQueue(1024)

  constructor(options: DisseminatorOptions) {
    this.#options = options
  }

  start(): void {
    const { config, random, timers, nowMs } = this.#options
    timers.at(nowMs() + random.fraction() * config.gossipIntervalMs, (now) => this.#gossip(now))
  }

  get queued(): number {
    return this.#membership.size + this.#intents.size + this.#events.size
  }

  get intentsQueued(): number {
    return this.#intents.size
  }

  get eventsQueued(): number {
    return this.#events.size
  }

  broadcast(message: Broadcast): void {
    const bytes = encodeMessage(message)
    switch (message.kind) {
      case 'suspect':
      case 'alive':
      case 'dead': return this.#membership.add(message.name, bytes)
      case 'join-intent':
      case 'leave-intent': return this.#intents.add(message.name, bytes)
      case 'user-event': return this.#events.add(null, bytes)
      default: return unreachable(message)
    }
  }

  /** Whether news about the member itself, of the kind, still waits to be told. */
  untold(kind: 'membership' | 'intent', name: string): boolean {
    return (kind === 'membership' ? this.#membership : this.#intents).has(name)
  }

  /** Sends messages at once, in one datagram with as much news as fits. They must fit themselves: at most two small ones. */
  send(address: string, messages: readonly PacketMessage[]): void {
    this.#send(address, messages.map((message) => encodeMessage(message)))
  }

  #gossip(nowMs: number): void {
    const { config, random, timers, members } = this.#options
    timers.at(nowMs + config.gossipIntervalMs, (now) => this.#gossip(now))
    if (this.queued === 0) return
    const told = members.sample(random, config.gossipNodes, (member) => {
      switch (member.state) {
        case 'alive':
        case 'suspect': return true
        case 'dead': return nowMs - member.stateSinceMs <= config.gossipToTheDeadMs
        case 'left': return false
        default: return unreachable(member.state)
      }
    })
    for (const member of told) {
      if (this.queued === 0) return
      this.#send(member.address, [])
    }
  }

  #send(address: string, first: Uint8Array[]): void {
    const { config, members, seed, send } = this.#options
    const transmitsMax = retransmitLimit(config.retransmitMult, members.aliveCount)
    const messages = [...first]
    let left = config.packetBytesMax - packetHeaderBytes
    for (const message of first) left -= message.length + messageOverheadBytes
    for (const queue of [this.#membership, this.#intents, this.#events]) {
      for (const news of queue.take(left, messageOverheadBytes, transmitsMax)) {
        messages.push(news)
        left -= news.length + messageOverheadBytes
      }
    }
    if (messages.length > 0) send({ address, bytes: encodePacket(messages, seed) })
  }
}
