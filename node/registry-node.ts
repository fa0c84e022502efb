import type { ApiHandler } from './api/exchange.ts'
import { makeApi } from './api/routes.ts'
import { Discovery } from './agent/discovery.ts'
import { nodeAddresses, ServerRegistrar } from './agent/server-registrar.ts'
import { unreachable } from './base/assert.ts'
import type { Log } from './base/log.ts'
import type { Random } from './base/random.ts'
import type { Scheduler } from './base/scheduler.ts'
import type { Trace } from './base/trace.ts'
import { parseEnvelope } from './driver/envelope.ts'
import { RaftDriver } from './driver/raft-driver.ts'
import { Requests } from './driver/requests.ts'
import { LocalAgent, type LocalWorld } from './local/local-agent.ts'
import type { RaftConfig } from './raft/config.ts'
import { RaftCore } from './raft/core.ts'
import type { MemberId } from './raft/entry.ts'
import type { Transition } from './raft/ready.ts'
import type { CatalogReader } from './state/catalog.ts'
import { StateMachine } from './state/state-machine.ts'
import type { Disk } from './storage/disk.ts'
import { Wal } from './storage/wal.ts'
import { parseAddress } from './transport/address.ts'
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
  /** Addresses of other servers, `host:port`. */
  readonly retryJoin: readonly string[]
  /** How long a request waits for a leader, or for its answer. */
  readonly rpcHoldTimeoutMs: number
  /** For the write-ahead log alone. */
  readonly disk: Disk
  /** For the services and checks that are registered at this member. */
  readonly local: LocalWorld
  readonly transport: Transport & { onPeerLost?(callback: (address: string) => void): void }
  readonly scheduler: Scheduler
  readonly random: Random
  readonly log: Log
  readonly trace: Trace | null
  /** The member cannot go on: its disk failed. */
  readonly onFatal: (error: Error) => void
}

/**
 * One member: cores wired to ports. Synchronous and driven by callbacks
 * throughout, so that a simulation can run many in one thread. The constructor
 * reads the disk and throws WalCorruptError where that cannot be trusted.
 */
export class RegistryNode {
  /** The HTTP API, apart from sockets. */
  readonly handle: ApiHandler
  readonly #options: RegistryNodeOptions
  readonly #core: RaftCore
  readonly #driver: RaftDriver
  readonly #requests: Requests
  readonly #discovery: Discovery
  readonly #registrar: ServerRegistrar
  readonly #localAgent: LocalAgent
  readonly #stateMachine = new StateMachine()
  #garbageCount = 0

  constructor(options: RegistryNodeOptions) {
    this.#options = options
    const { id, name, random, scheduler, log, transport } = options
    const recovered = Wal.open(options.disk, { salt: random.split('wal').uint32(), defer: (task) => { scheduler.after(0, task) } })
    if (recovered.truncatedBytes > 0) log.warn('cut a torn write off the end of the log', { bytes: recovered.truncatedBytes })
    this.#core = new RaftCore({
      id, config: options.raftConfig, random: random.split('raft'), nowMs: scheduler.nowMs(),
      restored: { hardState: recovered.hardState, entries: recovered.entries },
    })
    this.#driver = new RaftDriver({
      name, id, scheduler, log, core: this.#core, wal: recovered.wal, stateMachine: this.#stateMachine, trace: options.trace,
      send: (message) => {
        const address = this.#addressOf(message.to)
        if (address !== null) transport.send(address, { channel: 'raft', message })
      },
      onFatal: options.onFatal,
      onTransition: (transition) => this.#onTransition(transition),
      onApplied: (appliedIndex) => this.#requests.applied(appliedIndex),
    })
    this.#requests = new Requests({
      scheduler, driver: this.#driver, address: transport.address, holdTimeoutMs: options.rpcHoldTimeoutMs,
      firstCallId: firstCallId(random, scheduler),
      leader: () => this.#core.isLeader ? 'local' : this.leaderAddress,
      send: (address, envelope) => transport.send(address, envelope),
    })
    this.#discovery = new Discovery({
      self: { id, name, address: transport.address }, bootstrapExpect: options.bootstrapExpect, retryJoin: options.retryJoin,
      scheduler, log,
      send: (address, envelope) => transport.send(address, envelope),
      formed: () => !this.#core.canBootstrap,
      bootstrap: (configuration) => this.#driver.bootstrap(configuration),
    })
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
      kv: this.#stateMachine.kv,
      catalog: this.#stateMachine.catalog,
      agent: this.#localAgent,
      address: transport.address,
      write: (command, done) => this.#requests.write(command, done),
      awaitRead: (mode, done) => this.#requests.read(mode, done),
      status: () => this.#core.status(),
      appliedIndex: () => this.#driver.appliedIndex,
      leaderAddress: () => this.leaderAddress,
      peerAddresses: () => this.#core.configuration.voters.map((voter) => voter.address),
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
    this.#driver.start()
    this.#discovery.start()
    this.#localAgent.start()
  }

  /** Ends all activity; open requests are answered. The transport and the disk belong to the caller. */
  stop(): void {
    this.#discovery.stop()
    this.#registrar.stop()
    this.#localAgent.stop()
    this.#requests.stop()
    this.#driver.stop()
  }

  /** Advertised; null if no leader is known. */
  get leaderAddress(): string | null {
    const { leader } = this.#core
    return leader === null ? null : this.#addressOf(leader)
  }

  #addressOf(id: MemberId): string | null {
    for (const voter of this.#core.configuration.voters) if (voter.id === id) return voter.address
    return this.#discovery.addressOf(id)
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
      case 'join': return this.#discovery.receive(envelope)
      default: return unreachable(envelope)
    }
  }

  #onPeerLost(address: string): void {
    for (const voter of this.#core.configuration.voters) {
      if (voter.address === address) this.#driver.peerLost(voter.id)
    }
    this.#requests.peerLost(address)
  }

  #onTransition({ term, role, leader }: Transition): void {
    const { log } = this.#options
    if (role === 'leader') log.info('this server is the leader', { term })
    else log.info(`${role}`, { term, leader: leader ?? 'unknown' })
    this.#requests.leaderChanged()
    this.#registrar.roleChanged()
    if (leader !== null) this.#localAgent.leaderChanged()
  }
}

/** Another for each life, by the clock too: a simulation may give each life the same chance. Leaves 2^20 numbers to the next. */
function firstCallId(random: Random, scheduler: Scheduler): number {
  return ((random.split('calls').uint32() ^ Math.trunc(scheduler.wallMs())) >>> 0) * 2 ** 20 + 1
}
