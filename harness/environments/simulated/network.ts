import { invariant } from '../../../node/base/assert.ts'
import type { Random } from '../../../node/base/random.ts'
import type { Transport } from '../../../node/transport/transport.ts'
import type { Link, ShapeLinks } from '../environment.ts'
import type { Climate } from './climate.ts'
import { DirectedLink } from './link.ts'
import type { Paths } from './path.ts'
import type { VirtualTime } from './virtual-time.ts'
import { wireBytes } from './wire-bytes.ts'

/** TCP's smallest retransmission timeout on Linux. */
const retransmitMsMax = 200

export interface NetworkOptions {
  readonly time: VirtualTime
  readonly random: Random
  readonly climate: Climate
  /** What its links meet on their ways. */
  readonly paths: Paths
  readonly latencyMs: number
  /** The member's process stands still. */
  readonly stands?: (member: string) => boolean
  /** It has no file descriptor left for a connection. */
  readonly isFull?: (member: string) => boolean
  /** Put between sender and receiver; a test proves by it that all messages survive the real codec. Default: the very same object. */
  readonly codec?: (message: unknown) => unknown
}

/** What one life of a member hears of the network. */
export interface NetworkReceiver {
  readonly message: (message: unknown) => void
  /** The advertised address of a member to which a connection broke. */
  readonly peerLost: (address: string) => void
}

/** A member's transport, and the way to cut it loose when it dies. */
export type SimulatedTransport = Transport & { onPeerLost(callback: (address: string) => void): void }

/** All links between servers' ports; each is directed, and has its own stream of chance. */
export class SimulatedNetwork implements ShapeLinks {
  readonly #options: NetworkOptions
  readonly #links = new Map<string, DirectedLink>()
  readonly #receivers = new Map<string, NetworkReceiver>()
  #delayMs: number

  constructor(options: NetworkOptions) {
    this.#options = options
    this.#delayMs = options.latencyMs
    const { members } = options.paths
    for (const from of members) {
      for (const to of members) if (from !== to) this.#links.set(linkName({ from, to }), this.#makeLink({ from, to }))
    }
  }

  addressOf(member: string): string {
    return `${this.hostOf(member)}:8300`
  }

  hostOf(member: string): string {
    return `10.0.0.${this.#options.paths.members.indexOf(member) + 1}`
  }

  /** The transport of one life of `member`. After `disconnect` it is dead. */
  connect(member: string, guard: (task: () => void) => void): SimulatedTransport {
    let receive: (message: unknown) => void = () => {}
    let peerLost: (address: string) => void = () => {}
    const receiver: NetworkReceiver = {
      message: (message) => guard(() => receive(message)),
      peerLost: (address) => guard(() => peerLost(address)),
    }
    invariant(!this.#receivers.has(member), () => `${member} is connected already`)
    this.#receivers.set(member, receiver)
    const links = new Map(this.#options.paths.members.filter((other) => other !== member)
      .map((other) => [this.addressOf(other), this.#link({ from: member, to: other })]))
    const isConnected = () => this.#receivers.get(member) === receiver
    return {
      address: this.addressOf(member),
      send: (address, message) => {
        if (isConnected()) links.get(address)?.send(message)
      },
      onMessage: (callback) => { receive = callback },
      onPeerLost: (callback) => { peerLost = callback },
      close: () => { if (isConnected()) this.disconnect(member, true) },
    }
  }

  /** The member is gone. `heard`: its connections were reset, so that the others know at once. */
  disconnect(member: string, heard: boolean): void {
    this.#receivers.delete(member)
    for (const other of this.#options.paths.members) {
      if (other === member) continue
      this.#link({ from: member, to: other }).sourceDied()
      this.#link({ from: other, to: member }).targetDied(heard)
    }
  }

  async delayAll(delayMs: number): Promise<void> {
    this.#delayMs = delayMs
  }

  /** Steady, one way, on all links. */
  get delayMs(): number {
    return this.#delayMs
  }

  /** How many connections of a member's server port are established, of both directions. */
  openConnections(member: string): number {
    let count = 0
    for (const other of this.#options.paths.members) {
      if (other === member) continue
      if (this.#link({ from: member, to: other }).isOpen) count++
      if (this.#link({ from: other, to: member }).isOpen) count++
    }
    return count
  }

  #link(link: Link): DirectedLink {
    const directed = this.#links.get(linkName(link))
    if (directed === undefined) throw new Error(`There is no link ${linkName(link)}; there are members ${this.#options.paths.members.join(', ')}.`)
    return directed
  }

  #makeLink({ from, to }: Link): DirectedLink {
    const { time, climate, codec, paths, stands, isFull = () => false } = this.#options
    const random = this.#options.random.split(linkName({ from, to }))
    const cuts = random.split('cuts')
    return new DirectedLink({
      queue: time.queue,
      path: paths.of(from, to, 'raft'),
      reverse: paths.of(to, from, 'raft'),
      sizeBytes: wireBytes,
      latencyMs: () => this.#delayMs + climate.linkLatencyMs(random),
      deliver: (message) => this.#receivers.get(to)?.message(codec === undefined ? message : codec(message)),
      targetLives: () => this.#receivers.has(to) && !isFull(to) && !isFull(from),
      targetStands: () => stands?.(to) ?? false,
      opened: () => this.#link({ from: to, to: from }).peerIsUp(),
      lost: () => this.#receivers.get(from)?.peerLost(this.addressOf(to)),
      cutLoses: () => cuts.chance(climate.cutLosesShare),
      retransmitMs: () => cuts.fraction() * retransmitMsMax,
      missedSoon: () => cuts.chance(0.5),
    })
  }
}

function linkName({ from, to }: Link): string {
  return `${from}>${to}`
}
