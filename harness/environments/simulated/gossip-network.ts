import type { Random } from '../../../node/base/random.ts'
import type { GossipNetwork, RequestOutcome } from '../../../node/gossip/network.ts'
import type { Climate } from './climate.ts'
import type { EventQueue } from './event-queue.ts'
import type { Path, Paths } from './path.ts'
import { openConnection, type ReliablePorts, sendReliably } from './reliable.ts'

/** What a datagram carries besides its content. */
const datagramHeaderBytes = 28
/** A socket whose process stands still drops what comes beyond so many datagrams. */
const socketPacketsMax = 250

export interface GossipNetworkOptions {
  readonly queue: EventQueue
  readonly random: Random
  readonly climate: Climate
  readonly paths: Paths
  readonly hostOf: (member: string) => string
  /** Steady, one way, on all links. */
  readonly delayMs: () => number
  /** How much waits for a member whose process does not run; 0 where it runs. */
  readonly backlog: (member: string) => number
}

/** From one member to another. */
interface Way {
  readonly to: string
  readonly datagrams: Path
  readonly there: Path
  readonly back: Path
  readonly random: Random
}

interface Endpoint {
  readonly guard: (task: () => void) => void
  packet: (from: string, bytes: Uint8Array) => void
  answer: (bytes: Uint8Array) => Uint8Array | null
}

/** Members' gossip ports: datagrams, which the paths may lose, repeat, overtake and damage, and connections of one request and one answer. */
export class SimulatedGossipNetwork {
  readonly #options: GossipNetworkOptions
  readonly #endpoints = new Map<string, Endpoint>()
  /** By the source's name, then by the target's address. */
  readonly #ways = new Map<string, Map<string, Way>>()

  constructor(options: GossipNetworkOptions) {
    this.#options = options
    const { paths, random } = options
    for (const from of paths.members) {
      this.#ways.set(from, new Map(paths.members.filter((to) => to !== from).map((to) => [this.addressOf(to), {
        to, datagrams: paths.of(from, to, 'gossip-udp'), there: paths.of(from, to, 'gossip-tcp'), back: paths.of(to, from, 'gossip-tcp'),
        random: random.split(`${from}>${to}`),
      }])))
    }
  }

  addressOf(member: string): string {
    return `${this.#options.hostOf(member)}:8301`
  }

  /** The port of one life of `member`. After `disconnect` it is dead. */
  connect(member: string, guard: (task: () => void) => void): GossipNetwork {
    const endpoint: Endpoint = { guard, packet: () => {}, answer: () => null }
    this.#endpoints.set(member, endpoint)
    const ways = this.#ways.get(member)!
    const ownAddress = this.addressOf(member)
    const isOpen = () => this.#endpoints.get(member) === endpoint
    return {
      address: ownAddress,
      sendPacket: (address, bytes) => {
        const way = ways.get(address)
        if (way !== undefined && isOpen()) this.#sendPacket(ownAddress, way, bytes)
      },
      onPacket: (receive) => { endpoint.packet = receive },
      onRequest: (answer) => { endpoint.answer = answer },
      request: (address, bytes, timeoutMs, done) => {
        const way = ways.get(address)
        const finish = (outcome: RequestOutcome) => guard(() => { if (isOpen()) done(outcome) })
        if (way === undefined) this.#options.queue.after(0, () => finish({ ok: false, reason: `connect EHOSTUNREACH ${address}` }))
        else this.#request(way, bytes, timeoutMs, finish)
      },
    }
  }

  /** The process is gone: connections to it are refused, datagrams lost. */
  disconnect(member: string): void {
    this.#endpoints.delete(member)
  }

  #sendPacket(from: string, { to, datagrams: path, random }: Way, bytes: Uint8Array): void {
    const { queue, backlog } = this.#options
    const arriveAfter = (delayMs: number, content: Uint8Array) => {
      queue.after(this.#latencyMs(random) + delayMs, () => {
        const endpoint = this.#endpoints.get(to)
        if (endpoint === undefined || backlog(to) > socketPacketsMax) return
        endpoint.guard(() => endpoint.packet(from, content))
      })
    }
    if (path.isClear) return arriveAfter(0, bytes)
    for (const { delayMs, corrupted } of path.pass(queue.nowNs, bytes.length + datagramHeaderBytes)) {
      arriveAfter(delayMs, corrupted ? withFlippedBit(bytes, random) : bytes)
    }
  }

  #request({ to, there, back, random }: Way, bytes: Uint8Array, timeoutMs: number, finish: (outcome: RequestOutcome) => void): void {
    const { queue } = this.#options
    let over = false
    const end = (outcome: RequestOutcome) => {
      if (over) return
      over = true
      queue.cancel(timeout)
      finish(outcome)
    }
    const timeout = queue.after(timeoutMs, () => end({ ok: false, reason: `no answer within ${timeoutMs} ms` }))
    const ports: ReliablePorts = { queue, latencyMs: () => this.#latencyMs(random), isOver: () => over }
    const refused = () => end({ ok: false, reason: `connect ECONNREFUSED ${this.addressOf(to)}` })
    openConnection(ports, there, back, () => {
      if (!this.#endpoints.has(to)) return refused()
      sendReliably(ports, there, bytes.length, () => {
        const endpoint = this.#endpoints.get(to)
        if (endpoint === undefined) return end({ ok: false, reason: 'ECONNRESET' })
        endpoint.guard(() => {
          const answer = endpoint.answer(bytes)
          if (answer === null) return void queue.after(ports.latencyMs(), () => end({ ok: false, reason: 'closed without an answer' }))
          sendReliably(ports, back, answer.length, () => end({ ok: true, bytes: answer }))
        })
      })
    }, refused)
  }

  #latencyMs(random: Random): number {
    return this.#options.delayMs() + this.#options.climate.linkLatencyMs(random)
  }
}

function withFlippedBit(bytes: Uint8Array, random: Random): Uint8Array {
  const damaged = bytes.slice()
  const at = random.between(0, damaged.length * 8)
  damaged[at >> 3]! ^= 1 << (at & 7)
  return damaged
}
