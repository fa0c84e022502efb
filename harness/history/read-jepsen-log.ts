import type { HistoryEvent } from './event.ts'
import { HistoryFormatError } from './format-error.ts'
import type { ReadHistory } from './read-jsonl.ts'

/**
 * The operations in a log of Jepsen, `INFO  jepsen.util - 0 :invoke :read nil`
 * with tabs or spaces between the fields. Other lines are passed over.
 */
export function readJepsenLog(text: string): ReadHistory {
  const events: HistoryEvent[] = []
  text.split('\n').forEach((line, i) => {
    const match = /jepsen\.util - (:?\w+)\s+(:\w+)\s+(:[\w-]+)\s+(.*)$/.exec(line)
    if (match === null) return
    const [, process, type, f, rest] = match as unknown as [string, string, string, string, string]
    const index = events.length
    if (process.startsWith(':')) {
      events.push({ index, time: index, type: 'info', process: 'nemesis', f: f.slice(1), value: rest })
      return
    }
    const kind = type.slice(1)
    if (kind !== 'invoke' && kind !== 'ok' && kind !== 'fail' && kind !== 'info') {
      throw new HistoryFormatError(`line ${i + 1}: unknown type ${type}; there are :invoke, :ok, :fail and :info.`)
    }
    if (!/^\d+$/.test(process)) throw new HistoryFormatError(`line ${i + 1}: the process ${process} is no number.`)
    const common = { index, time: index, type: kind, process: Number(process), f: f.slice(1) } as const
    events.push(rest.startsWith(':') ? { ...common, value: null, error: rest.slice(1) } : { ...common, value: parseValue(rest, i + 1) })
  })
  return { events, notes: [] }
}

/** `nil`, a number, or `[expected next]`. */
function parseValue(text: string, line: number): unknown {
  const trimmed = text.trim()
  if (trimmed === 'nil' || trimmed === '') return null
  if (/^-?\d+$/.test(trimmed)) return Number(trimmed)
  const pair = /^\[(\S+) (\S+)\]$/.exec(trimmed)
  if (pair !== null) return [parseValue(pair[1]!, line), parseValue(pair[2]!, line)]
  throw new HistoryFormatError(`line ${line}: the value ${JSON.stringify(trimmed)} is neither nil, a number nor a pair.`)
}
