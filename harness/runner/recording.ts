import { closeSync, openSync, writeSync } from 'node:fs'
import type { HarnessClock } from '../environments/environment.ts'
import type { HistoryEvent } from '../history/event.ts'
import type { Recording } from './run-context.ts'

export interface OpenRecording extends Recording, Disposable {
  /** After this nothing is recorded: what still comes in came too late to be judged. */
  close(): void
}

/**
 * Appends each event to the file as it happens, so that a killed run keeps what
 * it had; keeps all in memory too. With `unwrittenCharsMax` so much may wait to
 * be written together: a thousand simulated operations take no longer than the
 * writes of their lines, and their run can be had again from its seed.
 */
export function openRecording(file: string, clock: HarnessClock, unwrittenCharsMax = 0): OpenRecording {
  let descriptor: number | null = openSync(file, 'a')
  const events: HistoryEvent[] = []
  let unwritten = ''
  const write = () => {
    if (descriptor !== null && unwritten !== '') writeSync(descriptor, unwritten)
    unwritten = ''
  }
  const close = () => {
    write()
    if (descriptor !== null) closeSync(descriptor)
    descriptor = null
  }
  return {
    events,
    record(unrecorded) {
      if (descriptor === null) return
      const event = { index: events.length, time: clock.nowNs(), ...unrecorded } as HistoryEvent
      events.push(event)
      unwritten += `${JSON.stringify(event)}\n`
      if (unwritten.length > unwrittenCharsMax) write()
    },
    close,
    [Symbol.dispose]: close,
  }
}
