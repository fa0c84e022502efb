import type { Anomaly } from './anomalies.ts'
import { listText, shortList, transactionName } from './words.ts'
import type { TransactionHistory } from './transactions.ts'

/** In which order elements were appended to one list, as far as a read shows it. */
export interface VersionOrder {
  /** The longest list that was read and all others begin with. */
  readonly elements: readonly number[]
  /** By element of this list: its place in `elements`. */
  readonly places: ReadonlyMap<number, number>
}

/** A completed read of a list, before its transaction appended anything to it or after. */
export interface ListRead {
  readonly transaction: number
  readonly list: readonly number[]
}

export interface VersionOrders {
  /** By key. */
  readonly orders: readonly VersionOrder[]
  /** By key: reads that fit the order. */
  readonly reads: readonly (readonly ListRead[])[]
  readonly anomalies: readonly Anomaly[]
}

/**
 * The order of a list's versions from the longest read of it: an append only
 * adds at the end, so every read must be the beginning of every longer one.
 */
export function versionOrders(history: TransactionHistory): VersionOrders {
  const { transactions, names } = history
  const anomalies: Anomaly[] = []
  const reads: ListRead[][] = names.keys.map(() => [])
  for (const { id, outcome, operations } of transactions) {
    if (outcome !== 'ok') continue
    for (const operation of operations) {
      if (operation.f === 'r' && operation.list !== null) reads[operation.key]!.push({ transaction: id, list: operation.list })
    }
  }
  const fitting: ListRead[][] = []
  const orders = reads.map((all, key): VersionOrder => {
    const sound = all.filter((read) => {
      const twice = firstTwice(read.list)
      if (twice !== null) {
        anomalies.push({
          name: 'duplicate-elements', key: names.keys[key]!, transactions: [read.transaction], elements: [twice], links: [],
          explanation: [`${transactionName(read.transaction)} read ${names.keys[key]} as ${listText(history, read.list)}: ${JSON.stringify(names.values[twice])} is there twice.`],
        })
      }
      return twice === null
    })
    const longest = sound.reduce<ListRead | null>((best, read) => best === null || read.list.length > best.list.length ? read : best, null)
    const elements = longest?.list ?? []
    const places = new Map(elements.map((element, place) => [element, place]))
    fitting.push(sound.filter((read) => {
      const at = read.list.findIndex((element, place) => element !== elements[place])
      if (at < 0) return true
      anomalies.push(misfit(history, key, read, longest!, at, places))
      return false
    }))
    if (longest !== null) anomalies.push(...orderWithin(history, key, longest, places))
    return { elements, places }
  })
  return { orders, reads: fitting, anomalies }
}

function misfit(history: TransactionHistory, key: number, read: ListRead, longest: ListRead, at: number, places: ReadonlyMap<number, number>): Anomaly {
  const { names } = history
  const name = names.keys[key]!
  const known = read.list.filter((element) => places.has(element))
  const swapped = known.findIndex((element, i) => i > 0 && places.get(known[i - 1]!)! > places.get(element)!)
  const seen = `${transactionName(read.transaction)} read ${name} as ${shortList(history, read.list, at)}, ${transactionName(longest.transaction)} as ${shortList(history, longest.list, at)}`
  const transactions = [read.transaction, longest.transaction]
  if (swapped > 0) {
    const [first, second] = [known[swapped - 1]!, known[swapped]!].map((element) => JSON.stringify(names.values[element]))
    return { name: 'cyclic-versions', key: name, transactions, elements: [known[swapped - 1]!, known[swapped]!], links: [], explanation: [`${seen}: ${first} is before ${second} in the one and behind it in the other.`] }
  }
  const differing = [read.list[at], longest.list[at]].filter((element) => element !== undefined)
  return { name: 'incompatible-order', key: name, transactions, elements: differing, links: [], explanation: [`${seen}: from place ${at + 1} on they differ, and neither is the beginning of the other.`] }
}

/** What one transaction appended to the list must stand in it as it was appended. */
function orderWithin(history: TransactionHistory, key: number, longest: ListRead, places: ReadonlyMap<number, number>): Anomaly[] {
  const anomalies: Anomaly[] = []
  const checked = new Set<number>()
  for (const element of longest.list) {
    const writer = history.writerOf[element]!
    if (writer < 0 || checked.has(writer)) continue
    checked.add(writer)
    let last = -1
    let lastElement = -1
    for (const operation of history.transactions[writer]!.operations) {
      if (operation.f !== 'append' || operation.key !== key) continue
      const place = places.get(operation.element)
      if (place === undefined) continue
      if (place < last) {
        const [first, second] = [lastElement, operation.element].map((one) => JSON.stringify(history.names.values[one]))
        anomalies.push({
          name: 'incompatible-order', key: history.names.keys[key]!, transactions: [...new Set([writer, longest.transaction])], elements: [lastElement, operation.element], links: [],
          explanation: [`${transactionName(writer)} appended ${first} to ${history.names.keys[key]} and then ${second}, but ${transactionName(longest.transaction)} read ${second} before ${first}.`],
        })
      }
      last = place
      lastElement = operation.element
    }
  }
  return anomalies
}

function firstTwice(list: readonly number[]): number | null {
  if (list.length < 2) return null
  const seen = new Set<number>()
  for (const element of list) {
    if (seen.has(element)) return element
    seen.add(element)
  }
  return null
}
