import { seededRandom } from '../../base/random.ts'
import type { RaftConfig } from '../config.ts'
import { RaftCore } from '../core.ts'
import type { Entry, HardState } from '../entry.ts'
import type { Message } from '../message.ts'
import type { Persist } from '../ready.ts'
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
  #disk: { hardState: HardState, entries: Entry[] }
  #core: RaftCore | null = null
  #writing: Persist | null = null
  #diskHeld = false

  constructor(id: string, world: ScenarioWorld, hardState: HardState, entries: readonly Entry[]) {
    this.id = id
    this.#world = world
    this.#disk = { hardState, entries: [...entries] }
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
      nowMs: this.#world.nowMs(), restored: { hardState: this.#disk.hardState, entries: [...this.#disk.entries] },
    })
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
      for (const entry of ready.committed) this.#world.trace(`  ${this.id} commits ${describeEntries([entry])}`)
      for (const read of ready.reads) this.#world.trace(describeRead(this.id, read))
      if (ready.persist !== null) {
        if (this.#world.showWrites) this.#world.trace(describePersist(this.id, ready.persist))
        this.#writing = ready.persist
        if (!this.#diskHeld) this.#finishWrite()
      }
    }
  }

  #finishWrite(): void {
    const persist = this.#writing
    if (persist === null) return
    this.#writing = null
    if (persist.hardState !== null) this.#disk.hardState = persist.hardState
    if (persist.entries.length > 0) {
      this.#disk.entries.length = persist.entries[0]!.index - 1
      this.#disk.entries.push(...persist.entries)
    }
    if (this.#world.showWrites) this.#world.trace(`  ${this.id} has written`)
    for (const message of persist.messages) this.#world.send(message)
    this.core.persisted(persist)
  }
}
