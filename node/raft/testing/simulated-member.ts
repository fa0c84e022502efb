import { invariant } from '../../base/assert.ts'
import type { Random } from '../../base/random.ts'
import type { RaftConfig } from '../config.ts'
import { RaftCore } from '../core.ts'
import type { Configuration, Entry, HardState } from '../entry.ts'
import type { Message } from '../message.ts'
import type { Persist, Ready } from '../ready.ts'
import type { EventQueue } from './event-queue.ts'

/** What a member's driver hands to the world. */
export interface World {
  send(message: Message): void
  ready(member: SimulatedMember, ready: Ready): void
  /** How long the next write of this member takes. */
  diskDelayMs(member: SimulatedMember): number
}

/** A core with a disk that takes its time, a clock that drifts, and a process that pauses and dies. */
export class SimulatedMember {
  readonly id: string
  readonly random: Random
  /** Local ms that pass in one ms of the world. */
  readonly clockRate: number
  readonly #config: RaftConfig
  readonly #configuration: Configuration
  readonly #events: EventQueue
  readonly #world: World
  disk: { hardState: HardState, entries: Entry[] } = { hardState: { term: 0, votedFor: null }, entries: [] }
  core: RaftCore | null = null
  #writing: Persist | null = null
  /** Distinguishes lives: events of an earlier one are void. */
  #life = 0
  #wakeAtMs = Number.POSITIVE_INFINITY
  /** While paused: what waits for it. */
  #paused: (() => void)[] | null = null

  constructor(id: string, options: { random: Random, config: RaftConfig, configuration: Configuration, events: EventQueue, world: World, clockRate: number }) {
    this.id = id
    this.random = options.random
    this.#config = options.config
    this.#configuration = options.configuration
    this.#events = options.events
    this.#world = options.world
    this.clockRate = options.clockRate
  }

  get localMs(): number {
    return this.#events.nowMs * this.clockRate
  }

  get paused(): boolean {
    return this.#paused !== null
  }

  start(): void {
    this.core = new RaftCore({
      id: this.id, config: this.#config, random: this.random.split(`life ${++this.#life}`), nowMs: this.localMs,
      restored: { hardState: this.disk.hardState, entries: [...this.disk.entries] },
    })
    if (this.core.canBootstrap) this.core.bootstrap(this.#configuration)
    this.#wakeAtMs = Number.POSITIVE_INFINITY
    this.pump()
  }

  /** The process dies. The write under way is lost, done, or done in part. */
  crash(): void {
    const writing = this.#writing
    if (writing !== null && this.random.chance(0.5)) {
      const kept = this.random.between(0, writing.entries.length + 1)
      this.#store({ ...writing, entries: writing.entries.slice(0, kept) })
    }
    this.#writing = null
    this.#paused = null
    this.core = null
    this.#life++
  }

  pause(): void {
    this.#paused ??= []
  }

  resume(): void {
    const waiting = this.#paused ?? []
    this.#paused = null
    for (const task of waiting) task()
  }

  /** Runs an input on the core, now or when the pause is over, unless the process has died by then. */
  input(task: (core: RaftCore, localMs: number) => void): void {
    const life = this.#life
    const run = () => {
      if (this.core === null || this.#life !== life) return
      task(this.core, this.localMs)
      this.pump()
    }
    if (this.#paused === null) run()
    else this.#paused.push(run)
  }

  pump(): void {
    const core = this.core!
    while (core.hasReady()) {
      const ready = core.takeReady()
      this.#world.ready(this, ready)
      for (const message of ready.messages) this.#world.send(message)
      if (ready.persist !== null) this.#write(ready.persist)
    }
    this.#schedule(core)
  }

  #write(persist: Persist): void {
    invariant(this.#writing === null, () => `${this.id}: two writes outstanding`)
    this.#writing = persist
    const life = this.#life
    this.#events.after(this.#world.diskDelayMs(this), () => {
      if (this.#life !== life) return
      this.#store(persist)
      this.#writing = null
      this.input((core) => {
        for (const message of persist.messages) this.#world.send(message)
        core.persisted(persist)
        this.#checkDisk(core)
      })
    })
  }

  #store({ hardState, entries }: Persist): void {
    if (hardState !== null) this.disk.hardState = hardState
    if (entries.length === 0) return
    invariant(entries[0]!.index <= this.disk.entries.length + 1, () => `${this.id}: a hole before entry ${entries[0]!.index} on disk`)
    this.disk.entries.length = entries[0]!.index - 1
    for (const entry of entries) this.disk.entries.push(entry)
  }

  /** What the core believes to be on disk is. */
  #checkDisk(core: RaftCore): void {
    const { durableIndex } = core.status()
    for (let index = Math.max(1, durableIndex - 5); index <= durableIndex; index++) {
      invariant(this.disk.entries[index - 1]?.term === core.termAt(index),
        () => `${this.id} believes entry ${index} of term ${core.termAt(index)} on disk, which has term ${this.disk.entries[index - 1]?.term}`)
    }
  }

  #schedule(core: RaftCore): void {
    const dueMs = core.nextDeadlineMs() / this.clockRate
    if (dueMs >= this.#wakeAtMs) return
    this.#wakeAtMs = dueMs
    const life = this.#life
    this.#events.at(dueMs, () => {
      if (this.#life !== life) return
      if (this.#wakeAtMs === dueMs) this.#wakeAtMs = Number.POSITIVE_INFINITY
      this.input((alive, localMs) => alive.tick(localMs + 1e-6))
    })
  }
}
