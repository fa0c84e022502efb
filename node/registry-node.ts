import { BlockedQueries } from './api/blocking.ts'
import type { TelemetryReader } from './api/context.ts'
import type { ApiHandler } from './api/exchange.ts'
import { makeApi } from './api/routes.ts'
import { serverTags } from './api/members.ts'
import { Discovery } from './agent/discovery.ts'
import { nodeAddresses, ServerRegistrar } from './agent/server-registrar.ts'
import { unreachable } from './base/assert.ts'
import type { Log } from './base/log.ts'
import { noMetrics, type Metrics } from './base/metrics.ts'
import type { Random } from './base/random.ts'
import type { Scheduler } from './base/scheduler.ts'
import type { Trace } from './base/trace.ts'
import { randomUuid } from './base/uuid.ts'
import { LockDelays } from './driver/lock-delays.ts'
import { LockGate } from './driver/lock-gate.ts'
import { Requests, type WriteOutcome } from './driver/requests.ts'
import { SessionTimers } from './driver/session-timers.ts'
import type { GossipConfig } from './gossip/config.ts'
import { GossipDriver } from './gossip/gossip-driver.ts'
import type { GossipNetwork } from './gossip/network.ts'
import type { GossipEvent } from './gossip/ready.ts'
import { LocalAgent, type LocalWorld } from './local/local-agent.ts'
import { type JoinEnvelope, parseEnvelope } from './driver/envelope.ts'
import { RaftDriver } from './driver/raft-driver.ts'
import { Operator } from './driver/operator.ts'
import { restoreNow } from './driver/snapshot-restore.ts'
import { Snapshotter } from './driver/snapshotter.ts'
import type { RaftConfig } from './raft/config.ts'
import { RaftCore } from './raft/core.ts'
import type { MemberId, Server } from './raft/entry.ts'
import type { RaftStatus } from './raft/status.ts'
import type { Transition } from './raft/ready.ts'
import type { CatalogReader } from './state/catalog.ts'
import { StateMachine } from './state/state-machine.ts'
import type { Disk } from './storage/disk.ts'
import type { TcpTransport } from './transport/tcp-transport.ts'
import { formatAddress, parseAddress } from './transport/address.ts'
import { recoverStorage } from './storage/recover.ts'
import type { Transport } from './transport/transport.ts'

/** Everything that a member needs of the world. A process and a simulation give different ones to the same code. */
export interface RegistryNodeOptions {
  /** Unique in the cluster. */
  readonly name: string
  /** Survives restarts: a UUID. */
  readonly id: MemberId
  readonly datacenter: string
  readonly version: string
  readonly raftConfig: RaftConfig
  /** 0: wait to be taken into a cluster. */
  readonly bootstrapExpect: number
  /** Addresses of other servers, `host:port`. With gossip, servers are found through it as well. */
  readonly retryJoin: readonly string[]
  /** How long a request waits for a leader, or for its answer. */
  readonly rpcHoldTimeoutMs: number
  /** For the write-ahead log and snapshots alone. */
  readonly disk: Disk
  readonly transport: Transport & Partial<Pick<TcpTransport, 'onPeerLost' | 'onUnsent' | 'takeUnsent'>>
  /** For the services and checks that are registered at this member. */
  readonly local: LocalWorld
  readonly scheduler: Scheduler
  readonly random: Random
  /** For the ids of sessions. Drawn from `random` if absent. */
  readonly newUuid?: () => string
  readonly log: Log
  readonly trace: Trace | null
  /** Default: none. */
  readonly metrics?: Metrics
  readonly telemetry?: TelemetryReader | null
  /** The member cannot go on: its disk failed. */
  readonly onFatal: (error: Error) => void
  /** Null or absent: no gossip. */
  readonly gossip?: GossipOptions | null
  /** The member left the cluster on request: its process should end. */
  readonly onLeft?: () => void
}

export interface GossipOptions {
  readonly config: GossipConfig
  readonly network: GossipNetwork
  /** Gossip addresses of any members. */
  readonly retryJoin: readonly string[]
  readonly retryJoinIntervalMs?: number
}

/**
 * One member: cores wired to ports. Synchronous and driven by callbacks
 * throughout, so that a simulation can run many in one thread. The constructor
 * reads the disk and throws WalCorruptError or SnapshotCorruptError where that cannot be trusted.
 */
export class RegistryNode {
  /** The HTTP API, apart from sockets. */
  readonly handle: ApiHandler
  readonly #options: RegistryNodeOptions
  readonly #metrics: Metrics
  readonly #core: RaftCore
  readonly #driver: RaftDriver
  readonly #requests: Requests
  readonly #discovery: Discovery
  readonly #stateMachine: StateMachine
  readonly #lockGate: LockGate
  readonly #sessionTimers: SessionTimers
  readonly #blocked: BlockedQueries
  readonly #gossip: GossipDriver | null
  readonly #registrar: ServerRegistrar
  readonly #localAgent: LocalAgent
  readonly #operator: Operator
  #garbageCount = 0
  /** Entries up to here are in the count of those applied. */
  #countedIndex = 0
  /** Waiters are left for the next turn. */
  #waking = false

  constructor(options: RegistryNodeOptions) {
    this.#options = options
    this.#metrics = options.metrics ?? noMetrics
    const { id, name, random, scheduler, log, transport } = options
    const lockDelays = new LockDelays(scheduler)
    this.#stateMachine = new StateMachine({
      renewed: (session) => this.#sessionTimers.renewed(session),
      ended: (sessionId) => this.#sessionTimers.ended(sessionId),
      lockDelayed: (key, delayMs) => lockDelays.delay(key, delayMs),
    })
    this.#sessionTimers = new SessionTimers({
      scheduler, log, sessions: this.#stateMachine.sessions,
      propose: (command, done) => this.#lockGate.propose(command, done),
    })
    const recovered = recoverStorage(options.disk, { salt: random.split('wal').uint32(), defer: (task) => { scheduler.after(0, task) } })
    if (recovered.truncatedBytes > 0) log.warn('cut a torn write off the end of the log', { bytes: recovered.truncatedBytes })
    const { snapshot } = recovered
    if (snapshot !== null) {
      restoreNow(snapshot.file, snapshot.image.read, this.#stateMachine.parts).finish()
      this.#stateMachine.restoredTo(snapshot.head.lastIndex)
    }
    this.#core = new RaftCore({
      id, config: options.raftConfig, random: random.split('raft'), nowMs: scheduler.nowMs(),
      restored: { hardState: recovered.hardState, entries: recovered.entries, snapshot },
    })
    this.#driver = new RaftDriver({
      name, id, scheduler, log, core: this.#core, wal: recovered.wal, stateMachine: this.#stateMachine, trace: options.trace,
      send: (message) => {
        const address = this.#addressOf(message.to)
        if (address !== null) transport.send(address, { channel: 'raft', message })
      },
      onFatal: options.onFatal,
      onTransition: (transition) => this.#onTransition(transition),
      onApplied: (appliedIndex) => {
        this.#metrics.count('raft.apply', appliedIndex - this.#countedIndex)
        this.#countedIndex = appliedIndex
        this.#requests.applied(appliedIndex)
        this.#operator.check(appliedIndex)
        this.#wakeWaiters()
      },
      snapshotter: (driver) => new Snapshotter({
        core: this.#core, config: options.raftConfig, store: recovered.store, wal: recovered.wal, stateMachine: this.#stateMachine,
        scheduler, log, onInstalled: (head) => driver.installed(head), onProgress: () => driver.schedulePump(), onFatal: options.onFatal,
      }),
    })
    this.#lockGate = new LockGate({ driver: this.#driver, delays: lockDelays, kv: this.#stateMachine.kv, sessions: this.#stateMachine.sessions })
    this.#requests = new Requests({
      scheduler, driver: this.#driver, address: transport.address, holdTimeoutMs: options.rpcHoldTimeoutMs,
      firstCallId: firstCallId(random, scheduler),
      propose: (command, done) => this.#lockGate.propose(command, done),
      leader: () => this.#core.isLeader ? 'local' : this.leaderAddress,
      send: (address, envelope) => transport.send(address, envelope),
      takeUnsent: (address) => transport.takeUnsent?.(address) ?? [],
    })
    this.#operator = new Operator({
      core: this.#core, id, scheduler, timeoutMs: options.rpcHoldTimeoutMs, pump: () => this.#driver.schedulePump(),
    })
    this.#discovery = new Discovery({
      self: { id, name, address: transport.address }, bootstrapExpect: options.bootstrapExpect, retryJoin: options.retryJoin,
      scheduler, log,
      send: (address, envelope) => transport.send(address, envelope),
      formed: () => !this.#core.canBootstrap,
      bootstrap: (configuration) => this.#driver.bootstrap(configuration),
    })
    this.#blocked = new BlockedQueries(scheduler, this.#stateMachine.watches)
    const apiRandom = random.split('api')
    this.#gossip = options.gossip ? new GossipDriver({
      ...options.gossip, name, label: options.datacenter, scheduler, log, random: random.split('gossip'),
      tags: serverTags({ ...options, address: transport.address }), onEvent: (event) => this.#onGossip(event),
    }) : null
    this.#registrar = new ServerRegistrar({
      scheduler, log, catalog: this.#stateMachine.catalog,
      isLeader: () => this.#core.isLeader,
      servers: () => this.#core.configuration.voters,
      awaitRead: (mode, done) => this.#requests.read(mode, done),
      write: (command, done) => this.#requests.write(command, done),
    })
    const host = parseAddress(transport.address)?.host ?? transport.address
    this.#localAgent = new LocalAgent({
      ...options.local, scheduler, log, random: random.split('local-agent'), catalog: this.#stateMachine.catalog,
      node: { name, id, address: host, taggedAddresses: nodeAddresses(host), meta: { 'consul-network-segment': '' } },
      awaitRead: (mode, done) => this.#requests.read(mode, done),
      write: (command, done) => this.#requests.write(command, done),
    })
    this.handle = makeApi({
      ...options,
      metrics: this.#metrics,
      telemetry: options.telemetry ?? null,
      random: apiRandom,
      newUuid: options.newUuid ?? (() => randomUuid(apiRandom)),
      blocked: this.#blocked,
      kv: this.#stateMachine.kv,
      sessions: this.#stateMachine.sessions,
      catalog: this.#stateMachine.catalog,
      agent: this.#localAgent,
      address: transport.address,
      write: (command, done) => this.#write(command, done),
      awaitRead: (mode, done) => this.#requests.read(mode, done),
      status: () => this.#core.status(),
      operator: this.#operator,
      appliedIndex: () => this.#driver.appliedIndex,
      leaderAddress: () => this.leaderAddress,
      peerAddresses: () => this.#core.configuration.voters.map((voter) => voter.address),
      gossip: this.#gossip,
      onLeft: options.onLeft ?? (() => {}),
    })
  }

  /** What has been applied here: for readers that take it as it stands, DNS for one. */
  get catalog(): CatalogReader {
    return this.#stateMachine.catalog
  }

  /** False until this life of the member has met a leader: its state may be of any age. */
  get hasMetLeader(): boolean {
    const { role, lastLeaderContactMs } = this.#core.status()
    return role === 'leader' || lastLeaderContactMs !== null
  }

  start(): void {
    const { transport } = this.#options
    transport.onMessage((message) => this.#receive(message))
    transport.onPeerLost?.((address) => this.#onPeerLost(address))
    transport.onUnsent?.((_address, messages) => this.#requests.unsent(messages))
    this.#driver.start()
    this.#discovery.start()
    this.#gossip?.start()
    this.#localAgent.start()
  }

  /** Ends all activity; open requests are answered. The transport and the disk belong to the caller. */
  stop(): void {
    this.#gossip?.stop()
    this.#discovery.stop()
    this.#blocked.stop()
    this.#sessionTimers.follow()
    this.#registrar.stop()
    this.#localAgent.stop()
    this.#operator.stop()
    this.#requests.stop()
    this.#driver.stop()
  }

  get raftStatus(): RaftStatus {
    return this.#core.status()
  }

  /** Advertised; null if no leader is known. */
  get leaderAddress(): string | null {
    const { leader } = this.#core
    return leader === null ? null : this.#addressOf(leader)
  }

  /** How many clients wait for a change. */
  get blockedQueries(): number {
    return this.#blocked.size
  }

  /** Some in each turn: Raft must not wait for the answers to thousands. */
  #wakeWaiters(): void {
    if (this.#waking || !this.#stateMachine.watches.flush(wakesPerTurnMax)) return
    this.#waking = true
    this.#options.scheduler.after(0, () => {
      this.#waking = false
      this.#wakeWaiters()
    })
  }

  /** Non-voters too. */
  #servers(): readonly Server[] {
    const { voters, nonVoters } = this.#core.configuration
    return nonVoters === undefined ? voters : [...voters, ...nonVoters]
  }

  #addressOf(id: MemberId): string | null {
    return this.#core.addressOf(id) ?? this.#discovery.addressOf(id)
  }

  #receive(value: unknown): void {
    const parsed = parseEnvelope(value)
    if (!parsed.ok) {
      this.#garbageCount++
      // Powers of two: a flood of garbage must not become a flood of lines.
      if ((this.#garbageCount & (this.#garbageCount - 1)) === 0) {
        this.#options.log.warn('dropped a message that makes no sense', { reason: parsed.error, droppedSoFar: this.#garbageCount })
      }
      return
    }
    const { envelope } = parsed
    switch (envelope.channel) {
      case 'raft': return this.#driver.step(envelope.message)
      case 'rpc': return this.#requests.receive(envelope)
      case 'join':
        this.#discovery.receive(envelope)
        return this.#takeIn(envelope)
      default: return unreachable(envelope)
    }
  }

  /** Servers that gossip finds are asked whether they form a cluster. */
  #onGossip(event: GossipEvent): void {
    if (event.kind !== 'member-join' || event.member.tags.role !== 'consul') return
    const host = parseAddress(event.member.address)?.host
    const port = Number(event.member.tags.port)
    if (host !== undefined && Number.isInteger(port) && port > 0) this.#discovery.addAddress(formatAddress(host, port))
  }

  #write(command: Uint8Array, done: (outcome: WriteOutcome) => void): void {
    const { scheduler } = this.#options
    const startMs = scheduler.nowMs()
    this.#requests.write(command, (outcome) => {
      this.#metrics.sample('rpc.write', scheduler.nowMs() - startMs)
      this.#metrics.count(outcomeNames[outcome.kind])
      done(outcome)
    })
  }

  /** What is so at the moment; whoever measures asks for it now and then. */
  measure(): void {
    const { role, term, lastIndex, commitIndex } = this.#core.status()
    this.#metrics.gauge('raft.applied_index', this.#driver.appliedIndex)
    this.#metrics.gauge('raft.commit_index', commitIndex)
    this.#metrics.gauge('raft.last_index', lastIndex)
    this.#metrics.gauge('raft.term', term)
    this.#metrics.gauge('raft.leader', role === 'leader' ? 1 : 0)
  }

  /** A server with an empty log looks for a cluster: the leader adds it, and it votes once it is level. It asks again until then. */
  #takeIn({ from, formed }: JoinEnvelope): void {
    if (formed || !this.#core.isLeader || this.#servers().some((server) => server.id === from.id)) return
    // Who had this address before has lost its disk, and its id with it: it goes first.
    const replaced = this.#servers().find((server) => server.address === from.address)
    if (replaced !== undefined) return this.#operator.change({ kind: 'remove', id: replaced.id }, () => {})
    this.#operator.change({ kind: 'add', server: from }, (outcome) => {
      if (outcome.kind === 'done') this.#options.log.info('took a server into the cluster', { name: from.name, address: from.address })
    })
  }

  #onPeerLost(address: string): void {
    for (const server of this.#servers()) {
      if (server.address === address) this.#driver.peerLost(server.id)
    }
    this.#requests.peerLost(address)
  }

  #onTransition({ term, role, leader }: Transition): void {
    const { log } = this.#options
    this.#metrics.count(`raft.state.${role}`)
    if (role === 'leader') log.info('this server is the leader', { term })
    else log.info(`${role}`, { term, leader: leader ?? 'unknown' })
    if (role === 'leader') {
      this.#lockGate.lead(this.#core.status().lastIndex)
      this.#sessionTimers.lead()
    } else {
      this.#sessionTimers.follow()
    }
    this.#requests.leaderChanged()
    this.#registrar.roleChanged()
    if (leader !== null) this.#localAgent.leaderChanged()
    this.#operator.check()
  }
}

const wakesPerTurnMax = 100

const outcomeNames: Readonly<Record<WriteOutcome['kind'], string>> = {
  applied: 'rpc.write.applied', invalid: 'rpc.write.invalid', 'no-leader': 'rpc.write.no_leader',
  'leadership-lost': 'rpc.write.leadership_lost', 'no-answer': 'rpc.write.no_answer',
}

/** Another for each life, by the clock too: a simulation may give each life the same chance. Leaves 2^20 numbers to the next. */
function firstCallId(random: Random, scheduler: Scheduler): number {
  return ((random.split('calls').uint32() ^ Math.trunc(scheduler.wallMs())) >>> 0) * 2 ** 20 + 1
}
