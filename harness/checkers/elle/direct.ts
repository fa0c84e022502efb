import type { Anomaly } from './anomalies.ts'
import type { TransactionHistory } from './transactions.ts'
import type { VersionOrders } from './version-orders.ts'
import { listText, transactionName } from './words.ts'

/** What a transaction read or appended before, of one list. */
type Expected =
  /** The whole list. */
  | { readonly kind: 'whole', readonly list: readonly number[] }
  /** Its end: the transaction appended without having read. */
  | { readonly kind: 'end', readonly list: readonly number[] }

/** Reads that contradict what the same transaction read or appended before. */
export function internalAnomalies(history: TransactionHistory): Anomaly[] {
  const anomalies: Anomaly[] = []
  for (const { id, outcome, operations } of history.transactions) {
    if (outcome !== 'ok' || operations.length < 2) continue
    const expected = new Map<number, Expected>()
    const appended = new Set<number>()
    for (const operation of operations) {
      const { key } = operation
      const before = expected.get(key)
      if (operation.f === 'append') {
        appended.add(operation.element)
        expected.set(key, { kind: before?.kind ?? 'end', list: [...before?.list ?? [], operation.element] })
        continue
      }
      const { list } = operation
      if (list === null) continue
      const early = list.find((element) => history.writerOf[element] === id && !appended.has(element))
      if (early !== undefined) {
        const name = history.names.keys[key]!
        anomalies.push({
          name: 'internal', key: name, transactions: [id], elements: [early], links: [],
          explanation: [`${transactionName(id)} read ${name} as ${listText(history, list)} before it appended ${JSON.stringify(history.names.values[early])} itself.`],
        })
      }
      if (before !== undefined && !agrees(list, before)) {
        const name = history.names.keys[key]!
        anomalies.push({
          name: 'internal', key: name, transactions: [id], elements: [], links: [],
          explanation: [`${transactionName(id)} read ${name} as ${listText(history, list)}, but by its own operations before it should ${before.kind === 'whole' ? 'be' : 'end with'} ${listText(history, before.list)}.`],
        })
      }
      expected.set(key, { kind: 'whole', list })
    }
  }
  return anomalies
}

function agrees(list: readonly number[], expected: Expected): boolean {
  const from = list.length - expected.list.length
  if (expected.kind === 'whole' ? from !== 0 : from < 0) return false
  return expected.list.every((element, i) => list[from + i] === element)
}

/** Reads of what was never appended, of what an aborted transaction wrote (G1a), and of states that a transaction went on to change (G1b); writes on top of aborted ones. */
export function readAnomalies(history: TransactionHistory, { orders, reads }: VersionOrders): Anomaly[] {
  const { transactions, writerOf, names } = history
  const anomalies: Anomaly[] = []
  const finals = lastAppends(history)
  const reported = new Set<number>()
  reads.forEach((ofKey, key) => {
    const name = names.keys[key]!
    for (const { transaction: reader, list } of ofKey) {
      for (const element of list) {
        const writer = writerOf[element]!
        if (reported.has(element) || (writer >= 0 && transactions[writer]!.outcome !== 'fail')) continue
        // One reader of each such element is enough; all later ones see it too.
        reported.add(element)
        const value = JSON.stringify(names.values[element])
        anomalies.push(writer < 0
          ? { name: 'garbage-read', key: name, transactions: [reader], elements: [element], links: [], explanation: [`${transactionName(reader)} read ${value} in ${name}: ${listText(history, list)}; nobody appended it.`] }
          : { name: 'G1a', key: name, transactions: [writer, reader], elements: [element], links: [{ from: writer, to: reader, kind: 'wr', element }], explanation: [`${transactionName(writer)} was aborted, so that its append of ${value} to ${name} did not happen; ${transactionName(reader)} read ${name} as ${listText(history, list)}.`] })
      }
      const last = list.at(-1)
      if (last === undefined) continue
      const writer = writerOf[last]!
      if (writer < 0 || writer === reader || finals.has(last)) continue
      anomalies.push({
        name: 'G1b', key: name, transactions: [writer, reader], elements: [last], links: [{ from: writer, to: reader, kind: 'wr', element: last }],
        explanation: [`${transactionName(reader)} read ${name} as ${listText(history, list)}: in the midst of ${transactionName(writer)}, which went on appending to ${name} behind ${JSON.stringify(names.values[last])}.`],
      })
    }
  })
  orders.forEach(({ elements }, key) => {
    elements.forEach((element, place) => {
      const next = elements[place + 1]
      if (next === undefined) return
      const [writer, builder] = [writerOf[element]!, writerOf[next]!]
      if (writer < 0 || builder < 0 || transactions[writer]!.outcome !== 'fail' || transactions[builder]!.outcome === 'fail') return
      anomalies.push({
        name: 'dirty-update', key: names.keys[key]!, transactions: [writer, builder], elements: [element, next], links: [{ from: writer, to: builder, kind: 'ww', element: next }],
        explanation: [`${transactionName(builder)} appended ${JSON.stringify(names.values[next])} to ${names.keys[key]} right behind ${JSON.stringify(names.values[element])} of ${transactionName(writer)}, which was aborted.`],
      })
    })
  })
  return anomalies
}

/** Elements that are the last their transaction appended to that list. */
function lastAppends({ transactions }: TransactionHistory): Set<number> {
  const finals = new Set<number>()
  for (const { operations } of transactions) {
    const last = new Map<number, number>()
    for (const operation of operations) if (operation.f === 'append') last.set(operation.key, operation.element)
    for (const element of last.values()) finals.add(element)
  }
  return finals
}

/** Several transactions that read the same state of a list before they appended to it: each but one overlooked another. */
export function lostUpdates(history: TransactionHistory): Anomaly[] {
  const { transactions, names } = history
  const updaters = new Map<number, Map<string, number[]>>()
  for (const { id, outcome, operations } of transactions) {
    if (outcome !== 'ok') continue
    const firstRead = new Map<number, readonly number[] | null>()
    const counted = new Set<number>()
    for (const operation of operations) {
      const { key } = operation
      if (operation.f === 'r') {
        if (!firstRead.has(key)) firstRead.set(key, operation.list)
        continue
      }
      const read = firstRead.get(key)
      // Nothing was read before the append: a blind one overlooks nothing.
      if (read === undefined) firstRead.set(key, null)
      if (read === undefined || read === null || counted.has(key)) continue
      counted.add(key)
      // Of lists that fit one order, length and last element tell the state.
      const state = `${read.length} ${read.at(-1) ?? ''}`
      let states = updaters.get(key)
      if (states === undefined) updaters.set(key, states = new Map())
      const ids = states.get(state)
      if (ids === undefined) states.set(state, [id])
      else ids.push(id)
    }
  }
  const anomalies: Anomaly[] = []
  for (const [key, states] of updaters) {
    for (const ids of states.values()) {
      if (ids.length < 2) continue
      const name = names.keys[key]!
      const read = transactions[ids[0]!]!.operations.find((operation) => operation.f === 'r' && operation.key === key)
      const list = read?.f === 'r' && read.list !== null ? read.list : []
      anomalies.push({
        name: 'lost-update', key: name, transactions: ids, elements: [], links: [],
        explanation: [`${ids.map(transactionName).join(' and ')} each read ${name} as ${listText(history, list)} and then appended to it: one of them must have come before the other, and was overlooked.`],
      })
    }
  }
  return anomalies
}
