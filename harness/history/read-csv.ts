import type { HistoryEvent } from './event.ts'
import { HistoryFormatError } from './format-error.ts'
import { collectHistory, tellContext, toEvent, type HistoryListener, type ReadHistory } from './read-jsonl.ts'
import { linesOf, type TextChunks } from './text-chunks.ts'

/** In the column `type` of the row that tells of the run. */
export const csvContextType = 'context'

/** What `splitbrain export --to csv` writes: a header, and a row for each event. Columns are known by their names; others are passed over. */
export function readCsv(text: TextChunks): ReadHistory {
  return collectHistory((listener) => eventsOfCsv(text, listener))
}

/** One event at a time, however long the file is. Throws HistoryFormatError. */
export function* eventsOfCsv(text: TextChunks, listener: HistoryListener): Generator<HistoryEvent> {
  let columns: ReadonlyMap<string, number> | null = null
  let count = 0
  for (const { fields, line } of csvRecords(text)) {
    if (columns === null) {
      columns = columnsOf(fields)
      continue
    }
    const place = `line ${line}`
    const field = (name: string) => fields[columns!.get(name) ?? -1] ?? undefined
    if (field('type') === csvContextType) {
      tellContext(json(field('value'), place), listener)
      continue
    }
    const process = field('process')
    yield toEvent({
      ...number('index', field('index'), place), ...number('time', field('time'), place),
      type: field('type'), f: field('f'),
      process: process === 'nemesis' ? process : number('process', process, place).process,
      key: field('key'), value: json(field('value'), place),
      ...number('version', field('version'), place),
      consistency: field('consistency'), node: field('node'), error: field('error'),
    }, count++, place)
  }
}

function columnsOf(names: readonly (string | null)[]): ReadonlyMap<string, number> {
  const columns = new Map(names.map((name, at) => [at === 0 ? name?.replace(/^\uFEFF/, '') ?? '' : name ?? '', at]))
  if (columns.has('outcome')) throw new HistoryFormatError('these are whole operations, of which the order of events is not known any more: export with --rows events.')
  const missing = ['type', 'process', 'f'].filter((name) => !columns.has(name))
  if (missing.length > 0) throw new HistoryFormatError(`the first line names no column ${missing.join(', ')}.`)
  return columns
}

function number<Name extends string>(name: Name, text: string | undefined, place: string): { readonly [N in Name]?: number } {
  if (text === undefined) return {}
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value)) throw new HistoryFormatError(`${place}: ${name} is no number: ${JSON.stringify(text.slice(0, 100))}.`)
  return { [name]: value } as { readonly [N in Name]?: number }
}

/** An empty field is null. */
function json(text: string | undefined, place: string): unknown {
  if (text === undefined) return null
  try {
    return JSON.parse(text)
  } catch {
    throw new HistoryFormatError(`${place}: the value is not JSON: ${JSON.stringify(text.slice(0, 100))}.`)
  }
}

export interface CsvRecord {
  /** Null where nothing stands between the commas; "" where quotes do. */
  readonly fields: readonly (string | null)[]
  /** Of its beginning, from 1. */
  readonly line: number
}

/** RFC 4180: quotes around what has commas, quotes or line ends in it, quotes within doubled. Empty lines are passed over. */
export function* csvRecords(text: TextChunks): Generator<CsvRecord> {
  let number = 0
  let begun: { readonly lines: string[], readonly line: number } | null = null
  for (const line of linesOf(text)) {
    number++
    // A line end within quotes belongs to the field: the record goes on until its quotes are even.
    const odd = hasOddQuotes(line)
    if (begun !== null) {
      begun.lines.push(line)
      if (!odd) continue
      yield { fields: fieldsOf(begun.lines.join('\n'), begun.line), line: begun.line }
      begun = null
    } else if (odd) {
      begun = { lines: [line], line: number }
    } else if (line !== '' && line !== '\r') {
      yield { fields: fieldsOf(line, number), line: number }
    }
  }
  if (begun !== null) throw new HistoryFormatError(`line ${begun.line}: a quote is not closed.`)
}

function hasOddQuotes(line: string): boolean {
  let odd = false
  for (let at = line.indexOf('"'); at !== -1; at = line.indexOf('"', at + 1)) odd = !odd
  return odd
}

function fieldsOf(record: string, line: number): (string | null)[] {
  const end = record.endsWith('\r') ? record.length - 1 : record.length
  const fields: (string | null)[] = []
  for (let at = 0; ; at++) {
    if (record[at] === '"') {
      let value = ''
      for (at++; ; at++) {
        const quote = record.indexOf('"', at)
        if (quote === -1) throw new HistoryFormatError(`line ${line}: a quote is not closed.`)
        value += record.slice(at, quote)
        at = quote + 1
        if (record[at] !== '"') break
        value += '"'
      }
      fields.push(value)
    } else {
      const comma = record.indexOf(',', at)
      const stop = comma === -1 ? end : comma
      fields.push(stop === at ? null : record.slice(at, stop))
      at = stop
    }
    if (at >= end) return fields
    if (record[at] !== ',') throw new HistoryFormatError(`line ${line}: a comma is missing behind a closed quote.`)
  }
}
