import type { ApiHandler } from './api/exchange.ts'
import { makeApi } from './api/routes.ts'
import { Discovery } from './agent/discovery.ts'
import { unreachable } from './base/assert.ts'
import type { Log } from './base/log.ts'
import type { Random } from './base/random.ts'
import type { Scheduler } from './base/scheduler.ts'
import type { Trace } from './base/trace.ts'
import { type JoinEnvelope, parseEnvelope } from './driver/envelope.ts'
import { RaftDriver } from './driver/raft-driver.ts'
import { Operator } from './driver/operator.ts'
import { Requests } from './driver/requests.ts'
import { restoreNow } from './driver/snapshot-restore.ts'
import { Snapshotter } from './driver/snapshotter.ts'
import type { RaftConfig } from './raft/config.ts'
import { RaftCore } from './raft/core.ts'
import type { MemberId, Server } from './raft/entry.ts'
import type { RaftStatus } from './raft/status.ts'
import type { Transition } from './raft/ready.ts'
import { StateMachine } from './state/state-machine.ts'
import type { Disk } from './storage/disk.ts'
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
  /** Addresses of other servers, `host:port`. */
  readonly retryJoin: readonly string[]
  /** How long a request waits for a leader, or for its answer. */
  readonly rpcHoldTimeoutMs: number
  /** For the write-ahead log and snapshots alone. */
  readonly disk: Disk
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
 * reads the disk and throws WalCorruptError or SnapshotCorruptError where that cannot be trusted.
 */
export class RegistryNode {
  /** The HTTP API, apart from sockets. */
  readonly handle: ApiHandler
  readonly #options: RegistryNodeOptions
  readonly #core: RaftCore
  readonly #driver: RaftDriver
  readonly #requests: Requests
  readonly #discovery: Discovery
  readonly #operator: Operator
  readonly #stateMachine = new StateMachine()
  #garbageCount = 0

  constructor(options: RegistryNodeOptions) {
    this.#options = options
    const { id, name, random, scheduler, log, transport } = options
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
        this.#requests.applied(appliedIndex)
        this.#operator.check(appliedIndex)
      },
      snapshotter: (driver) => new Snapshotter({
        core: this.#core, config: options.raftConfig, store: recovered.store, wal: recovered.wal, stateMachine: this.#stateMachine,
        scheduler, log, onInstalled: (head) => driver.installed(head), onProgress: () => driver.schedulePump(), onFatal: options.onFatal,
      }),
    })
    this.#requests = new Requests({
      scheduler, driver: this.#driver, address: transport.address, holdTimeoutMs: options.rpcHoldTimeoutMs,
      firstCallId: firstCallId(random, scheduler),
      leader: () => this.#core.isLeader ? 'local' : this.leaderAddress,
      send: (address, envelope) => transport.send(address, envelope),
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
    this.handle = makeApi({
      ...options,
      kv: this.#stateMachine.kv,
      address: transport.address,
      write: (command, done) => this.#requests.write(command, done),
      awaitRead: (mode, done) => this.#requests.read(mode, done),
      status: () => this.#core.status(),
      operator: this.#operator,
      appliedIndex: () => this.#driver.appliedIndex,
      leaderAddress: () => this.leaderAddress,
      peerAddresses: () => this.#core.configuration.voters.map((voter) => voter.address),
    })
  }

  start(): void {
    const { transport } = this.#options
    transport.onMessage((message) => this.#receive(message))
    transport.onPeerLost?.((address) => this.#onPeerLost(address))
    this.#driver.start()
    this.#discovery.start()
  }

  /** Ends all activity; open requests are answered. The transport and the disk belong to the caller. */
  stop(): void {
    this.#discovery.stop()
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

  /** Non-voters too. */
  #servers(): readonly Server[] {
    const { voters, nonVoters } = this.#core.configuration
    return nonVoters === undefined ? voters : [...voters, ...nonVoters]
  }

  #addressOf(id: MemberId): string | null {
    for (const server of this.#servers()) if (server.id === id) return server.address
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
      case 'join':
        this.#discovery.receive(envelope)
        return this.#takeIn(envelope)
      default: return unreachable(envelope)
    }
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
    if (role === 'leader') log.info('this server is the leader', { term })
    else log.info(`${role}`, { term, leader: leader ?? 'unknown' })
    this.#requests.leaderChanged()
    this.#operator.check()
  }
}

/** Another for each life, by the clock too: a simulation may give each life the same chance. Leaves 2^20 numbers to the next. */
function firstCallId(random: Random, scheduler: Scheduler): number {
  return ((random.split('calls').uint32() ^ Math.trunc(scheduler.wallMs())) >>> 0) * 2 ** 20 + 1
}
