import type { ApiHandler } from '../../../node/api/exchange.ts'
import type { Random } from '../../../node/base/random.ts'
import type { Scheduler } from '../../../node/base/scheduler.ts'
import type { TraceEvent } from '../../../node/base/trace.ts'
import type { AgentConfig } from '../../../node/agent/agent-config.ts'
import type { RegistryNode } from '../../../node/registry-node.ts'
import { noProbes } from '../../../node/local/probes.ts'
import type { Climate } from './climate.ts'
import type { ClientTarget } from './clients.ts'
import { EventLoop, type TaskKind } from './event-loop.ts'
import type { EventQueue } from './event-queue.ts'
import type { SimulatedGossipNetwork } from './gossip-network.ts'
import { MemberClock } from './member-clock.ts'
import type { MemberCode } from './member-code.ts'
import { MemberDisks } from './member-disks.ts'
import { MemberLog } from './member-log.ts'
import type { SimulatedNetwork } from './network.ts'

export interface MemberPorts {
  readonly config: AgentConfig
  /** Another for each disk that it has had, counted from 0: a real member keeps its id there. */
  readonly nodeId: (diskNumber: number) => string
  readonly code: MemberCode
  readonly queue: EventQueue
  readonly network: SimulatedNetwork
  /** Null: this cluster does not gossip. */
  readonly gossipNetwork: SimulatedGossipNetwork | null
  readonly climate: Climate
  readonly random: Random
  /** It died of an error of its own, or it left the cluster on request (null). */
  readonly onEnded: (error: Error | null) => void
  /** Connections that clients hold to it. */
  readonly clientConnections: () => number
}

/** What becomes of the machine when a life ends. */
export type Ending =
  /** The process goes; the operating system keeps what it was given. */
  | 'process'
  /** kill -9, harsher than in reality: what was not synced is lost. By chance of the climate some of it stays, torn. */
  | 'kill'
  /** The power goes, and with it all that was not synced. */
  | 'power'
  /** As `power`, and a part of the last writes may stay. */
  | 'power-torn'

/** What a process holds open besides connections: its log, its files, its listening sockets. */
const ownDescriptors = 20
/** What Node.js and the member's code take, and what a connection and the request on it do. */
const ownMiB = 90
const miBPerConnection = 1

/**
 * One member: a machine with clocks, disks and a CPU that outlive it, and one
 * life after another of the very code that a real process runs. A life ends by
 * a kill or by an error that its code lets out; either way nothing of it runs any more.
 */
export class SimulatedMember implements ClientTarget {
  readonly name: string
  readonly clock: MemberClock
  readonly loop: EventLoop
  readonly disks: MemberDisks
  /** Several limits hold together: the smallest counts. */
  readonly descriptorLimits = new Set<{ readonly max: number }>()
  readonly memoryLimits = new Set<{ readonly maxMiB: number }>()
  readonly #ports: MemberPorts
  readonly #random: Random
  readonly #dnsRandom: Random
  readonly #traceEvents: TraceEvent[] = []
  readonly #log: MemberLog
  #life: { readonly node: RegistryNode } | null = null
  #lives = 0
  #diskNumber = 0

  constructor(ports: MemberPorts) {
    this.#ports = ports
    this.name = ports.config.name
    const { queue, random, code, climate } = ports
    const later = (delayMs: number, task: () => void) => void queue.after(delayMs, task)
    this.#random = random.split('disk')
    this.#dnsRandom = random.split('dns')
    this.#log = new MemberLog(queue, ports.config.logLevel)
    this.clock = new MemberClock(queue)
    this.loop = new EventLoop(queue)
    this.disks = new MemberDisks({
      memoryDisk: code.memoryDisk,
      random: random.split('disk troubles'),
      syncLatencyMs: () => climate.syncLatencyMs(this.#random),
      after: (delayMs, task) => {
        const born = this.#lives
        later(delayMs, () => this.#enter(born, 'io', task))
      },
      afterOutside: later,
    })
  }

  get isAlive(): boolean {
    return this.#life !== null
  }

  /** Another in each life. */
  get lifeNumber(): number {
    return this.#lives
  }

  get hasLived(): boolean {
    return this.#lives > 0
  }

  /** Null while it is dead. */
  get handle(): ApiHandler | null {
    const life = this.#life
    const born = this.#lives
    return life === null ? null : (request, respond) => this.#enter(born, 'io', () => life.node.handle(request, respond))
  }

  /** A message to its DNS, over TCP; `answer` is not called where the member is dead, or dies before. */
  answerDns(message: Uint8Array, answer: (reply: Uint8Array | null) => void): void {
    const life = this.#life
    const { config: { datacenter, dns }, code } = this.#ports
    if (life === null || dns === 'off') return
    const { node } = life
    const { domain, onlyPassing, markTruncated } = dns
    this.#enter(this.#lives, 'io', () => answer(code.answerDns(message, 'tcp', {
      zone: { catalog: node.catalog, datacenter, domain, onlyPassing, ttl: 0 }, ready: () => node.hasMetLeader, udpAnswerLimit: 3, markTruncated,
    }, this.#dnsRandom, this.clock.wallMs())))
  }

  /** It lives, and has no file descriptor left. */
  get isFull(): boolean {
    if (this.descriptorLimits.size === 0 || this.#life === null) return false
    const max = Math.min(...[...this.descriptorLimits].map((limit) => limit.max))
    return ownDescriptors + this.#ports.network.openConnections(this.name) + this.#ports.clientConnections() >= max
  }

  /** As a real member's grows: with what it holds for each connection. */
  get memoryMiB(): number {
    return this.#life === null ? 0 : ownMiB + miBPerConnection * (this.#ports.network.openConnections(this.name) + this.#ports.clientConnections())
  }

  /** Whether it could hold so much more. */
  canHoldMiB(more: number): boolean {
    return [...this.memoryLimits].every(({ maxMiB }) => this.memoryMiB + more <= maxMiB)
  }

  /** A new life on the same disk. */
  start(): void {
    const { config, nodeId, code, network, gossipNetwork, random } = this.#ports
    const born = ++this.#lives
    const guard = (task: () => void) => this.#enter(born, 'io', task)
    const transport = network.connect(this.name, guard)
    const start = () => {
      const node = new code.RegistryNode({
        name: this.name,
        id: nodeId(this.#diskNumber),
        datacenter: config.datacenter,
        version: 'simulated',
        raftConfig: config.raft,
        autopilotDefaults: config.autopilot,
        nodeMeta: config.nodeMeta,
        bootstrapExpect: config.bootstrapExpect,
        retryJoin: config.retryJoin,
        rpcHoldTimeoutMs: config.rpcHoldTimeoutMs,
        disk: this.disks.main,
        local: { disk: this.disks.local, probes: noProbes, scriptChecks: false },
        transport,
        scheduler: this.#scheduler(born),
        random: random.split(`life ${born}`),
        log: this.#log.forMember(),
        trace: (event) => { if (this.#lives === born) this.#traceEvents.push(event) },
        onFatal: (error) => { throw error },
        gossip: config.gossip === null || gossipNetwork === null ? null : {
          config: config.gossip.config, retryJoin: config.gossip.retryJoin, retryJoinIntervalMs: config.gossip.retryJoinIntervalMs,
          network: gossipNetwork.connect(this.name, guard),
        },
        onLeft: () => {
          this.end('left the cluster', 'process')
          this.#ports.onEnded(null)
        },
      })
      this.#life = { node }
      node.start()
    }
    this.#guard(born, start)
  }

  /** At once and without a word of its own. Nothing where it is dead. */
  end(reason: string, ending: Ending): void {
    if (this.#life === null) return
    this.#log.write('info', reason, {})
    this.#die(ending)
  }

  /** SIGTERM: open requests are answered, then the process ends. One that stands still hears of it when it runs on. */
  terminate(): void {
    const life = this.#life
    if (life === null) return
    const born = this.#lives
    this.loop.run('io', () => this.#guard(born, () => {
      this.#log.write('info', 'shutting down', { reason: 'SIGTERM' })
      life.node.stop()
      if (this.#lives === born) this.#die('process')
    }))
  }

  /** A dead member's disks are replaced by empty ones, and its id with them. */
  wipe(): void {
    this.#diskNumber++
    this.disks.wipe()
  }

  /** One JSON object a line. */
  trace(): string {
    return this.#traceEvents.map((event) => `${JSON.stringify(event)}\n`).join('')
  }

  log(): string {
    return this.#log.text()
  }

  #die(ending: Ending): void {
    this.#life = null
    this.#lives++
    this.loop.reset()
    this.clock.forgetTimers()
    const { network, gossipNetwork, climate } = this.#ports
    const random = this.#random
    const heard = ending === 'process' ? true : ending === 'kill' ? random.chance(climate.deathHeardShare) : false
    network.disconnect(this.name, heard)
    gossipNetwork?.disconnect(this.name)
    const torn = ending === 'power-torn' || ending === 'kill' && random.chance(climate.tornCrashShare)
    this.disks.crash({ random: torn ? random : null, keepsUnsynced: ending === 'process' })
  }

  /** Every way into the member's code, when its process may run. */
  #enter(born: number, kind: TaskKind, task: () => void): void {
    if (this.#lives !== born) return
    if (this.loop.isFree) this.#guard(born, task)
    else this.loop.run(kind, () => this.#guard(born, task))
  }

  /** What a process would die of ends this life too. */
  #guard(born: number, task: () => void): void {
    if (this.#lives !== born) return
    try {
      // Without a warning, as the kernel ends whoever has more than it may.
      if (this.memoryLimits.size > 0 && !this.canHoldMiB(0)) throw new Error(`out of memory: ${this.memoryMiB} MiB`)
      task()
    } catch (error) {
      const cause = error instanceof Error ? error : new Error(String(error))
      this.#log.write('error', 'crashed', { error: cause.stack ?? cause.message })
      if (this.#lives === born) this.#die('kill')
      this.#ports.onEnded(cause)
    }
  }

  #scheduler(born: number): Scheduler {
    const { clock } = this
    const { queue } = this.#ports
    let lastTask: (() => void) | null = null
    let entersLast = () => {}
    return {
      soon: (task) => {
        if (task !== lastTask) {
          lastTask = task
          entersLast = () => this.#enter(born, 'timer', task)
        }
        queue.after(0, entersLast)
      },
      nowMs: () => clock.monotonicMs(),
      wallMs: () => clock.wallMs(),
      after: (delayMs, task) => clock.after(delayMs, () => this.#enter(born, 'timer', task)),
    }
  }
}
