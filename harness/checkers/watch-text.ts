import type { HistoryEvent } from '../history/event.ts'
import type { FaultRecord } from '../runner/fault-record.ts'

/** What is judged of a text. */
export interface WatchText {
  readonly history: readonly HistoryEvent[]
  readonly faults: readonly FaultRecord[]
}

/**
 * Histories of watchers as text for tests, an operation a line with its times in
 * seconds: `1.0-1.1` succeeded, `1.0~1.1` may have happened, `1.0x1.1` failed.
 *
 *     1.0-1.1 0@n1 write p/a 1
 *     1.0-1.1 0@n1 delete p/a
 *     2.0-2.1 1@n2 wait p/ since=0 index=10 p/a=1:10     (key=value:version; wait=2000, stale, default)
 *     4.0-5.0 fault partition {}
 */
export function watchText(text: string): WatchText {
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
    const [worker, f, key, ...args] = words as [string, string, string, ...string[]]
    const [process, node] = worker.split('@') as [string, string]
    const value = f === 'write' ? JSON.parse(args[0]!) as unknown : null
    const type = how === '-' ? 'ok' : how === '~' ? 'info' : 'fail'
    const common = { process: Number(process), f, key, node }
    events.push({ time: fromNs, order: events.length, event: { ...common, type: 'invoke', value } })
    events.push({ time: toNs, order: events.length, event: { ...common, type, value: f === 'wait' && type === 'ok' ? answerOf(args) : value, ...type === 'ok' ? {} : { error: 'lost' } } })
  }
  const sorted = events.sort((a, b) => a.time - b.time || a.order - b.order)
  return { history: sorted.map(({ time, event }, index) => ({ ...event, index, time }) as HistoryEvent), faults }
}

function answerOf(words: readonly string[]): object {
  const number = (name: string, otherwise: number) => Number(words.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1) ?? otherwise)
  const entries = words.flatMap((word) => {
    const [, key, value, version] = /^([^=]+)=([^:]+):(\d+)$/.exec(word) ?? []
    return key === undefined ? [] : [[key, JSON.parse(value!) as unknown, Number(version)]]
  })
  return {
    since: number('since', 0), index: number('index', 1), waitMs: number('wait', 2000), entries,
    consistency: words.includes('stale') ? 'stale' : words.includes('default') ? 'default' : 'consistent',
  }
}
