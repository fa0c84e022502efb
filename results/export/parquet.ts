/**
 * Apache Parquet for DuckDB and the like: typed columns, one row an event (faults
 * with process `nemesis`), or one an operation. Row groups of 100,000, Snappy,
 * dictionaries where they pay, times and indexes as differences. What a value is
 * stands in `value` as JSON, and in `value_int` too where it is a whole number:
 *
 *     SELECT f, avg(duration_ns) / 1e6 AS ms FROM 'run.parquet' WHERE outcome = 'ok' GROUP BY f
 */
import { ByteWriter, ParquetWriter, schemaFromColumnData, type BasicType, type ColumnSource } from 'hyparquet-writer'
import { contextMark, formatContext, type HistoryContext } from '../../harness/history/context.ts'
import type { HistoryEvent } from '../../harness/history/event.ts'
import { HistoryFormatError } from '../../harness/history/format-error.ts'
import type { OperationRow } from './operation-rows.ts'

const rowGroupRows = 100_000

/** What a column is, and its cell of a row. */
interface Column<Row> {
  readonly name: string
  readonly type: BasicType
  readonly nullable: boolean
  readonly encoding?: ColumnSource['encoding']
  readonly cell: (row: Row) => string | bigint | null
}

const text = <Row>(name: string, nullable: boolean, cell: (row: Row) => string | null | undefined): Column<Row> => ({ name, type: 'STRING', nullable, cell: (row) => cell(row) ?? null })

/** 64 bit, signed. `ascends`: stored as differences. */
const whole = <Row extends { readonly index: number }>(name: string, nullable: boolean, cell: (row: Row) => number | null | undefined, ascends = false): Column<Row> => ({
  name, type: 'INT64', nullable, ...ascends ? { encoding: 'DELTA_BINARY_PACKED' } : {},
  cell(row) {
    const value = cell(row) ?? null
    if (value !== null && !Number.isInteger(value)) throw new HistoryFormatError(`the ${name} at index ${row.index} is ${value}: the column holds whole numbers.`)
    return value === null ? null : BigInt(value)
  },
})

const json = (value: unknown) => value === null || value === undefined ? null : JSON.stringify(value)
const asked = (event: HistoryEvent) => event.process === 'nemesis' ? null : event

const eventColumns: readonly Column<HistoryEvent>[] = [
  whole('index', false, ({ index }) => index, true),
  whole('time', false, ({ time }) => time, true),
  text('type', false, ({ type }) => type),
  text('process', false, ({ process }) => String(process)),
  text('f', false, ({ f }) => f),
  text('key', true, (event) => asked(event)?.key),
  text('value', true, ({ value }) => json(value)),
  whole('value_int', true, ({ value }) => Number.isSafeInteger(value) ? value as number : null),
  whole('version', true, (event) => asked(event)?.version),
  text('consistency', true, (event) => asked(event)?.consistency),
  text('node', true, (event) => asked(event)?.node),
  text('error', true, ({ error }) => error),
]

const operationColumns: readonly Column<OperationRow>[] = [
  whole('index', false, ({ index }) => index),
  whole('process', false, ({ process }) => process),
  text('node', true, ({ node }) => node),
  text('f', false, ({ f }) => f),
  text('key', true, ({ key }) => key),
  text('outcome', false, ({ outcome }) => outcome),
  whole('start_ns', false, ({ start_ns }) => start_ns),
  whole('end_ns', true, ({ end_ns }) => end_ns),
  whole('duration_ns', true, ({ duration_ns }) => duration_ns),
  text('input', true, ({ input }) => json(input)),
  text('output', true, ({ output }) => json(output)),
  whole('version', true, ({ version }) => version),
  text('consistency', true, ({ consistency }) => consistency),
  text('error', true, ({ error }) => error),
  whole('end_index', true, ({ end_index }) => end_index),
]

/** The bytes of the file, a row group at a time. Which run it is of stands in the file's metadata, unless `context` is null. */
export function toParquet(events: Iterable<HistoryEvent>, context: HistoryContext | null): Generator<Uint8Array> {
  return tableOf(events, eventColumns, context)
}

export function operationsToParquet(rows: Iterable<OperationRow>, context: HistoryContext | null): Generator<Uint8Array> {
  return tableOf(rows, operationColumns, context)
}

function* tableOf<Row>(rows: Iterable<Row>, columns: readonly Column<Row>[], context: HistoryContext | null): Generator<Uint8Array> {
  const bytes = new ByteWriter()
  const taken = () => {
    const chunk = bytes.getBytes().slice()
    bytes.index = 0
    return chunk
  }
  const file = new ParquetWriter({
    writer: bytes, createdBy: 'splitbrain',
    schema: schemaFromColumnData({ columnData: columns.map(({ name, type, nullable }) => ({ name, type, nullable, data: [] })) }),
    ...context === null ? {} : { kvMetadata: [{ key: contextMark, value: formatContext(context) }] },
  })
  let group: Row[] = []
  const write = () => {
    // The schema has said of each column whether it may be null.
    const columnData = columns.map(({ name, encoding, cell }): ColumnSource => ({ name, data: group.map(cell), ...encoding === undefined ? {} : { encoding } }))
    file.write({ columnData, rowGroupSize: rowGroupRows })
    group = []
  }
  for (const row of rows) {
    group.push(row)
    if (group.length < rowGroupRows) continue
    write()
    yield taken()
  }
  if (group.length > 0) write()
  file.finish()
  yield taken()
}
