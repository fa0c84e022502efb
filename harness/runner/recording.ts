import { closeSync, openSync, writeSync } from 'node:fs'
import type { HarnessClock } from '../environments/environment.ts'
import type { HistoryEvent } from '../history/event.ts'
import type { Recording } from './run-context.ts'

export interface OpenRecording extends Recording, Disposable {
  /** After this nothing is recorded: what still comes in came too late to be judged. */
  close(): void
}

/** Appends each event to the file as it happens, so that a killed run keeps what it had; keeps all in memory too. */
export function openRecording(file: string, clock: HarnessClock): OpenRecording {
  let descriptor: number | null = openSync(file, 'a')
  const events: HistoryEvent[] = []
  const close = () => {
    if (descriptor !== null) closeSync(descriptor)
    descriptor = null
  }
  return {
    events,
    record(unrecorded) {
      if (descriptor === null) return
      const event = { index: events.length, time: clock.nowNs(), ...unrecorded } as HistoryEvent
      events.push(event)
      writeSync(descriptor, `${JSON.stringify(event)}\n`)
    },
    close,
    [Symbol.dispose]: close,
  }
}
