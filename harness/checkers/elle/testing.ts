import type { OperationEvent } from '../../history/event.ts'

/**
 * A history of transactions as readable text for tests, one event a line:
 * `0 invoke append x 1, r y` / `0 ok append x 1, r y [2 3]`. Values are whole
 * numbers; an invoked read has no list.
 */
export function transactionsOf(text: string): OperationEvent[] {
  return text.trim().split('\n').map((line, index) => {
    const [process, type, ...rest] = line.trim().split(/\s+/)
    const value = rest.join(' ').split(/,\s*(?![^[]*\])/).filter((part) => part !== '').map((part) => {
      const [, f, key, argument] = /^(append|r) (\S+) ?(.*)$/.exec(part)!
      if (f === 'append') return [f, key, Number(argument)]
      const list = /^\[(.*)\]$/.exec(argument!)
      return [f, key, list === null ? null : list[1]!.split(' ').filter((item) => item !== '').map(Number)]
    })
    return { index, time: index * 1000, process: Number(process), type: type as OperationEvent['type'], f: 'txn', value }
  })
}

/** Complete transactions one after another, each by a worker of its own: `append x 1, r y [2]`. */
export function oneByOne(...transactions: readonly string[]): string {
  return transactions.map((text, process) => `${process} invoke ${withoutLists(text)}\n${process} ok ${text}`).join('\n')
}

/** Complete transactions, all at once. */
export function allAtOnce(...transactions: readonly string[]): string {
  return [
    ...transactions.map((text, process) => `${process} invoke ${withoutLists(text)}`),
    ...transactions.map((text, process) => `${process} ok ${text}`),
  ].join('\n')
}

const withoutLists = (text: string) => text.replaceAll(/ \[[^\]]*\]/g, '')
