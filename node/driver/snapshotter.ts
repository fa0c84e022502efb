/**
 * Takes snapshots of this member's state and takes in those that a leader
 * sends, a slice of a turn at a time, so that requests are served meanwhile.
 */
import type { Log } from '../base/log.ts'
import type { Scheduler } from '../base/scheduler.ts'
import type { RaftConfig } from '../raft/config.ts'
import type { RaftCore } from '../raft/core.ts'
import { type ImageId, sameImage, type SnapshotChunk, type SnapshotHead } from '../raft/snapshot.ts'
import type { PartCapture } from '../state/snapshot-part.ts'
import type { StateMachine } from '../state/state-machine.ts'
import { encodeBlock } from '../storage/snapshot-format.ts'
import type { PartialSnapshot, SnapshotStore } from '../storage/snapshot-store.ts'
import type { Wal } from '../storage/wal.ts'
import { type RestoredParts, restoreParts } from './snapshot-restore.ts'

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

/** One slice of work. By count, not by time: a simulation's clock stands still meanwhile. About 1 ms on a slow core. */
const sliceRecordsMax = 500
const sliceBytesMax = 128 * 1024

interface Taking {
  readonly head: SnapshotHead
  readonly file: PartialSnapshot
  readonly parts: { readonly name: string, readonly capture: PartCapture }[]
  blocks: number
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
    const { store, stateMachine } = this.#ports
    this.#bytesSince = 0
    const file = store.begin('own')
    const parts = stateMachine.parts.map((part) => ({ name: part.name, capture: part.capture() }))
    const taking: Taking = { head, file, parts, blocks: 0 }
    this.#taking = taking
    this.#writeBlock(taking, encodeBlock({ type: 'head', head }, taking.blocks))
    let at = -1
    const slice = (): void => {
      if (this.#taking !== taking) return
      const part = taking.parts[at]
      const records = part === undefined ? [] : nextRecords(part.capture.records)
      if (records.length > 0) {
        this.#writeBlock(taking, encodeBlock({ type: 'records', records }, taking.blocks))
      } else if (++at < taking.parts.length) {
        this.#writeBlock(taking, encodeBlock({ type: 'section', name: taking.parts[at]!.name }, taking.blocks))
      } else {
        this.#writeBlock(taking, encodeBlock({ type: 'end' }, taking.blocks))
        return this.#synced(taking, () => this.#taken(taking))
      }
      // The disk sets the pace: what is not written yet stays small.
      this.#synced(taking, () => this.#ports.scheduler.after(0, slice))
    }
    this.#ports.scheduler.after(0, slice)
  }

  #writeBlock(taking: Taking, bytes: Uint8Array): void {
    taking.blocks++
    taking.file.write(bytes)
  }

  #synced(taking: Taking, then: () => void): void {
    taking.file.sync((error) => {
      if (this.#taking !== taking) return
      if (error !== null) return this.#fail(error)
      then()
    })
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
    for (const { capture } of this.#taking?.parts ?? []) capture.release()
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
      try {
        next = steps.next()
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

function nextRecords(iterator: Iterator<Uint8Array>): Uint8Array[] {
  const records: Uint8Array[] = []
  let bytes = 0
  while (records.length < sliceRecordsMax && bytes < sliceBytesMax) {
    const next = iterator.next()
    if (next.done === true) break
    records.push(next.value)
    bytes += next.value.length
  }
  return records
}
