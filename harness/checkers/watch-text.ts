import { numberIn, timedText, type TimedText } from './timed-text.ts'

/**
 * Histories of watchers as text for tests; timed-text.ts says how times are written.
 *
 *     1.0-1.1 0@n1 write p/a 1
 *     1.0-1.1 0@n1 delete p/a
 *     2.0-2.1 1@n2 wait p/ since=0 index=10 p/a=1:10     (key=value:version; wait=2000, stale, default)
 *     4.0-5.0 fault partition {}
 */
export function watchText(text: string): TimedText {
  return timedText(text, ([worker, f, key, ...args], end) => {
    const [process, node] = worker!.split('@') as [string, string]
    const value = f === 'write' ? JSON.parse(args[0]!) as unknown : null
    return { process: Number(process), f: f!, key: key!, node, asked: value, told: f === 'wait' && end === 'ok' ? answerOf(args) : value }
  })
}

function answerOf(words: readonly string[]): object {
  const entries = words.flatMap((word) => {
    const [, key, value, version] = /^([^=]+)=([^:]+):(\d+)$/.exec(word) ?? []
    return key === undefined ? [] : [[key, JSON.parse(value!) as unknown, Number(version)]]
  })
  return {
    since: numberIn(words, 'since', 0), index: numberIn(words, 'index', 1), waitMs: numberIn(words, 'wait', 2000), entries,
    consistency: words.includes('stale') ? 'stale' : words.includes('default') ? 'default' : 'consistent',
  }
}
