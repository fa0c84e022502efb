import type { MicroOperation, Names, TransactionHistory } from './transactions.ts'

/** Transactions are counted from 0 in order of invocation; people read T0, T1, … */
export function transactionName(id: number): string {
  return `T${id}`
}

/** Longer lists are cut in the middle of nothing: only around the place that matters. */
const shownMax = 12

/** `[1 2 3]`, of long ones the end, which is what transactions differ in. */
export function listText({ names }: { readonly names: Names }, list: readonly number[]): string {
  const shown = list.slice(-shownMax).map((element) => JSON.stringify(names.values[element]))
  return `[${list.length > shownMax ? '… ' : ''}${shown.join(' ')}]`
}

/** The list around the place `at`. */
export function shortList({ names }: { readonly names: Names }, list: readonly number[], at: number): string {
  const from = Math.max(0, at - 3)
  const shown = list.slice(from, from + shownMax).map((element) => JSON.stringify(names.values[element]))
  return `[${from > 0 ? '… ' : ''}${shown.join(' ')}${from + shownMax < list.length ? ' …' : ''}]`
}

/** `T7 (index 120, worker 3, ok): append x 3, r y [1 2]`. */
export function transactionText(history: TransactionHistory, id: number): string {
  const { invokeIndex, process, outcome, operations } = history.transactions[id]!
  return `${transactionName(id)} (index ${invokeIndex}, worker ${process}, ${outcome}): ${operations.map((operation) => operationText(history, operation)).join(', ')}`
}

function operationText(history: TransactionHistory, operation: MicroOperation): string {
  const key = history.names.keys[operation.key]!
  if (operation.f === 'append') return `append ${key} ${JSON.stringify(history.names.values[operation.element])}`
  return `r ${key} ${operation.list === null ? '?' : listText(history, operation.list)}`
}
