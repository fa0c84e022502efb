/** Writes the state into a file, a slice of a turn at a time, while commands go on being applied. */
import type { Scheduler } from '../base/scheduler.ts'
import type { SnapshotHead } from '../raft/snapshot.ts'
import type { PartCapture, SnapshotPart } from '../state/snapshot-part.ts'
import { encodeBlock } from '../storage/snapshot-format.ts'

/** Where the bytes go; `sync` answers when all before it are down. */
export interface SnapshotSink {
  write(bytes: Uint8Array): void
  sync(done: (error: Error | null) => void): void
}

/**
 * One slice of work ends by whichever comes first. By time, so that a slow
 * machine is not held up for longer; by count and size, because a simulation's
 * clock stands still meanwhile.
 */
const sliceMsMax = 2
const sliceRecordsMax = 500
const sliceBytesMax = 128 * 1024
/** How often the clock is looked at. */
const recordsPerLook = 16

/**
 * Freezes `parts` as they are now and begins. `done` with null when all is
 * durable; never after `cancel`, which may be called at any time.
 */
export function writeSnapshot(
  head: SnapshotHead, parts: readonly SnapshotPart[], sink: SnapshotSink, scheduler: Scheduler, done: (error: Error | null) => void,
): { cancel(): void } {
  let captures: { readonly name: string, readonly capture: PartCapture }[] | null = parts.map((part) => ({ name: part.name, capture: part.capture() }))
  let blocks = 0
  let at = -1
  const release = () => {
    for (const { capture } of captures ?? []) capture.release()
    captures = null
  }
  const write = (block: Parameters<typeof encodeBlock>[0]) => sink.write(encodeBlock(block, blocks++))
  const synced = (then: () => void) => sink.sync((error) => {
    if (captures === null) return
    if (error === null) return then()
    release()
    done(error)
  })
  const slice = (): void => {
    if (captures === null) return
    const current = captures[at]
    const records = current === undefined ? [] : nextRecords(current.capture.records, scheduler)
    if (records.length > 0) {
      write({ type: 'records', records })
    } else if (++at < captures.length) {
      write({ type: 'section', name: captures[at]!.name })
    } else {
      write({ type: 'end' })
      return synced(() => {
        release()
        done(null)
      })
    }
    // The disk sets the pace: what is not written yet stays small.
    synced(() => scheduler.after(0, slice))
  }
  write({ type: 'head', head })
  scheduler.after(0, slice)
  return { cancel: release }
}

function nextRecords(iterator: Iterator<Uint8Array>, scheduler: Pick<Scheduler, 'nowMs'>): Uint8Array[] {
  const endMs = scheduler.nowMs() + sliceMsMax
  const records: Uint8Array[] = []
  let bytes = 0
  while (records.length < sliceRecordsMax && bytes < sliceBytesMax) {
    if (records.length % recordsPerLook === recordsPerLook - 1 && scheduler.nowMs() >= endMs) break
    const next = iterator.next()
    if (next.done === true) break
    records.push(next.value)
    bytes += next.value.length
  }
  return records
}
