/**
 * EDN as Jepsen writes its `history.edn`: one map a line, in the order of
 * `jepsen.history` (https://github.com/jepsen-io/history, "Operation Structure"):
 *
 *     {:type :invoke, :f :read, :value ["k1" nil], :process 0, :time 123, :index 0, :key "k1", :node "n1"}
 *
 * - `:type` is one of `:invoke :ok :fail :info`, `:process` a number or
 *   `:nemesis`, `:time` ns since the start, `:index` counts from 0 without gaps.
 *   A process whose operation ended `:info` invokes nothing any more.
 * - The nemesis says `:info` before and after each of its steps, as Jepsen's does.
 * - What has a key is an independent tuple (`jepsen.independent`): `[key value]`.
 *   A tuple prints as any vector does, so the key stands beside it once more.
 * - A `cas` is `[old new]`, as Knossos' `cas-register` takes it.
 * - A transaction is a vector of micro-operations as Elle takes them, `[:append "k1" 2]`, `[:r "k1" nil]`.
 * - Fields of ours: `:key`, `:node` (who was asked), `:version`, `:consistency`, and `:error`, a text.
 *
 * The first line is a comment: what `splitbrain check` wants to know and nobody else.
 */
import { contextMark, contextVersion, type HistoryContext } from '../../harness/history/context.ts'
import type { HistoryEvent } from '../../harness/history/event.ts'
import { ednHeader } from '../../harness/history/read-edn.ts'

export function* toEdn(events: Iterable<HistoryEvent>, context: HistoryContext | null): Generator<string> {
  const said = context === null ? {} : { context: { [contextMark]: contextVersion, plan: context.plan, faults: context.faults } }
  yield `${ednHeader}${JSON.stringify({ tuples: true, ...said })}\n`
  for (const event of events) yield `${ednOfEvent(event)}\n`
}

function ednOfEvent(event: HistoryEvent): string {
  const isOperation = event.process !== 'nemesis'
  const plain = event.f === 'txn' ? ednOfTransaction(event.value) : ednOfValue(event.value)
  const value = isOperation && event.key !== undefined ? `[${ednOfText(event.key)} ${plain}]` : plain
  let line = `{:type :${event.type}, :f ${word(event.f)}, :value ${value}, :process ${isOperation ? event.process : ':nemesis'}, :time ${event.time}, :index ${event.index}`
  if (isOperation) {
    if (event.key !== undefined) line += `, :key ${ednOfText(event.key)}`
    if (event.node !== undefined) line += `, :node ${ednOfText(event.node)}`
    if (event.version !== undefined) line += `, :version ${event.version}`
    if (event.consistency !== undefined) line += `, :consistency :${event.consistency}`
  }
  if (event.error !== undefined) line += `, :error ${ednOfText(event.error)}`
  return `${line}}`
}

/** A keyword where it is a name that every reader takes for one; else a text. */
const word = (text: string) => /^[A-Za-z][\w*+!?-]*$/.test(text) ? `:${text}` : ednOfText(text)

/** JSON escapes are those of EDN: `\n \t \" \\ \uXXXX`. */
const ednOfText = (text: string) => JSON.stringify(text)

/** Of JSON. Keys of maps become keywords where they can. */
function ednOfValue(value: unknown): string {
  switch (typeof value) {
    case 'string': return ednOfText(value)
    // What JSON cannot say (an infinity) is null there too.
    case 'number': return Number.isFinite(value) ? String(value) : 'nil'
    case 'boolean': return String(value)
    case 'object': {
      if (value === null) return 'nil'
      if (Array.isArray(value)) return `[${value.map(ednOfValue).join(' ')}]`
      const pairs = Object.entries(value).filter(([, it]) => it !== undefined)
      return `{${pairs.map(([key, it]) => `${word(key)} ${ednOfValue(it)}`).join(', ')}}`
    }
    default: return 'nil'
  }
}

/** The names of micro-operations are keywords to Elle. What is no transaction is written as it is. */
function ednOfTransaction(value: unknown): string {
  if (!Array.isArray(value)) return ednOfValue(value)
  return `[${value.map((micro: unknown) => Array.isArray(micro) && typeof micro[0] === 'string'
    ? `[${[word(micro[0]), ...micro.slice(1).map(ednOfValue)].join(' ')}]` : ednOfValue(micro)).join(' ')}]`
}
