import { invariant } from '../../base/assert.ts'
import type { Random } from '../../base/random.ts'
import type { RaftConfig } from '../config.ts'
import { RaftCore } from '../core.ts'
import type { Configuration, Entry, HardState } from '../entry.ts'
import type { Message } from '../message.ts'
import type { Persist, Ready } from '../ready.ts'
import type { Snapshot, SnapshotChunk } from '../snapshot.ts'
import { HashState, snapshotOf, stateIn } from './hash-state.ts'
import type { EventQueue } from './event-queue.ts'

/** What a member's driver hands to the world. */
export interface World {
  send(message: Message): void
  ready(member: SimulatedMember, ready: Ready): void
  /** A leader's snapshot took the place of its state. */
  restored(member: SimulatedMember, state: HashState): void
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
  /** Entries stand from `firstIndex` on; before them only the snapshot tells. */
  disk: { hardState: HardState, firstIndex: number, entries: Entry[], snapshot: Snapshot | null }
    = { hardState: { term: 0, votedFor: null }, firstIndex: 1, entries: [], snapshot: null }

  /** What the state machine holds, in memory. */
  state = new HashState()
  #received: SnapshotChunk[] = []
  #toInstall: Snapshot | null = null
  installed = 0
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
      restored: { hardState: this.disk.hardState, entries: [...this.disk.entries], snapshot: this.disk.snapshot },
    })
    this.state = this.disk.snapshot === null ? new HashState() : stateIn(this.disk.snapshot)
    this.#received = []
    this.#toInstall = null
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
      for (const entry of ready.committed) this.state.apply(entry)
      for (const chunk of ready.snapshotChunks) this.#receive(chunk)
    }
    this.#install(core)
    this.#takeSnapshot(core)
    this.#schedule(core)
  }

  #receive(chunk: SnapshotChunk): void {
    if (chunk.offset === 0) this.#received = []
    this.#received.push(chunk)
    const bytes = Buffer.concat(this.#received.map(({ data }) => data))
    invariant(bytes.length === chunk.offset + chunk.data.length, () => `${this.id}: a chunk at ${chunk.offset} follows ${bytes.length - chunk.data.length} bytes`)
    if (bytes.length < chunk.image.sizeBytes) return
    const snapshot = snapshotOf(bytes)
    const life = this.#life
    this.#events.after(this.#world.diskDelayMs(this), () => {
      if (this.#life === life) this.input(() => { this.#toInstall = snapshot })
    })
  }

  /** As the driver does: durable first, and only while no write is under way. */
  #install(core: RaftCore): void {
    const snapshot = this.#toInstall
    if (snapshot === null || this.#writing !== null) return
    this.#toInstall = null
    if (!core.installSnapshot(snapshot)) return
    const { lastIndex } = snapshot.head
    this.disk = { ...this.disk, firstIndex: lastIndex + 1, entries: [], snapshot }
    this.state = stateIn(snapshot)
    this.installed++
    this.#world.restored(this, this.state)
    this.pump()
  }

  #takeSnapshot(core: RaftCore): void {
    if (this.state.index - core.status().snapshotIndex < this.#config.snapshotEntries) return
    const head = core.snapshotHead(this.state.index)
    if (head === null) return
    const snapshot = snapshotOf(this.state.encode(head))
    this.disk.snapshot = snapshot
    core.snapshotTaken(snapshot)
    // Whole segments go, so that the disk keeps a little more than the core.
    const droppable = core.baseIndex + 1 - this.disk.firstIndex
    if (droppable < 3) return
    this.disk.entries.splice(0, droppable)
    this.disk.firstIndex += droppable
  }

  /** The term at `index` on this member's disk; null where it has none, undefined inside the snapshot alone. */
  diskTermAt(index: number): number | null | undefined {
    const { firstIndex, entries, snapshot } = this.disk
    if (index >= firstIndex) return entries[index - firstIndex]?.term ?? null
    return index <= (snapshot?.head.lastIndex ?? 0) ? undefined : null
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
    invariant(entries[0]!.index <= this.disk.firstIndex + this.disk.entries.length, () => `${this.id}: a hole before entry ${entries[0]!.index} on disk`)
    this.disk.entries.length = entries[0]!.index - this.disk.firstIndex
    for (const entry of entries) this.disk.entries.push(entry)
  }

  /** What the core believes to be on disk is. */
  #checkDisk(core: RaftCore): void {
    const { durableIndex } = core.status()
    for (let index = Math.max(core.baseIndex + 1, durableIndex - 5); index <= durableIndex; index++) {
      invariant(this.diskTermAt(index) === core.termAt(index),
        () => `${this.id} believes entry ${index} of term ${core.termAt(index)} on disk, which has term ${this.diskTermAt(index)}`)
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
