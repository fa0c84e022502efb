import type { HistoryEvent } from '../history/event.ts'
import type { FaultRecord } from '../runner/fault-record.ts'

/** What is judged of a text. */
export interface TimedText {
  readonly history: readonly HistoryEvent[]
  readonly faults: readonly FaultRecord[]
}

/** How an operation ended. */
export type TimedEnd = 'ok' | 'info' | 'fail'

/** An operation as its line says. */
export interface TimedOperation {
  readonly process: number
  readonly f: string
  readonly key?: string
  readonly node: string
  /** Of the invocation. */
  readonly asked: unknown
  /** Of the end. */
  readonly told: unknown
}

/**
 * Histories as text for tests, an operation a line with its times in seconds:
 * `1.0-1.1` succeeded, `1.0~1.1` may have happened, `1.0x1.1` failed; and
 * `4.0-5.0 fault clock {"members":["n1"]}`. What stands behind the times is
 * for `read`, in words.
 */
export function timedText(text: string, read: (words: readonly string[], end: TimedEnd) => TimedOperation): TimedText {
  const events: { readonly time: number, readonly order: number, readonly event: Omit<HistoryEvent, 'index' | 'time'> }[] = []
  const faults: FaultRecord[] = []
  for (const line of text.trim().split('\n').map((one) => one.trim()).filter((one) => one !== '')) {
    const [, from, how, to, rest] = /^([\d.]+)([-~x])([\d.]+)\s+(.*)$/.exec(line) ?? []
    if (rest === undefined) throw new Error(`no operation: ${line}`)
    const [fromNs, toNs] = [Math.round(Number(from) * 1e9), Math.round(Number(to) * 1e9)]
    const words = rest.split(/\s+/)
    if (words[0] === 'fault') {
      const common = { fault: faults.length, name: words[1]!, value: JSON.parse(words.slice(2).join(' ') || '{}'), sinceMainS: 0, observed: null, error: null }
      faults.push({ ...common, step: 'start', askedNs: fromNs, doneNs: fromNs }, { ...common, step: 'stop', askedNs: toNs, doneNs: toNs })
      continue
    }
    const type = how === '-' ? 'ok' : how === '~' ? 'info' : 'fail'
    const { asked, told, ...common } = read(words, type)
    events.push({ time: fromNs, order: events.length, event: { ...common, type: 'invoke', value: asked } })
    events.push({ time: toNs, order: events.length, event: { ...common, type, value: told, ...type === 'ok' ? {} : { error: 'lost' } } })
  }
  const sorted = events.sort((a, b) => a.time - b.time || a.order - b.order)
  return { history: sorted.map(({ time, event }, index) => ({ ...event, index, time }) as HistoryEvent), faults: faults.sort((a, b) => a.askedNs - b.askedNs) }
}

/** The number in `name=5`. */
export function numberIn(words: readonly string[], name: string, otherwise: number): number {
  return Number(words.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1) ?? otherwise)
}
