import { seededRandom, type Random } from '../../../node/base/random.ts'
import type { Cut, CutLinks, Link, ShapeLinks, Traffic } from '../capabilities.ts'
import { ClientRoutes } from './client-routes.ts'
import { Disturber } from './disturber.ts'
import { Gate } from './gate.ts'
import { LaneCutter } from './lane-cutter.ts'
import { carries, clientsEnd, linkName, type Conversation, type Door, type Lane, type Way } from './lanes.ts'
import { LinkProber } from './link-probe.ts'
import { LinkProxy } from './link-proxy.ts'
import type { Endpoint } from './tcp-relay.ts'

/** A port of a member. */
export interface Service {
  readonly conversation: Conversation
  readonly endpoint: Endpoint
  /** Hears datagrams too, on the same port. */
  readonly udp: boolean
}

export interface FabricMember {
  readonly name: string
  readonly services: readonly Service[]
}

/**
 * All links between members, and from clients to members: for each link and port
 * a door that the sender dials instead of the receiver. Every door forwards to
 * a member's own address; bytes that come back over a dialled connection belong
 * to the opposite link. Each direction of each protocol of each door is a lane,
 * with a gate of its own.
 */
export class LinkFabric implements CutLinks, ShapeLinks {
  readonly traffics: readonly Traffic[]
  readonly disturber: Disturber
  readonly cutter: LaneCutter
  readonly prober: LinkProber
  readonly #doors: Door[] = []
  readonly #lanes: Lane[] = []
  readonly #routes = new ClientRoutes()

  private constructor(prober: LinkProber, probeDeadlineMs: number, members: readonly FabricMember[]) {
    this.prober = prober
    const between = members.flatMap(({ services }) => services.filter(({ conversation }) => conversation !== 'client'))
    const several = new Set(between.map(({ conversation }) => conversation)).size > 1
    this.traffics = several ? ['all', 'raft', 'gossip'] : ['all']
    this.cutter = new LaneCutter(prober, this.#doors, probeDeadlineMs)
    this.disturber = new Disturber({
      prober, doors: this.#doors, lanes: (links, traffic) => this.lanes(links, traffic),
      kinds: ['loss', 'delay', 'corrupt', 'bandwidth', 'mtu', ...between.some(({ udp }) => udp) ? ['duplicate', 'reorder'] as const : []],
      traffics: this.traffics, routeClients: (member) => this.#routes.route(member),
    })
  }

  /**
   * @param host address on which the doors listen
   * @param random for loss, jitter and the like
   * @param probeDeadlineMs a link that does not pass a probe for so long after healing has not healed
   */
  static async open(members: readonly FabricMember[], host: string, probeDeadlineMs = 5_000, random: Random = seededRandom(0)): Promise<LinkFabric> {
    const fabric = new LinkFabric(await LinkProber.open(host), probeDeadlineMs, members)
    try {
      for (const to of members) {
        for (const service of to.services) {
          const dialling = service.conversation === 'client' ? [clientsEnd] : members.filter(({ name }) => name !== to.name).map(({ name }) => name)
          for (const from of dialling) await fabric.#openDoor({ from, to: to.name }, service, host, random)
        }
      }
      return fabric
    } catch (error) {
      fabric.close()
      throw error
    }
  }

  /** For one member: each other member's advertised `host:port`, and the door to dial instead. */
  dialMap(from: string): Record<string, string> {
    return Object.fromEntries(this.#doors.filter(({ link }) => link.from === from).map(({ target, proxy }) => [textOf(target), textOf(proxy.endpoint)]))
  }

  /** By which clients reach a member while something hinders them. */
  clientDoor(member: string): Door | undefined {
    return this.#doors.find(({ link, conversation }) => conversation === 'client' && link.to === member)
  }

  /** Where clients reach a member by its door. */
  get routes(): ClientRoutes {
    return this.#routes
  }

  get doors(): readonly Door[] {
    return this.#doors
  }

  /** Everything that goes one way through one door, clients' requests too. */
  get everyLane(): readonly Lane[] {
    return this.#lanes
  }

  /** What `from` says to `to`, and answers. */
  lanes(links: readonly Link[], traffic: Traffic): readonly Lane[] {
    return links.flatMap((link) => {
      const its = this.#lanes.filter((lane) => linkName(lane.link) === linkName(link) && carries('all', lane.conversation))
      if (its.length === 0) throw new RangeError(`there is no link ${linkName(link)}`)
      return its.filter(({ conversation }) => carries(traffic, conversation))
    })
  }

  /** Links over which no member has said anything of this traffic yet. */
  unusedLinks(traffic: Traffic = 'all'): Link[] {
    const used = new Map<string, { link: Link, carried: number }>()
    for (const { link, conversation, proxy } of this.#doors) {
      if (!carries(traffic, conversation)) continue
      const seen = used.get(linkName(link)) ?? { link, carried: 0 }
      used.set(linkName(link), { link, carried: seen.carried + proxy.carried })
    }
    return [...used.values()].filter(({ carried }) => carried === 0).map(({ link }) => link)
  }

  async cut(links: readonly Link[], traffic: Traffic = 'all'): Promise<Cut> {
    if (!this.traffics.includes(traffic)) throw new Error(`These links carry ${this.traffics.join(' and ')}; ${traffic} cannot be cut alone.`)
    return await this.cutter.cut(this.lanes(links, traffic))
  }

  async delayAll(delayMs: number): Promise<void> {
    if (!(delayMs >= 0)) throw new RangeError(`a delay of ${delayMs} ms is not possible`)
    for (const { gate, conversation } of this.#lanes) if (conversation !== 'client') gate.delay(delayMs)
  }

  /** Ends every connection at once; gates stay as they are. */
  close(): void {
    for (const { proxy } of this.#doors) proxy.close()
    this.prober.close()
  }

  async #openDoor(link: Link, { conversation, endpoint: target, udp }: Service, host: string, random: Random): Promise<void> {
    const { mark: probeMark, echo: probeTarget } = this.prober
    const lane = (protocol: Lane['protocol'], answers: boolean): Lane => ({
      link: answers ? { from: link.to, to: link.from } : link, conversation, protocol, answers,
      gate: new Gate(random.split(`${link.from} ${link.to} ${conversation} ${protocol}${answers ? ' answers' : ''}`)),
    })
    const way = (protocol: Lane['protocol']): Way => ({ protocol, forward: lane(protocol, false), backward: lane(protocol, true) })
    const tcp = way('tcp')
    const datagrams = udp ? way('udp') : null
    const proxy = await LinkProxy.open({
      host, target, probeMark, probeTarget, forward: tcp.forward.gate, backward: tcp.backward.gate,
      udp: datagrams === null ? null : { forward: datagrams.forward.gate, backward: datagrams.backward.gate },
    })
    const ways = [tcp, ...datagrams === null ? [] : [datagrams]]
    this.#doors.push({ link, conversation, target, proxy, ways })
    this.#lanes.push(...ways.flatMap(({ forward, backward }) => [forward, backward]))
  }
}

const textOf = ({ host, port }: Endpoint) => `${host}:${port}`
