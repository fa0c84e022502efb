import type { MicroOperation, Transaction } from './transactions.ts'

/**
 * Whether the transactions can have happened one after another in an order
 * that agrees with real time, by trying every order: for tests, of a handful.
 * Those that were aborted did not happen; those that may have, did or did not.
 */
export function canBeOrdered(transactions: readonly Transaction[]): boolean {
  const left = transactions.filter(({ outcome }) => outcome !== 'fail')
  return search(left, new Map())
}

type State = ReadonlyMap<number, readonly number[]>

function search(left: readonly Transaction[], state: State): boolean {
  if (left.every(({ outcome }) => outcome === 'info')) return true
  const firstReturn = Math.min(...left.map(({ returnPosition }) => returnPosition))
  return left.some((candidate) => {
    if (candidate.invokePosition > firstReturn) return false
    const others = left.filter((one) => one !== candidate)
    const next = after(state, candidate.operations)
    if (next !== null && search(others, next)) return true
    return candidate.outcome === 'info' && search(others, state)
  })
}

/** Null: it cannot have read what it read. */
function after(state: State, operations: readonly MicroOperation[]): State | null {
  const next = new Map(state)
  for (const operation of operations) {
    const list = next.get(operation.key) ?? []
    if (operation.f === 'append') next.set(operation.key, [...list, operation.element])
    else if (operation.list !== null && (operation.list.length !== list.length || operation.list.some((element, i) => element !== list[i]))) return null
  }
  return next
}
