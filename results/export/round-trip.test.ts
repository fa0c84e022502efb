import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import type { HistoryContext } from '../../harness/history/context.ts'
import type { HistoryEvent } from '../../harness/history/event.ts'
import { readCsv } from '../../harness/history/read-csv.ts'
import { readEdn } from '../../harness/history/read-edn.ts'
import { readJsonl, type ReadHistory } from '../../harness/history/read-jsonl.ts'
import { readParquet } from '../../harness/history/read-parquet.ts'
import type { RunPlan } from '../../harness/plan/plan.ts'
import type { FaultRecord } from '../../harness/runner/fault-record.ts'
import { toCsv } from './csv.ts'
import { toEdn } from './edn.ts'
import { toJsonl } from './jsonl.ts'
import { toParquet } from './parquet.ts'

const folder = mkdtempSync(join(tmpdir(), 'splitbrain-export-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))

type Write = (events: readonly HistoryEvent[], context: HistoryContext | null) => Promise<ReadHistory>

/** Cut anywhere, also within characters' escapes and between quotes. */
function* cut(text: string): Generator<string> {
  for (let at = 0, size = 1; at < text.length; at += size, size = size * 7 % 61 + 1) yield text.slice(at, at + size)
}

const formats: Readonly<Record<string, Write>> = {
  jsonl: async (events, context) => readJsonl(cut([...toJsonl(events, context)].join(''))),
  edn: async (events, context) => readEdn(cut([...toEdn(events, context)].join(''))),
  csv: async (events, context) => readCsv(cut([...toCsv(events, context)].join(''))),
  parquet: async (events, context) => {
    const file = join(folder, 'history.parquet')
    writeFileSync(file, Buffer.concat([...toParquet(events, context)]))
    return readParquet(file)
  },
}

/** What JSON makes of it: what a run's history can hold. */
const stored = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 8 }),
  fc.constantFrom('', ' ', ',', '"', '""', '\n', '\r\n', '\r', ';', ']', '}', '\\', ':nemesis', 'nil', 'null', '=1+1', '\u0000', '\u0007', '\uFEFFx', 'é', '💥', 'a,"b"\nc', '; no comment', '{"splitbrain":1}'),
)
const json = fc.oneof(
  fc.constant(null), fc.integer(), fc.maxSafeInteger(), fc.double({ noNaN: true, noDefaultInfinity: true }), fc.boolean(), text,
  fc.array(fc.oneof(fc.integer(), text)), fc.tuple(fc.integer(), fc.integer()), fc.dictionary(text, fc.oneof(text, fc.array(fc.integer()))), fc.jsonValue(),
)
const transaction = fc.array(fc.oneof(fc.tuple(fc.constant('append'), text, fc.integer()), fc.tuple(fc.constantFrom('r', 'odd name'), text, fc.option(fc.array(fc.integer())))), { maxLength: 4 })
const optional = <T>(name: string, it: fc.Arbitrary<T>) => fc.option(it, { nil: undefined }).map((value) => value === undefined ? {} : { [name]: value })

const operation = fc.tuple(
  fc.record({ process: fc.nat(), type: fc.constantFrom('invoke', 'ok', 'fail', 'info') }),
  fc.oneof(fc.record({ f: fc.oneof(fc.constantFrom('read', 'write', 'cas', 'add'), text), value: json }), fc.record({ f: fc.constant('txn'), value: fc.oneof(transaction, json) })),
  optional('key', text), optional('version', fc.maxSafeNat()), optional('consistency', fc.constantFrom('default', 'consistent', 'stale')), optional('node', text), optional('error', text),
).map((parts) => Object.assign({}, ...parts) as object)
const nemesis = fc.tuple(
  fc.record({ process: fc.constant('nemesis'), type: fc.constant('info'), f: fc.oneof(fc.constant('start-partition'), text), value: json }), optional('error', text),
).map((parts) => Object.assign({}, ...parts) as object)

/** Not only histories that make sense: whatever can be written must come back. */
const histories = fc.array(fc.tuple(fc.nat(1e9), fc.oneof({ weight: 5, arbitrary: operation }, { weight: 1, arbitrary: nemesis })), { maxLength: 12 }).map((parts) => {
  let time = 0
  return stored(parts.map(([laterNs, event], index) => ({ index, time: time += laterNs, ...event }))) as HistoryEvent[]
})

const contexts = fc.option(fc.tuple(text, fc.array(text)).map(([word, words]): HistoryContext => stored({
  plan: { workload: 'register', members: 3, timeLimitS: 1.5, consistency: 'stale', env: 'simulated', mutant: word } as unknown as RunPlan,
  faults: words.map((name, fault) => ({ fault, name, step: 'start', value: { members: [name] }, askedNs: 1, doneNs: 2, sinceMainS: 0.1, observed: name, error: null }) satisfies FaultRecord),
})))

for (const [format, write] of Object.entries(formats)) {
  t.test(`${format}: whatever is written is read again, events and what they are of`, async (t) => {
    await fc.assert(fc.asyncProperty(histories, contexts, async (events, context) => {
      const read = await write(events, context)
      assert.deepStrictEqual(read, { events, notes: [], context })
    }), { numRuns: 120 })
    t.pass('held')
  })
}
