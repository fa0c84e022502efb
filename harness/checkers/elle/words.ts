import type { Names } from './transactions.ts'

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
  const { from, shown, isCut } = shownPart(list, at)
  return `[${from > 0 ? '… ' : ''}${shown.map((element) => JSON.stringify(names.values[element])).join(' ')}${isCut ? ' …' : ''}]`
}

/** What is shown of a list so that the place `at` is; `from`: how many are left out before it, `isCut`: whether some are behind it. */
export function shownPart(list: readonly number[], at: number): { readonly from: number, readonly shown: readonly number[], readonly isCut: boolean } {
  const from = list.length <= shownMax ? 0 : Math.max(0, Math.min(at - 3, list.length - shownMax))
  return { from, shown: list.slice(from, from + shownMax), isCut: from + shownMax < list.length }
}
