import { z } from 'zod'
import { isMarked, toContext, type HistoryContext } from './context.ts'
import type { HistoryEvent } from './event.ts'
import { HistoryFormatError } from './format-error.ts'
import { linesOf, type TextChunks } from './text-chunks.ts'

const base = { index: z.int().min(0).optional(), time: z.number().optional(), f: z.string(), value: z.unknown().optional(), error: z.unknown().optional() }
const nemesisSchema = z.object({ ...base, process: z.literal('nemesis'), type: z.string() })
const operationSchema = z.object({
  ...base, process: z.int(), type: z.enum(['invoke', 'ok', 'fail', 'info']),
  key: z.union([z.string(), z.number()]).optional(), version: z.number().optional(), node: z.string().optional(),
  consistency: z.enum(['default', 'consistent', 'stale']).optional(),
})
/** By the one field that tells them apart: to try one after the other costs most of the time that a long history takes. */
const schemaOf = (value: unknown) => (value as { process?: unknown } | null)?.process === 'nemesis' ? nemesisSchema : operationSchema

export interface ReadHistory {
  readonly events: readonly HistoryEvent[]
  /** What a reader should know: a torn last line, … */
  readonly notes: readonly string[]
  /** Of the run that it is the history of, where the file says it. */
  readonly context?: HistoryContext | null
}

/** One decoded object as an event; `position` stands in for a missing index. Throws HistoryFormatError. */
export function toEvent(value: unknown, position: number, place: string): HistoryEvent {
  const parsed = schemaOf(value).safeParse(value)
  if (!parsed.success) throw new HistoryFormatError(`${place}: not an event of a history: ${JSON.stringify(value).slice(0, 200)}. It needs type (invoke, ok, fail or info), process and f.`)
  const { data } = parsed
  const error = data.error === undefined || data.error === null ? {} : { error: typeof data.error === 'string' ? data.error : JSON.stringify(data.error) }
  const at = { index: data.index ?? position, time: data.time ?? position }
  const { f } = data
  const read = data.value ?? null
  if (data.process === 'nemesis') return { ...at, type: 'info', process: 'nemesis', f, value: read, ...error }
  const { process, type, key, version, consistency, node } = data as Extract<typeof data, { process: number }>
  // In the order in which a run writes them: what is read and written again is the same text.
  return {
    ...at, type: type as 'invoke' | 'ok' | 'fail' | 'info', process, f,
    ...key === undefined ? {} : { key: String(key) },
    value: read,
    ...version === undefined ? {} : { version },
    ...consistency === undefined ? {} : { consistency },
    ...node === undefined ? {} : { node },
    ...error,
  }
}

/** Hears what a file says besides events. */
export interface HistoryListener {
  note(text: string): void
  context(context: HistoryContext): void
}

/** Collects a whole history; a million operations take some hundred MB. */
export function collectHistory(read: (listener: HistoryListener) => Iterable<HistoryEvent>): ReadHistory {
  const notes: string[] = []
  let context: HistoryContext | null = null
  const events = [...read({ note: (text) => void notes.push(text), context: (found) => { context = found } })]
  return { events, notes, context }
}

/** Our own format, a JSON object a line. The last line of a killed run may be torn: it is left out, with a note. */
export function readJsonl(text: TextChunks): ReadHistory {
  return collectHistory((listener) => eventsOfJsonl(text, listener))
}

/** One event at a time, however long the file is. Throws HistoryFormatError. */
export function* eventsOfJsonl(text: TextChunks, listener: HistoryListener): Generator<HistoryEvent> {
  let number = 0
  let count = 0
  let torn: { readonly line: number, readonly message: string } | null = null
  for (const line of linesOf(text)) {
    number++
    if (torn !== null) throw new HistoryFormatError(`line ${torn.line}: not JSON: ${torn.message}.`)
    if (line.trim() === '') continue
    let value: unknown
    try {
      value = JSON.parse(line)
    } catch (error) {
      torn = { line: number, message: (error as Error).message }
      continue
    }
    if (number === 1 && isMarked(value)) {
      tellContext(value, listener)
      continue
    }
    yield toEvent(value, count++, `line ${number}`)
  }
  if (torn !== null) listener.note(`line ${torn.line} is torn and left out: the run that wrote it was killed`)
}

/** What is marked as a context and cannot be read is said, and the events are read all the same. */
export function tellContext(value: unknown, listener: HistoryListener): void {
  const context = toContext(value)
  if (context === null) listener.note('what the file says of its run is of another version of splitbrain, and is not read')
  else listener.context(context)
}
