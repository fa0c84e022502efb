import { invariant } from '../../../node/base/assert.ts'
import type { Random } from '../../../node/base/random.ts'
import type { Transport } from '../../../node/transport/transport.ts'
import type { Cut, CutLinks, Link, ShapeLinks } from '../environment.ts'
import type { Climate } from './climate.ts'
import { DirectedLink } from './link.ts'
import type { VirtualTime } from './virtual-time.ts'

/** A probe packet takes this much longer than any ordinary message before it counts as lost. */
const probePatienceMs = 20
/** TCP's smallest retransmission timeout on Linux. */
const retransmitMsMax = 200

export interface NetworkOptions {
  readonly time: VirtualTime
  readonly random: Random
  readonly climate: Climate
  readonly members: readonly string[]
  readonly latencyMs: number
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

/** All links between members; each is directed, and has its own stream of chance. */
export class SimulatedNetwork implements CutLinks, ShapeLinks {
  readonly #options: NetworkOptions
  readonly #links = new Map<string, DirectedLink>()
  readonly #receivers = new Map<string, NetworkReceiver>()
  readonly #names = new Map<string, string>()
  #delayMs: number
  #lastCutId = 0

  constructor(options: NetworkOptions) {
    this.#options = options
    this.#delayMs = options.latencyMs
    for (const member of options.members) this.#names.set(this.addressOf(member), member)
    for (const from of options.members) {
      for (const to of options.members) if (from !== to) this.#links.set(linkName({ from, to }), this.#makeLink({ from, to }))
    }
  }

  addressOf(member: string): string {
    return `10.0.0.${this.#options.members.indexOf(member) + 1}:8300`
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
    const links = new Map(this.#options.members.filter((other) => other !== member)
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
    for (const other of this.#options.members) {
      if (other === member) continue
      this.#link({ from: member, to: other }).sourceDied()
      this.#link({ from: other, to: member }).targetDied(heard)
    }
  }

  async delayAll(delayMs: number): Promise<void> {
    this.#delayMs = delayMs
  }

  async cut(links: readonly Link[]): Promise<Cut> {
    const id = ++this.#lastCutId
    const held = links.map((link) => ({ link, directed: this.#link(link) }))
    for (const { directed } of held) directed.cut(id)
    const heal = async () => {
      for (const { directed } of held) directed.heal(id)
      const silent = await this.#probe(held.filter(({ directed }) => !directed.isCut).map(({ link }) => link), false)
      if (silent.length > 0) throw new Error(`no probe passes ${silent.join(', ')}, which are healed`)
    }
    const passed = await this.#probe(links, true)
    if (passed.length > 0) {
      await heal()
      throw new Error(`a probe passed ${passed.join(', ')}, which are cut`)
    }
    return { heal }
  }

  /** Sends a packet over each link; returns those where one arrived (`wanted`), or none did. */
  async #probe(links: readonly Link[], wanted: boolean): Promise<string[]> {
    const arrived = await Promise.all(links.map((link) => this.#options.time.promise<boolean>((resolve) => {
      const { queue } = this.#options.time
      const directed = this.#link(link)
      queue.after(this.#delayMs + 1, () => {
        if (!directed.isCut) resolve(true)
      })
      queue.after(this.#delayMs + probePatienceMs, () => resolve(false))
    })))
    return links.filter((_, i) => arrived[i] === wanted).map(linkName)
  }

  #link(link: Link): DirectedLink {
    const directed = this.#links.get(linkName(link))
    if (directed === undefined) throw new Error(`There is no link ${linkName(link)}; there are members ${this.#options.members.join(', ')}.`)
    return directed
  }

  #makeLink({ from, to }: Link): DirectedLink {
    const { time, climate, codec } = this.#options
    const random = this.#options.random.split(linkName({ from, to }))
    const cuts = random.split('cuts')
    return new DirectedLink({
      queue: time.queue,
      latencyMs: () => this.#delayMs + climate.linkLatencyMs(random),
      deliver: (message) => this.#receivers.get(to)?.message(codec === undefined ? message : codec(message)),
      targetLives: () => this.#receivers.has(to),
      reverseIsCut: () => this.#link({ from: to, to: from }).isCut,
      opened: () => this.#link({ from: to, to: from }).peerIsUp(),
      lost: () => this.#receivers.get(from)?.peerLost(this.addressOf(to)),
      cutLoses: () => cuts.chance(climate.cutLosesShare),
      retransmitMs: () => cuts.fraction() * retransmitMsMax,
    })
  }
}

function linkName({ from, to }: Link): string {
  return `${from}>${to}`
}
