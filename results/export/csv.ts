/**
 * CSV by RFC 4180: a header, commas, quotes where they must be, CRLF. Values are
 * JSON in one field, so that a text, a number and a list can be told apart;
 * an empty field is null or absent, `""` an empty text. Nothing is changed for
 * spreadsheets: a text that begins with `=` stays as it was, and a program that
 * computes it must be told not to (import the columns as text).
 */
import { formatContext, type HistoryContext } from '../../harness/history/context.ts'
import type { HistoryEvent, OperationEvent } from '../../harness/history/event.ts'
import { csvContextType } from '../../harness/history/read-csv.ts'
import type { OperationRow } from './operation-rows.ts'

const eventColumns = ['index', 'time', 'type', 'process', 'f', 'key', 'value', 'version', 'consistency', 'node', 'error'] as const

/** A row for each event; the first, of type `context`, says which run it is of, unless `context` is null. */
export function* toCsv(events: Iterable<HistoryEvent>, context: HistoryContext | null): Generator<string> {
  yield row(eventColumns)
  if (context !== null) yield row(eventColumns.map((column) => column === 'type' ? csvContextType : column === 'value' ? formatContext(context) : null))
  for (const event of events) {
    const { index, time, type, process, f, value, error } = event
    const asked: Partial<OperationEvent> = event.process === 'nemesis' ? {} : event
    yield row([index, time, type, process, f, asked.key, jsonOrNull(value), asked.version, asked.consistency, asked.node, error])
  }
}

/** A row for each operation, with its columns in the order of the type. */
export function* operationsToCsv(rows: Iterable<OperationRow>): Generator<string> {
  let hasHeader = false
  for (const operation of rows) {
    if (!hasHeader) yield row(Object.keys(operation))
    hasHeader = true
    yield row(Object.entries(operation).map(([name, value]) => name === 'input' || name === 'output' ? jsonOrNull(value) : value as string | number | null))
  }
  // Without an operation there is still a table.
  if (!hasHeader) yield row(['process', 'f', 'outcome', 'start_ns', 'end_ns', 'duration_ns'])
}

const jsonOrNull = (value: unknown) => value === null || value === undefined ? null : JSON.stringify(value)

function row(fields: readonly (string | number | null | undefined)[]): string {
  return `${fields.map(field).join(',')}\r\n`
}

function field(value: string | number | null | undefined): string {
  if (value === null || value === undefined) return ''
  if (typeof value === 'number') return String(value)
  return value === '' || /[",\r\n]|^\s|\s$/.test(value) ? `"${value.replaceAll('"', '""')}"` : value
}
