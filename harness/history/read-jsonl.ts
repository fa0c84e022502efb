import { z } from 'zod'
import type { HistoryEvent } from './event.ts'
import { HistoryFormatError } from './format-error.ts'

const base = { index: z.int().min(0).optional(), time: z.number().optional(), f: z.string(), value: z.unknown().optional(), error: z.unknown().optional() }
const eventSchema = z.union([
  z.looseObject({ ...base, process: z.literal('nemesis'), type: z.string() }),
  z.looseObject({
    ...base, process: z.int(), type: z.enum(['invoke', 'ok', 'fail', 'info']),
    key: z.union([z.string(), z.number()]).optional(), version: z.number().optional(), node: z.string().optional(),
    consistency: z.enum(['default', 'consistent', 'stale']).optional(),
  }),
])

export interface ReadHistory {
  readonly events: readonly HistoryEvent[]
  /** What a reader should know: a torn last line, … */
  readonly notes: readonly string[]
}

/** One decoded object as an event; `position` stands in for a missing index. Throws HistoryFormatError. */
export function toEvent(value: unknown, position: number, place: string): HistoryEvent {
  const parsed = eventSchema.safeParse(value)
  if (!parsed.success) throw new HistoryFormatError(`${place}: not an event of a history: ${JSON.stringify(value).slice(0, 200)}. It needs type (invoke, ok, fail or info), process and f.`)
  const { data } = parsed
  const error = data.error === undefined || data.error === null ? {} : { error: typeof data.error === 'string' ? data.error : JSON.stringify(data.error) }
  const common = { index: data.index ?? position, time: data.time ?? position, f: data.f, value: data.value ?? null, ...error }
  if (data.process === 'nemesis') return { ...common, process: 'nemesis', type: 'info' }
  const operation = data as Extract<typeof data, { process: number }>
  return {
    ...common, process: operation.process, type: operation.type as 'invoke' | 'ok' | 'fail' | 'info',
    ...operation.key === undefined ? {} : { key: String(operation.key) },
    ...operation.version === undefined ? {} : { version: operation.version },
    ...operation.consistency === undefined ? {} : { consistency: operation.consistency },
    ...operation.node === undefined ? {} : { node: operation.node },
  }
}

/** Our own format, a JSON object a line. The last line of a killed run may be torn: it is left out, with a note. */
export function readJsonl(text: string): ReadHistory {
  const lines = text.split('\n')
  const events: HistoryEvent[] = []
  const notes: string[] = []
  lines.forEach((line, i) => {
    if (line.trim() === '') return
    let value: unknown
    try {
      value = JSON.parse(line)
    } catch (error) {
      if (i === lines.length - 1) {
        notes.push(`line ${i + 1} is torn and left out: the run that wrote it was killed`)
        return
      }
      throw new HistoryFormatError(`line ${i + 1}: not JSON: ${(error as Error).message}.`)
    }
    events.push(toEvent(value, events.length, `line ${i + 1}`))
  })
  return { events, notes }
}
