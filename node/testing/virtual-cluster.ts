import type { ApiResponse } from '../api/exchange.ts'
import { silentLog } from '../base/log.ts'
import { type Random, seededRandom } from '../base/random.ts'
import type { Scheduler } from '../base/scheduler.ts'
import type { TraceEvent } from '../base/trace.ts'
import { randomUuid } from '../base/uuid.ts'
import { resolveGossipConfig } from '../gossip/config.ts'
import { noProbes, type Probes } from '../local/probes.ts'
import { defaultRaftConfig, type RaftConfig } from '../raft/config.ts'
import type { RaftStatus } from '../raft/status.ts'
import { RegistryNode } from '../registry-node.ts'
import { memoryDisk, type MemoryDisk } from '../storage/memory-disk.ts'
import { VirtualGossip } from './virtual-gossip.ts'

/** Virtual time for tests of members: events in order of time, then of scheduling. */
export class VirtualTime implements Scheduler {
  #nowMs = 0
  #sequence = 0
  #events: { readonly dueMs: number, readonly sequence: number, readonly task: () => void }[] = []

  nowMs = (): number => this.#nowMs
  wallMs = (): number => this.#nowMs

  after = (delayMs: number, task: () => void): (() => void) => {
    const event = { dueMs: this.#nowMs + Math.max(0, delayMs), sequence: this.#sequence++, task }
    this.#events.push(event)
    return () => { this.#events = this.#events.filter((other) => other !== event) }
  }

  /** Runs events until `reached`, at most for `limitMs`; returns whether it was reached. */
  runUntil(reached: () => boolean, limitMs: number): boolean {
    const endMs = this.#nowMs + limitMs
    while (!reached()) {
      this.#events.sort((a, b) => a.dueMs - b.dueMs || a.sequence - b.sequence)
      const next = this.#events[0]
      if (next === undefined || next.dueMs > endMs) {
        this.#nowMs = endMs
        return reached()
      }
      this.#events.shift()
      this.#nowMs = next.dueMs
      next.task()
    }
    return true
  }

  run(ms: number): void {
    this.runUntil(() => false, ms)
  }
}

const latencyMs = 1

/** Members wired to memory disks and a network of one millisecond, in one thread. */
export class VirtualCluster {
  readonly time = new VirtualTime()
  readonly traces: TraceEvent[] = []
  readonly disks = new Map<string, MemoryDisk>()
  /** Of each member's own services and checks. */
  readonly localDisks = new Map<string, MemoryDisk>()
  probes: Probes = noProbes
  readonly nodes = new Map<string, RegistryNode>()
  /** Messages from one member to another that pass; others are lost. */
  passes: (from: string, to: string) => boolean = () => true
  /** Per member, how often its disk was synced. */
  readonly syncs = new Map<string, number>()
  readonly sent: { readonly from: string, readonly to: string, readonly message: any }[] = []
  readonly #receivers = new Map<string, (message: unknown) => void>()
  readonly #names: readonly string[]
  /** One for all: a member has the same chance in each of its lives, but never the same ids. */
  readonly #uuidRandom = seededRandom(1)
  /** Null: members find each other by their servers' addresses. */
  readonly gossip: VirtualGossip | null
  /** Names of members that left on request. */
  readonly left: string[] = []

  readonly #raftConfig: RaftConfig

  constructor(members: number, raftConfig: Partial<RaftConfig> = {}, options: { readonly gossip?: boolean } = {}) {
    this.#raftConfig = { ...defaultRaftConfig, ...raftConfig }
    this.gossip = options.gossip === true ? new VirtualGossip(this.time, latencyMs) : null
    this.#names = Array.from({ length: members }, (_, i) => `n${i + 1}`)
    for (const name of this.#names) {
      this.disks.set(name, memoryDisk({
        after: this.time.after,
        syncLatencyMs: () => {
          this.syncs.set(name, (this.syncs.get(name) ?? 0) + 1)
          return 0.5
        },
      }))
      this.localDisks.set(name, memoryDisk({ after: this.time.after, syncLatencyMs: () => 0.5 }))
      this.start(name)
    }
  }

  /** Starts a member, or starts it again on its disk. */
  start(name: string, bootstrapExpect = this.#names.length, id = `id-${name}`): void {
    for (const disks of [this.disks, this.localDisks]) if (!disks.has(name)) disks.set(name, memoryDisk({ after: this.time.after, syncLatencyMs: 0.5 }))
    const address = `${name}:8300`
    const transport = {
      address,
      send: (to: string, message: unknown) => {
        this.sent.push({ from: address, to, message })
        if (!this.passes(name, to.split(':')[0]!)) return
        this.time.after(latencyMs, () => this.#receivers.get(to)?.(message))
      },
      onMessage: (receive: (message: unknown) => void) => { this.#receivers.set(address, receive) },
      close: () => { this.#receivers.delete(address) },
    }
    const node = new RegistryNode({
      name, id, datacenter: 'dc1', version: '1.0.0', raftConfig: this.#raftConfig,
      bootstrapExpect, retryJoin: this.gossip === null ? this.#names.map((other) => `${other}:8300`) : [],
      rpcHoldTimeoutMs: 7000, disk: this.disks.get(name)!, transport,
      local: { disk: this.localDisks.get(name)!, probes: { probe: (...args) => this.probes.probe(...args) }, scriptChecks: false },
      scheduler: this.time,
      random: seededRandom(this.#names.includes(name) ? this.#names.indexOf(name) : Number(name.replace(/\D/g, ''))), newUuid: () => randomUuid(this.#uuidRandom), log: silentLog, trace: (event) => this.traces.push(event),
      onFatal: (error) => { throw error },
      gossip: this.gossip && { config: resolveGossipConfig(), network: this.gossip.connect(`${name}:8301`), retryJoin: [this.#names[0]!] },
      onLeft: () => this.left.push(name),
    })
    this.nodes.set(name, node)
    node.start()
  }

  /** Hands a member whatever came over the network. */
  deliver(name: string, message: unknown): void {
    this.#receivers.get(`${name}:8300`)!(message)
  }

  /** kill -9 with the loss of what was not synced. */
  crash(name: string, random: Random | null = null): void {
    this.nodes.get(name)!.stop()
    this.nodes.delete(name)
    this.#receivers.delete(`${name}:8300`)
    this.gossip?.disconnect(`${name}:8301`)
    this.disks.get(name)!.crash({ random })
  }

  status(name: string): RaftStatus {
    return this.nodes.get(name)!.raftStatus
  }

  get leader(): string | null {
    for (const [name, node] of this.nodes) if (node.leaderAddress === `${name}:8300`) return name
    return null
  }

  /** Runs until all that live agree on a leader, and it has entered the servers into the catalog. */
  elect(): string {
    const agreed = () => this.leader !== null && [...this.nodes.values()].every((node) => node.leaderAddress === `${this.leader}:8300`)
    if (!this.time.runUntil(agreed, 20_000)) throw new Error('no leader within 20 s of virtual time')
    const leader = this.leader!
    const entered = () => [...this.nodes.keys()].every((name) => this.#nodesInCatalog(name) >= this.#names.length)
    if (!this.time.runUntil(entered, 20_000)) throw new Error('the servers were not in the catalog within 20 s of virtual time')
    return leader
  }

  /** As a member's own state says. */
  #nodesInCatalog(name: string): number {
    const { response } = this.request(name, 'GET', '/v1/catalog/nodes?stale')
    return response === null || response.status !== 200 ? 0 : (JSON.parse(String(response.body)) as unknown[]).length
  }

  /** Begins a request; the answer is there once virtual time has run. */
  request(name: string, method: string, target: string, body = ''): { response: ApiResponse | null } {
    const exchange: { response: ApiResponse | null } = { response: null }
    this.nodes.get(name)!.handle({ method, target, headers: {}, body: Buffer.from(body) }, (response) => { exchange.response = response })
    return exchange
  }

  /** A whole exchange; rejects an answer that takes longer than the limit. */
  ask(name: string, method: string, target: string, body = '', limitMs = 10_000): ApiResponse {
    const exchange = this.request(name, method, target, body)
    if (!this.time.runUntil(() => exchange.response !== null, limitMs)) throw new Error(`${method} ${target} at ${name}: no answer within ${limitMs} ms`)
    return exchange.response!
  }
}
