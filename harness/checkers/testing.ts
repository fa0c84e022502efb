import type { OperationEvent } from '../history/event.ts'

/**
 * A history as readable text for tests, one event a line:
 * `0 invoke write k 1` / `0 ok write k 1`; the key may be left out (`-`).
 * Values are JSON without blanks. After it the version, `@5`, and on an invocation how
 * consistent a read is to be, `!consistent`.
 */
export function historyOf(text: string): OperationEvent[] {
  return text.trim().split('\n').map((line, index) => {
    const words = line.trim().split(/\s+/)
    const marked = (mark: string) => words.find((word) => word.startsWith(mark))?.slice(1)
    const [process, type, f, key, value] = words.filter((word) => !/^[@!]/.test(word)) as [string, OperationEvent['type'], string, string, string | undefined]
    const [version, consistency] = [marked('@'), marked('!')]
    return {
      index, time: index * 1_000_000, process: Number(process), type, f,
      ...key === '-' ? {} : { key },
      value: value === undefined ? null : JSON.parse(value),
      ...version === undefined ? {} : { version: Number(version) },
      ...consistency === undefined ? {} : { consistency: consistency as NonNullable<OperationEvent['consistency']> },
    }
  })
}
