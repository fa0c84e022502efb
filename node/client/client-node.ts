import { BlockedQueries } from '../api/blocking.ts'
import type { ApiContext, TelemetryReader } from '../api/context.ts'
import type { ApiHandler } from '../api/exchange.ts'
import { clientTags } from '../api/members.ts'
import { makeApi } from '../api/routes.ts'
import type { Log } from '../base/log.ts'
import { noMetrics, type Metrics } from '../base/metrics.ts'
import type { Random } from '../base/random.ts'
import type { Cancel, Scheduler } from '../base/scheduler.ts'
import { randomUuid } from '../base/uuid.ts'
import { answerMessage } from '../dns/dns-message.ts'
import type { DnsForwarder } from '../dns/dns-server.ts'
import type { ReadOutcome, WriteOutcome } from '../driver/requests.ts'
import { GossipDriver } from '../gossip/gossip-driver.ts'
import type { GossipEvent } from '../gossip/ready.ts'
import { clusterMember } from '../leader/cluster-member.ts'
import { nodeAddresses } from '../agent/server-registrar.ts'
import { LocalAgent, type LocalWorld } from '../local/local-agent.ts'
import { UserEvents } from '../local/user-events.ts'
import { PeerMemory } from '../agent/peer-memory.ts'
import type { GossipOptions } from '../registry-node.ts'
import type { RaftStatus } from '../raft/status.ts'
import type { CatalogReader } from '../state/catalog.ts'
import { StateMachine } from '../state/state-machine.ts'
import { parseAddress } from '../transport/address.ts'
import type { ServerPort } from '../transport/agent-links.ts'
import { CatalogView } from './catalog-view.ts'
import { forwarding } from './forward.ts'
import { ServerCalls } from './server-calls.ts'
import { ServerRouter } from './server-router.ts'

/** Everything that a client agent needs of the world. */
export interface ClientNodeOptions {
  /** Unique in the cluster. */
  readonly name: string
  /** Survives restarts: a UUID. */
  readonly id: string
  readonly datacenter: string
  readonly version: string
  readonly nodeMeta?: Readonly<Record<string, string>>
  /** How long servers are tried. */
  readonly rpcHoldTimeoutMs: number
  /** For the services and checks that are registered at this agent. */
  readonly local: LocalWorld
  readonly servers: ServerPort
  readonly gossip: GossipOptions
  readonly scheduler: Scheduler
  readonly random: Random
  readonly log: Log
  readonly metrics?: Metrics
  readonly telemetry?: TelemetryReader | null
  /** The agent left the cluster on request: its process should end. */
  readonly onLeft?: () => void
  /** See ApiContext. */
  readonly logs?: ApiContext['logs']
  readonly reload?: ApiContext['reload']
  readonly hostInfo?: ApiContext['hostInfo']
}

/** What is answered here; all else is a server's. */
const ownPaths = /^\/v1\/(agent|event)\//
/** The servers' order is drawn anew, as Consul's router does within two to three minutes. */
const shuffleMs = 150_000
/** How often the nodes are looked up that alias checks of this agent stand for. */
const aliasRefreshMs = 5000

/**
 * A client agent: in the gossip, without Raft and without a log. It has
 * services and checks of its own, which it keeps and brings into the catalog;
 * every other request is passed on to a server. (Consul's architecture.)
 */
export class ClientNode {
  /** The HTTP API, apart from sockets. */
  readonly handle: ApiHandler
  readonly #options: ClientNodeOptions
  readonly #router: ServerRouter
  readonly #calls: ServerCalls
  readonly #gossip: GossipDriver
  readonly #view = new CatalogView()
  /** Its own services and checks. */
  readonly localAgent: LocalAgent
  readonly #userEvents: UserEvents
  readonly #blocked: BlockedQueries
  readonly #memory: PeerMemory | null
  #timers: Cancel[] = []
  #stopped = false

  constructor(options: ClientNodeOptions) {
    this.#options = options
    const { name, id, datacenter, version, nodeMeta = {}, random, scheduler, log, gossip } = options
    this.#router = new ServerRouter(random.split('router'))
    this.#calls = new ServerCalls({
      scheduler, random: random.split('calls'), log, router: this.#router, servers: options.servers, holdTimeoutMs: options.rpcHoldTimeoutMs,
    })
    this.#memory = PeerMemory.of(gossip, gossip.network.address, scheduler, log)
    this.#gossip = new GossipDriver({
      ...gossip, retryJoin: [...gossip.retryJoin, ...this.#memory?.remembered ?? []],
      name, label: datacenter, scheduler, log, random: random.split('gossip'),
      tags: clientTags({ id, datacenter, version }), onEvent: (event) => this.#onGossip(event),
    })
    const { address } = gossip.network
    const host = parseAddress(address)?.host ?? address
    this.localAgent = new LocalAgent({
      ...options.local, scheduler, log, random: random.split('local-agent'),
      catalog: this.#view.catalog, remote: { nodeCount: () => this.#view.nodeCount }, registersNode: true,
      node: { name, id, address: host, taggedAddresses: nodeAddresses(host), meta: { 'consul-network-segment': '', ...nodeMeta } },
      awaitRead: (_mode, done) => this.#lookUp([name, ...this.#aliasedNodes()], done),
      write: (command, done) => this.#write(command, done),
    })
    this.#userEvents = new UserEvents({ name, log, agent: this.localAgent, gossip: this.#gossip })
    const forward = forwarding(this.#calls, name)
    const apiRandom = random.split('api')
    const none = new StateMachine()
    this.#blocked = new BlockedQueries(scheduler, none.watches)
    // What a client agent does not have is there as it is on a server that knows nobody. No route of its own asks for it.
    const own = makeApi({
      ...options, nodeMeta, bootstrapExpect: 0, address, metrics: options.metrics ?? noMetrics, telemetry: options.telemetry ?? null,
      random: apiRandom, newUuid: () => randomUuid(apiRandom), blocked: this.#blocked,
      kv: none.kv, sessions: none.sessions, catalog: this.#view.catalog, agent: this.localAgent,
      write: (_command, done) => done({ kind: 'no-leader' }), awaitRead: (_mode, done) => done({ kind: 'no-leader' }),
      status: () => ({ ...noRaft, id }), operator: noOperator, autopilot: null, archives: null, events: this.#userEvents,
      logs: options.logs ?? null, reload: options.reload ?? (() => null), hostInfo: options.hostInfo ?? null, appliedIndex: () => 0, leaderAddress: () => null, peerAddresses: () => [],
      client: { knownServers: () => this.#router.servers.length },
      gossip: this.#gossip, leave: (done) => this.leave(done), onLeft: options.onLeft ?? (() => {}),
    })
    this.handle = (request, respond) => ownPaths.test(request.target) ? own(request, respond) : forward(request, respond)
  }

  start(): void {
    this.#gossip.start()
    this.localAgent.start()
    this.#every(shuffleMs, () => this.#router.shuffle())
    this.#every(aliasRefreshMs, () => {
      const nodes = this.#aliasedNodes()
      if (nodes.length > 0) this.#lookUp(nodes, () => {})
    })
  }

  /** Ends all activity at once; the ports belong to the caller. */
  stop(): void {
    this.#stopped = true
    for (const cancel of this.#timers.splice(0)) cancel()
    this.#gossip.stop()
    this.#memory?.stop()
    this.#blocked.stop()
    this.#userEvents.stop()
    this.localAgent.stop()
  }

  /** `done` when the others know. */
  leave(done: () => void): void {
    this.#memory?.leaving()
    this.#gossip.leave(done)
  }

  /** What its agent has looked at of the catalog, no more. */
  get catalog(): CatalogReader {
    return this.#view.catalog
  }

  get knownServers(): readonly string[] {
    return this.#router.servers.map(({ address }) => address)
  }

  /** Passes a DNS message on; what no server can be asked for fails as where there is no leader. */
  forwardDns({ domain, onlyPassing, markTruncated }: { readonly domain: string, readonly onlyPassing: boolean, readonly markTruncated: boolean }): DnsForwarder {
    const { scheduler, random, datacenter } = this.#options
    const zone = { catalog: this.#view.catalog, datacenter, domain, onlyPassing, ttl: 0 }
    return (query, over, done) => {
      const fail = () => done(answerMessage(query, over, { zone, ready: () => false, udpAnswerLimit: 0, markTruncated }, random, scheduler.wallMs()))
      this.#calls.ask({ kind: 'dns', query, over, domain, onlyPassing, markTruncated }, true, (outcome) => {
        if (outcome.kind === 'answer' && outcome.answer.kind === 'dns') done(outcome.answer.reply)
        else fail()
      })
    }
  }

  #every(intervalMs: number, task: () => void): void {
    const again = (): void => {
      const cancel = this.#options.scheduler.after(intervalMs, () => {
        this.#timers = this.#timers.filter((other) => other !== cancel)
        task()
        if (!this.#stopped) again()
      })
      this.#timers.push(cancel)
    }
    again()
  }

  #onGossip(event: GossipEvent): void {
    if (event.kind === 'user-event') return this.#userEvents.receive(event)
    if (!('member' in event)) return
    const before = this.#router.servers.length
    const members = this.#gossip.members()
    this.#memory?.members(members)
    this.#router.follow(members.flatMap((view) => {
      const member = clusterMember(view)
      return member?.server != null && member.status === 'alive' ? [{ name: member.name, address: member.server.address }] : []
    }))
    // Now somebody can be told what is registered here.
    if (before === 0 && this.#router.servers.length > 0) this.localAgent.leaderChanged()
  }

  /** Nodes other than this one that alias checks stand for. */
  #aliasedNodes(): string[] {
    const nodes = this.localAgent.state.checks().flatMap(({ spec: { method } }) => method.kind === 'alias' && method.node !== null ? [method.node] : [])
    return [...new Set(nodes)].filter((node) => node.toLowerCase() !== this.#options.name.toLowerCase())
  }

  #lookUp(nodes: readonly string[], done: (outcome: ReadOutcome) => void): void {
    this.#calls.ask({ kind: 'nodes', nodes }, true, (outcome) => {
      if (outcome.kind !== 'answer' || outcome.answer.kind !== 'nodes') return done({ kind: 'no-leader' })
      this.#view.replace(nodes, outcome.answer.registrations)
      this.#view.nodeCount = outcome.answer.count
      done({ kind: 'ready' })
    })
  }

  #write(command: Uint8Array, done: (outcome: WriteOutcome) => void): void {
    this.#calls.ask({ kind: 'apply', command }, false, (outcome) => {
      if (outcome.kind === 'failed') return done({ kind: 'no-leader' })
      if (outcome.kind === 'unknown') return done({ kind: 'no-answer', cause: outcome.problem })
      const { answer } = outcome
      switch (answer.kind) {
        case 'applied':
          this.#view.apply(command)
          return done({ kind: 'applied', index: 0, succeeded: true })
        case 'invalid':
        case 'no-leader': return done(answer)
        default: return done({ kind: 'no-answer', cause: answer.kind === 'unknown' ? answer.problem : `the server answers ${answer.kind}` })
      }
    })
  }
}

const noRaft: Omit<RaftStatus, 'id'> = {
  role: 'follower', term: 0, votedFor: null, leader: null, commitIndex: 0, lastIndex: 0, snapshotIndex: 0, durableIndex: 0,
  lastLeaderContactMs: null, configuration: { voters: [] }, followers: [],
}

const noOperator: ApiContext['operator'] = {
  remove: (_id, done) => done({ kind: 'not-leader' }),
  transfer: (_target, done) => done({ kind: 'not-leader' }),
}
