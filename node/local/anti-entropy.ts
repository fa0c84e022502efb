import type { Log } from '../base/log.ts'
import type { Random } from '../base/random.ts'
import type { Cancel, Scheduler } from '../base/scheduler.ts'
import type { ReadOutcome, WriteOutcome } from '../driver/requests.ts'
import type { CatalogReader } from '../state/catalog.ts'
import type { CatalogCommand } from '../state/catalog-commands.ts'
import { encodeCommand } from '../state/commands.ts'
import type { SyncPlan } from './sync-planner.ts'

export interface AntiEntropyPorts {
  readonly scheduler: Scheduler
  readonly random: Random
  readonly log: Log
  readonly catalog: CatalogReader
  /** Of a client agent: the catalog is far away and `catalog` is what it was when it was last asked. Absent: it is at hand. */
  readonly remote?: RemoteCatalog
  /** What is to be done, from the catalog as this member has it. `inFull`: whatever is known of it is compared anew. */
  readonly plan: (inFull: boolean) => SyncPlan
  /** The catalog has it now. */
  readonly written: (command: CatalogCommand) => void
  readonly takeTags: (overridden: SyncPlan['overriddenTags']) => void
  readonly awaitRead: (mode: 'lease', done: (outcome: ReadOutcome) => void) => void
  readonly write: (command: Uint8Array, done: (outcome: WriteOutcome) => void) => void
}

export interface RemoteCatalog {
  readonly nodeCount: () => number
}

/** Consul's AEInterval. */
export const fullSyncMs = 60_000
const retryMs = 15_000
/** Below so many nodes the interval is not stretched. */
const scaleFromNodes = 128

/** Consul's rule: doubled for every doubling of the cluster, so that its leader's load stays the same. */
export function syncIntervalFactor(nodes: number): number {
  return nodes <= scaleFromNodes ? 1 : Math.ceil(Math.log2(nodes) - Math.log2(scaleFromNodes)) + 1
}

/**
 * Keeps the catalog at what the agent knows: on every change, and in full from
 * time to time, since the catalog may have been changed behind its back. One
 * synchronisation at a time; a change during one asks for another.
 */
export class AntiEntropy {
  readonly #ports: AntiEntropyPorts
  #running = false
  #again = false
  #inFull = false
  #stopped = false
  #changeTimer: Cancel | null = null
  #fullTimer: Cancel | null = null

  constructor(ports: AntiEntropyPorts) {
    this.#ports = ports
  }

  start(): void {
    this.changed()
    this.#scheduleFull()
  }

  /** Something changed here, or a leader has been found who may hear of it. */
  changed(): void {
    this.#trigger(0)
  }

  stop(): void {
    this.#stopped = true
    this.#changeTimer?.()
    this.#fullTimer?.()
  }

  #scheduleFull(): void {
    if (this.#stopped) return
    const { scheduler, random, catalog, remote } = this.#ports
    const intervalMs = fullSyncMs * syncIntervalFactor(remote?.nodeCount() ?? catalog.nodes().value.length)
    // A sixteenth by chance: agents that started together drift apart.
    this.#fullTimer = scheduler.after(intervalMs * (1 + random.fraction() / 16), () => {
      this.#inFull = true
      this.changed()
      this.#scheduleFull()
    })
  }

  #trigger(delayMs: number): void {
    if (this.#stopped) return
    if (this.#running) {
      this.#again = true
      return
    }
    this.#changeTimer?.()
    this.#changeTimer = this.#ports.scheduler.after(delayMs, () => this.#run())
  }

  #run(): void {
    const { awaitRead, takeTags, remote } = this.#ports
    // As this member has the catalog, nothing is to be done: nobody needs to be asked.
    if (remote === undefined && isEmpty(this.#plan())) return
    this.#running = true
    this.#again = false
    awaitRead('lease', (outcome) => {
      if (this.#stopped) return
      if (outcome.kind !== 'ready') return this.#end(false)
      const { commands, overriddenTags } = this.#plan()
      takeTags(overriddenTags)
      this.#write(commands, 0)
    })
  }

  #plan(): SyncPlan {
    const inFull = this.#inFull
    this.#inFull = false
    return this.#ports.plan(inFull)
  }

  /** From `position` on. */
  #write(commands: readonly CatalogCommand[], position: number): void {
    const command = commands[position]
    if (command === undefined) return this.#end(true)
    const { write, written, log } = this.#ports
    write(encodeCommand(command), (outcome) => {
      if (this.#stopped) return
      if (outcome.kind === 'applied') {
        written(command)
        return this.#write(commands, position + 1)
      }
      log.warn('the catalog could not be brought up to date', { reason: outcome.kind === 'invalid' ? outcome.problem : outcome.kind })
      // What one service is refused must not keep the others waiting.
      if (outcome.kind === 'invalid') return this.#write(commands, position + 1)
      this.#end(false)
    })
  }

  #end(succeeded: boolean): void {
    this.#running = false
    if (!succeeded) return this.#trigger(retryMs * (1 + this.#ports.random.fraction()))
    if (this.#again) this.#trigger(0)
  }
}

function isEmpty({ commands, overriddenTags }: SyncPlan): boolean {
  return commands.length === 0 && overriddenTags.length === 0
}
