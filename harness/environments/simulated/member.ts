import type { ApiHandler } from '../../../node/api/exchange.ts'
import type { Log, LogFields } from '../../../node/base/log.ts'
import type { Random } from '../../../node/base/random.ts'
import type { Cancel, Scheduler } from '../../../node/base/scheduler.ts'
import type { TraceEvent } from '../../../node/base/trace.ts'
import type { AgentConfig } from '../../../node/agent/agent-config.ts'
import type { RegistryNode } from '../../../node/registry-node.ts'
import { noProbes } from '../../../node/local/probes.ts'
import type { MemoryDisk } from '../../../node/storage/memory-disk.ts'
import type { Climate } from './climate.ts'
import type { EventQueue } from './event-queue.ts'
import type { MemberCode } from './member-code.ts'
import type { SimulatedNetwork } from './network.ts'

export interface MemberPorts {
  readonly config: AgentConfig
  readonly nodeId: string
  readonly code: MemberCode
  readonly queue: EventQueue
  readonly network: SimulatedNetwork
  readonly climate: Climate
  readonly random: Random
  /** It died of an error of its own. */
  readonly onCrash: (error: Error) => void
}

/** Virtual time begins on a day like any other. */
const epochMs = Date.UTC(2026, 0, 1)

const levels = ['trace', 'debug', 'info', 'warn', 'error'] as const
type Level = (typeof levels)[number]

/**
 * One member: a disk that outlives it, and one life after another of the very
 * code that a real process runs. A life ends by a kill or by an error that its
 * code lets out; either way nothing of it runs any more, and what it had not
 * synced is gone.
 */
export class SimulatedMember {
  readonly name: string
  readonly #ports: MemberPorts
  readonly #disk: MemoryDisk
  /** Of the services and checks registered at this member; no workload registers any yet. */
  readonly #localDisk: MemoryDisk
  readonly #diskRandom: Random
  readonly #traceEvents: TraceEvent[] = []
  readonly #logLines: string[] = []
  #life: { readonly node: RegistryNode } | null = null
  #lives = 0

  constructor(ports: MemberPorts) {
    this.#ports = ports
    this.name = ports.config.name
    this.#diskRandom = ports.random.split('disk')
    this.#localDisk = ports.code.memoryDisk({ after: (delayMs, task) => ports.queue.after(delayMs, () => this.#guard(this.#lives, task)) })
    this.#disk = ports.code.memoryDisk({
      after: (delayMs, task) => ports.queue.after(delayMs, () => this.#guard(this.#lives, task)),
      syncLatencyMs: () => ports.climate.syncLatencyMs(this.#diskRandom),
    })
  }

  get isAlive(): boolean {
    return this.#life !== null
  }

  /** Null while it is dead. */
  get handle(): ApiHandler | null {
    const life = this.#life
    const born = this.#lives
    return life === null ? null : (request, respond) => this.#guard(born, () => life.node.handle(request, respond))
  }

  /** A new life on the same disk. */
  start(): void {
    const { config, nodeId, code, network, random } = this.#ports
    const born = ++this.#lives
    const guard = (task: () => void) => this.#guard(born, task)
    const transport = network.connect(this.name, guard)
    const start = () => {
      const node = new code.RegistryNode({
        name: this.name,
        id: nodeId,
        datacenter: config.datacenter,
        version: 'simulated',
        raftConfig: config.raft,
        bootstrapExpect: config.bootstrapExpect,
        retryJoin: config.retryJoin,
        rpcHoldTimeoutMs: config.rpcHoldTimeoutMs,
        disk: this.#disk,
        local: { disk: this.#localDisk, probes: noProbes, scriptChecks: false },
        transport,
        scheduler: this.#scheduler(born),
        random: random.split(`life ${born}`),
        log: this.#log(),
        trace: (event) => { if (this.#lives === born) this.#traceEvents.push(event) },
        onFatal: (error) => { throw error },
      })
      this.#life = { node }
      node.start()
    }
    this.#guard(born, start)
  }

  /** At once and without a word: the process and the power of its machine are gone. */
  kill(reason: string): void {
    if (this.#life === null) return
    this.#write('info', reason, {})
    this.#die()
  }

  /** One JSON object a line. */
  trace(): string {
    return this.#traceEvents.map((event) => `${JSON.stringify(event)}\n`).join('')
  }

  log(): string {
    return this.#logLines.map((line) => `${line}\n`).join('')
  }

  #die(): void {
    this.#life = null
    this.#lives++
    const { network, climate } = this.#ports
    network.disconnect(this.name, this.#diskRandom.chance(climate.deathHeardShare))
    this.#disk.crash({ random: this.#diskRandom.chance(climate.tornCrashShare) ? this.#diskRandom : null })
  }

  /** Every way into the member's code. What a process would die of ends this life too. */
  #guard(born: number, task: () => void): void {
    if (this.#lives !== born) return
    try {
      task()
    } catch (error) {
      const cause = error instanceof Error ? error : new Error(String(error))
      this.#write('error', 'crashed', { error: cause.stack ?? cause.message })
      this.#die()
      this.#ports.onCrash(cause)
    }
  }

  #scheduler(born: number): Scheduler {
    const { queue } = this.#ports
    return {
      nowMs: () => queue.nowNs / 1e6,
      wallMs: () => epochMs + queue.nowNs / 1e6,
      after: (delayMs, task): Cancel => {
        const event = queue.after(delayMs, () => this.#guard(born, task))
        return () => queue.cancel(event)
      },
    }
  }

  #log(): Log {
    const least = levels.indexOf(this.#ports.config.logLevel)
    const at = (level: Level) => levels.indexOf(level) < least
      ? () => {}
      : (message: string, fields: LogFields = {}) => this.#write(level, message, fields)
    return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
  }

  #write(level: Level, message: string, fields: LogFields): void {
    this.#logLines.push(JSON.stringify({ timeMs: this.#ports.queue.nowNs / 1e6, level, message, ...fields }))
  }
}
