import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'hyparquet'
import { contextMark } from './context.ts'
import type { HistoryEvent } from './event.ts'
import { HistoryFormatError } from './format-error.ts'
import { tellContext, toEvent, type ReadHistory } from './read-jsonl.ts'
import type { HistoryContext } from './context.ts'

/** A byte-order mark is part of the text here, as it is in all other formats. */
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
const parsers = { stringFromBytes: (bytes: Uint8Array) => bytes && decoder.decode(bytes) }

const needed = ['type', 'process', 'f'] as const

/** What `splitbrain export --to parquet` writes: a row for each event. Reads a row group at a time. Throws HistoryFormatError. */
export async function readParquet(file: string): Promise<ReadHistory> {
  const notes: string[] = []
  const events: HistoryEvent[] = []
  let context: HistoryContext | null = null
  const buffer = await asyncBufferFromFile(file)
  const metadata = await parquetMetadataAsync(buffer).catch((error: unknown) => {
    throw new HistoryFormatError(`not Parquet: ${(error as Error).message}.`)
  })
  const names = new Set(metadata.schema.slice(1).map(({ name }) => name))
  if (names.has('outcome')) throw new HistoryFormatError('these are whole operations, of which the order of events is not known any more: export with --rows events.')
  const missing = needed.filter((name) => !names.has(name))
  if (missing.length > 0) throw new HistoryFormatError(`there is no column ${missing.join(', ')}.`)
  const said = metadata.key_value_metadata?.find(({ key }) => key === contextMark)?.value
  if (said !== undefined) tellContext(parsed(said, 'its metadata'), { note: (text) => void notes.push(text), context: (found) => { context = found } })
  let rowStart = 0
  for (const { num_rows } of metadata.row_groups) {
    const rowEnd = rowStart + Number(num_rows)
    const rows = await parquetReadObjects({ file: buffer, metadata, rowStart, rowEnd, parsers }).catch((error: unknown) => {
      throw new HistoryFormatError(`rows ${rowStart + 1} to ${rowEnd} cannot be read: ${(error as Error).message}.`)
    })
    for (const row of rows) events.push(eventOf(row, events.length))
    rowStart = rowEnd
  }
  return { events, notes, context }
}

function eventOf(row: Readonly<Record<string, unknown>>, position: number): HistoryEvent {
  const place = `row ${position + 1}`
  const number = (name: string) => row[name] === null || row[name] === undefined ? {} : { [name]: Number(row[name]) }
  const text = (name: string) => row[name] === null || row[name] === undefined ? {} : { [name]: row[name] }
  const { process, value } = row
  return toEvent({
    ...number('index'), ...number('time'), type: row['type'], f: row['f'],
    process: process === 'nemesis' ? process : Number(process),
    ...text('key'), value: typeof value === 'string' ? parsed(value, place) : null,
    ...number('version'), ...text('consistency'), ...text('node'), ...text('error'),
  }, position, place)
}

function parsed(json: string, place: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    throw new HistoryFormatError(`${place}: the value is not JSON: ${JSON.stringify(json.slice(0, 100))}.`)
  }
}
