/**
 * Takes snapshots of this member's state and takes in those that a leader
 * sends, a slice of a turn at a time, so that requests are served meanwhile.
 */
import type { Log } from '../base/log.ts'
import type { Scheduler } from '../base/scheduler.ts'
import type { RaftConfig } from '../raft/config.ts'
import type { RaftCore } from '../raft/core.ts'
import { type ImageId, sameImage, type SnapshotChunk, type SnapshotHead } from '../raft/snapshot.ts'
import type { StateMachine } from '../state/state-machine.ts'
import type { PartialSnapshot, SnapshotStore } from '../storage/snapshot-store.ts'
import type { Wal } from '../storage/wal.ts'
import { type RestoredParts, restoreParts } from './snapshot-restore.ts'
import { writeSnapshot } from './snapshot-writer.ts'

export interface SnapshotterPorts {
  readonly core: RaftCore
  readonly config: Pick<RaftConfig, 'snapshotEntries' | 'snapshotBytes'>
  readonly store: SnapshotStore
  readonly wal: Pick<Wal, 'dropBefore' | 'restartAt'>
  readonly stateMachine: StateMachine
  readonly scheduler: Scheduler
  readonly log: Log
  /** The state is now the one after `head.lastIndex`. */
  readonly onInstalled: (head: SnapshotHead) => void
  /** Something may be to be done that waited: a message to a leader. */
  readonly onProgress: () => void
  readonly onFatal: (error: Error) => void
}

/** Of restoring, in one turn: by time, and by count where a simulation's clock stands still. */
const sliceMsMax = 2
const sliceStepsMax = 10

interface Taking {
  readonly head: SnapshotHead
  readonly file: PartialSnapshot
  writing: { cancel(): void } | null
}

interface Receiving {
  readonly image: ImageId
  readonly file: PartialSnapshot
}

export class Snapshotter {
  readonly #ports: SnapshotterPorts
  #taking: Taking | null = null
  #receiving: Receiving | null = null
  #toInstall: { readonly file: PartialSnapshot, readonly restored: RestoredParts } | null = null
  #bytesSince = 0
  #stopped = false

  constructor(ports: SnapshotterPorts) {
    this.#ports = ports
  }

  stop(): void {
    this.#stopped = true
    this.#release()
  }

  /** Entries with so many bytes of data were applied, up to `appliedIndex`. Takes a snapshot if it is time. */
  applied(appliedIndex: number, dataBytes: number): void {
    const { core, config } = this.#ports
    this.#bytesSince += dataBytes
    if (this.#taking !== null || this.#stopped || this.#toInstall !== null) return
    const entriesSince = appliedIndex - (core.newestSnapshot?.head.lastIndex ?? 0)
    if (entriesSince < config.snapshotEntries && (this.#bytesSince < config.snapshotBytes || entriesSince === 0)) return
    // Null: applied, and this member's own disk lags. The next entry asks again.
    const head = core.snapshotHead(appliedIndex)
    if (head !== null) this.#onDisk(() => this.#take(head))
  }

  #take(head: SnapshotHead): void {
    const { store, stateMachine, scheduler } = this.#ports
    this.#bytesSince = 0
    const taking: Taking = { head, file: store.begin('own'), writing: null }
    this.#taking = taking
    taking.writing = writeSnapshot(head, stateMachine.parts, taking.file, scheduler, (error) => error === null ? this.#taken(taking) : this.#fail(error))
  }

  #taken(taking: Taking): void {
    const { core, store, wal, log } = this.#ports
    this.#release()
    if (taking.head.lastIndex <= (core.newestSnapshot?.head.lastIndex ?? 0)) return this.#onDisk(() => store.abandon(taking.file))
    this.#onDisk(() => {
      const snapshot = store.finish(taking.file, taking.head)
      core.snapshotTaken(snapshot)
      wal.dropBefore(core.baseIndex + 1)
      store.retire(core.snapshotsInUse())
      log.debug('took a snapshot', { index: taking.head.lastIndex, bytes: snapshot.image.sizeBytes })
    })
  }

  #release(): void {
    this.#taking?.writing?.cancel()
    this.#taking = null
  }

  /** Chunks come in order; one at offset 0 begins anew. */
  receive(chunk: SnapshotChunk): void {
    if (!this.#stopped) this.#onDisk(() => this.#receive(chunk))
  }

  #receive(chunk: SnapshotChunk): void {
    const { store, log } = this.#ports
    if (chunk.offset === 0) {
      if (this.#receiving !== null) store.abandon(this.#receiving.file)
      this.#receiving = { image: chunk.image, file: store.begin('received') }
      log.info('a snapshot begins to arrive', { index: chunk.image.lastIndex, bytes: chunk.image.sizeBytes })
    }
    const receiving = this.#receiving
    if (receiving === null || !sameImage(receiving.image, chunk.image)) return
    receiving.file.write(chunk.data)
    receiving.file.sync((error) => {
      if (this.#receiving !== receiving || this.#stopped) return
      if (error !== null) return this.#fail(error)
      if (chunk.offset + chunk.data.length === chunk.image.sizeBytes) this.#restore(receiving)
    })
  }

  #restore({ image, file }: Receiving): void {
    const { store, stateMachine, scheduler, log, core } = this.#ports
    this.#receiving = null
    const refuse = (reason: string) => {
      log.warn('refused a snapshot that a leader sent', { index: image.lastIndex, reason })
      this.#onDisk(() => store.abandon(file))
      core.discardIncoming()
    }
    if (file.checksum !== image.checksum) return refuse(`its checksum is ${file.checksum}, not ${image.checksum}`)
    const steps = restoreParts('from the leader', store.readerOf(file), stateMachine.parts)
    const step = (): void => {
      if (this.#stopped) return
      let next: ReturnType<typeof steps.next>
      const endMs = scheduler.nowMs() + sliceMsMax
      try {
        next = steps.next()
        for (let count = 1; count < sliceStepsMax && next.done !== true && scheduler.nowMs() < endMs; count++) next = steps.next()
      } catch (error) {
        if (!(error instanceof Error && error.name === 'SnapshotCorruptError')) throw error
        return refuse(error.message)
      }
      if (next.done !== true) return void scheduler.after(0, step)
      this.#toInstall = { file, restored: next.value }
      this.#ports.onProgress()
    }
    step()
  }

  /** To be called when no write of the log is under way and none is waiting. */
  installReceived(): void {
    if (this.#toInstall === null || this.#stopped) return
    const { core, store, wal, stateMachine, log } = this.#ports
    const { file, restored } = this.#toInstall
    const { head } = restored
    this.#toInstall = null
    this.#release()
    this.#onDisk(() => {
      // Durable before the log goes: a start finds the snapshot, and a log that it replaces.
      const snapshot = store.finish(file, head)
      if (core.installSnapshot(snapshot)) {
        wal.restartAt(head.lastIndex + 1)
        restored.finish()
        stateMachine.restoredTo(head.lastIndex)
        this.#bytesSince = 0
        log.info('installed a snapshot', { index: head.lastIndex, bytes: snapshot.image.sizeBytes })
        this.#ports.onInstalled(head)
      }
      store.retire(core.snapshotsInUse())
    })
  }

  #onDisk(act: () => void): void {
    try {
      act()
    } catch (error) {
      if (!(error instanceof Error && 'code' in error)) throw error
      this.#fail(error)
    }
  }

  #fail(error: Error): void {
    this.stop()
    this.#ports.onFatal(new Error(`a snapshot cannot be written: ${error.message}. Free or repair the disk, then start this member again.`, { cause: error }))
  }
}
