import type { OperationEvent } from '../history/event.ts'

/**
 * A history as readable text for tests, one event a line:
 * `0 invoke write k 1` / `0 ok write k 1`; the key may be left out (`-`).
 * Values are JSON without blanks.
 */
export function historyOf(text: string): OperationEvent[] {
  return text.trim().split('\n').map((line, index) => {
    const [process, type, f, key, value] = line.trim().split(/\s+/) as [string, OperationEvent['type'], string, string, string | undefined]
    return {
      index, time: index * 1000, process: Number(process), type, f,
      ...key === '-' ? {} : { key },
      value: value === undefined ? null : JSON.parse(value),
    }
  })
}
