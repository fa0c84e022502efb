import { closeSync, openSync, writeSync } from 'node:fs'
import type { HarnessClock } from '../environments/environment.ts'
import type { HistoryEvent, OperationEvent, Unrecorded } from '../history/event.ts'
import type { Recording } from './run-context.ts'

export interface OpenRecording extends Recording, Disposable {
  /** After this nothing is recorded: what still comes in came too late to be judged. */
  close(): void
}

/**
 * Appends each event to the file as it happens, so that a killed run keeps what
 * it had; keeps all in memory too. So many as `unwrittenMax` may wait to be
 * written together: for a simulation, whose run can be had again from its seed,
 * one by one they would cost more than all else of the harness.
 */
export function openRecording(file: string, clock: HarnessClock, unwrittenMax = 0): OpenRecording {
  let descriptor: number | null = openSync(file, 'a')
  const events: HistoryEvent[] = []
  let writtenCount = 0
  const write = () => {
    let text = ''
    for (; writtenCount < events.length; writtenCount++) text += `${JSON.stringify(events[writtenCount])}\n`
    if (descriptor !== null && text !== '') writeSync(descriptor, text)
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
      events.push(recorded(events.length, clock.nowNs(), unrecorded))
      if (events.length - writtenCount > unwrittenMax) write()
    },
    close,
    [Symbol.dispose]: close,
  }
}

/** With its index and time in front, and without what is undefined. Operations field by field: a copy of whatever there is costs as much as the rest of the recording. */
function recorded(index: number, time: number, unrecorded: Unrecorded<HistoryEvent>): HistoryEvent {
  if (unrecorded.process === 'nemesis') return { index, time, ...unrecorded }
  const { type, process, f, key, value, version, consistency, node, error } = unrecorded
  const event: { -readonly [K in keyof OperationEvent]: OperationEvent[K] } = key === undefined ? { index, time, type, process, f, value } : { index, time, type, process, f, key, value }
  if (version !== undefined) event.version = version
  if (consistency !== undefined) event.consistency = consistency
  if (node !== undefined) event.node = node
  if (error !== undefined) event.error = error
  return event
}
