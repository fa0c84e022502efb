import { seededRandom } from '../../base/random.ts'
import type { RaftConfig } from '../config.ts'
import { RaftCore } from '../core.ts'
import type { Entry, HardState } from '../entry.ts'
import type { Message } from '../message.ts'
import type { Persist } from '../ready.ts'
import type { Snapshot, SnapshotChunk } from '../snapshot.ts'
import { HashState, snapshotOf, stateIn } from './hash-state.ts'
import { describeEntries, describePersist, describeRead, describeTransition } from './scenario-trace.ts'

export interface ScenarioWorld {
  readonly config: RaftConfig
  nowMs(): number
  send(message: Message): void
  trace(line: string): void
  readonly showWrites: boolean
}

/** A member whose disk can be told to wait. */
export class ScenarioMember {
  readonly id: string
  readonly #world: ScenarioWorld
  #disk: { hardState: HardState, entries: Entry[], snapshot: Snapshot | null }
  #state = new HashState()
  #chunks: Uint8Array[] = []
  #core: RaftCore | null = null
  #writing: Persist | null = null
  #diskHeld = false

  constructor(id: string, world: ScenarioWorld, hardState: HardState, entries: readonly Entry[]) {
    this.id = id
    this.#world = world
    this.#disk = { hardState, entries: [...entries], snapshot: null }
    this.start()
  }

  get core(): RaftCore {
    if (this.#core === null) throw new Error(`${this.id} is down: restart it first`)
    return this.#core
  }

  get isUp(): boolean {
    return this.#core !== null
  }

  start(): void {
    this.#core = new RaftCore({
      id: this.id, config: this.#world.config, random: seededRandom(Number(this.id.replace(/\D/g, ''))),
      nowMs: this.#world.nowMs(), restored: { hardState: this.#disk.hardState, entries: [...this.#disk.entries], snapshot: this.#disk.snapshot },
    })
    this.#state = this.#disk.snapshot === null ? new HashState() : stateIn(this.#disk.snapshot)
    this.pump()
  }

  /** Loses what is being written. */
  crash(): void {
    this.#core = null
    this.#writing = null
  }

  holdDisk(): void {
    this.#diskHeld = true
  }

  releaseDisk(): void {
    this.#diskHeld = false
    this.#finishWrite()
    this.pump()
  }

  input(task: (core: RaftCore) => void): void {
    task(this.core)
    this.pump()
  }

  pump(): void {
    const core = this.core
    while (core.hasReady()) {
      const ready = core.takeReady()
      for (const transition of ready.transitions) this.#world.trace(describeTransition(this.id, transition))
      for (const message of ready.messages) this.#world.send(message)
      for (const entry of ready.committed) this.#state.apply(entry)
      for (const entry of ready.committed) this.#world.trace(`  ${this.id} commits ${describeEntries([entry])}`)
      for (const read of ready.reads) this.#world.trace(describeRead(this.id, read))
      if (ready.persist !== null) {
        if (this.#world.showWrites) this.#world.trace(describePersist(this.id, ready.persist))
        this.#writing = ready.persist
        if (!this.#diskHeld) this.#finishWrite()
      }
      for (const chunk of ready.snapshotChunks) this.#receive(chunk)
    }
  }

  /** Of all that is applied, which is on this disk. */
  takeSnapshot(): void {
    const head = this.core.snapshotHead(this.#state.index)
    if (head === null) throw new Error(`${this.id}: entry ${this.#state.index} is not on disk`)
    const snapshot = snapshotOf(this.#state.encode(head))
    this.core.snapshotTaken(snapshot)
    this.#disk.snapshot = snapshot
    this.#disk.entries = [...this.core.entries(this.core.baseIndex + 1, this.core.lastIndex)]
    this.#world.trace(`  ${this.id} has a snapshot up to ${head.lastIndex}:t${head.lastTerm} and the log from ${this.core.baseIndex + 1}`)
  }

  #receive(chunk: SnapshotChunk): void {
    if (chunk.offset === 0) this.#chunks = []
    this.#chunks.push(chunk.data)
    if (chunk.offset + chunk.data.length < chunk.image.sizeBytes) return
    const snapshot = snapshotOf(Buffer.concat(this.#chunks))
    if (!this.core.installSnapshot(snapshot)) return
    this.#disk = { ...this.#disk, entries: [], snapshot }
    this.#state = stateIn(snapshot)
    this.#world.trace(`  ${this.id} installs a snapshot up to ${snapshot.head.lastIndex}:t${snapshot.head.lastTerm}`)
  }

  #finishWrite(): void {
    const persist = this.#writing
    if (persist === null) return
    this.#writing = null
    if (persist.hardState !== null) this.#disk.hardState = persist.hardState
    if (persist.entries.length > 0) {
      const firstIndex = this.#disk.entries[0]?.index ?? persist.entries[0]!.index
      this.#disk.entries.length = Math.max(0, persist.entries[0]!.index - firstIndex)
      this.#disk.entries.push(...persist.entries)
    }
    if (this.#world.showWrites) this.#world.trace(`  ${this.id} has written`)
    for (const message of persist.messages) this.#world.send(message)
    this.core.persisted(persist)
  }
}
