import { EdgeList, edgeKinds } from './graph.ts'
import type { Transaction, TransactionHistory } from './transactions.ts'
import type { VersionOrders } from './version-orders.ts'

/**
 * Products of readers and appends that no read shows are cut off here: where
 * there are so many, more than one of them is on a cycle.
 */
const unseenEdgesMax = 2_000_000
const unseenPerReadMin = 16

/**
 * Who must come before whom (Adya's direct serialization graph, Elle §4): ww,
 * wr and rw from each list's order. Aborted transactions take no part, nor
 * those that may have happened and that nobody saw: leaving them out is one of
 * the things that may have been. One that was seen did happen, all of it.
 */
export function dependencies(history: TransactionHistory, versions: VersionOrders, happened: Uint8Array): EdgeList {
  const edges = new EdgeList()
  const { writerOf } = history
  const writer = (element: number) => {
    const id = writerOf[element]!
    return id >= 0 && happened[id] === 1 ? id : -1
  }
  const unseen = unseenAppends(history, versions, happened)
  let unseenEdges = 0
  versions.orders.forEach(({ elements }, key) => {
    // By place: the next append that counts, at or behind it.
    const nextAt = new Int32Array(elements.length + 1).fill(-1)
    for (let place = elements.length - 1; place >= 0; place--) nextAt[place] = writer(elements[place]!) >= 0 ? place : nextAt[place + 1]!
    let last = -1
    for (const element of elements) {
      const id = writer(element)
      if (id < 0) continue
      if (last >= 0 && last !== id) edges.add(last, id, edgeKinds.ww, element)
      last = id
    }
    const behind = unseen[key] ?? []
    for (const element of behind) {
      const id = writerOf[element]!
      if (last >= 0 && last !== id) edges.add(last, id, edgeKinds.ww, element)
    }
    const reads = versions.reads[key]!
    const perRead = reads.length * behind.length <= unseenEdgesMax - unseenEdges ? behind.length : unseenPerReadMin
    for (const { transaction: reader, list } of reads) {
      const lastRead = list.at(-1)
      // Behind its own append it reads what it wrote; the order of writes says the rest.
      if (lastRead !== undefined && writerOf[lastRead] === reader) continue
      if (lastRead !== undefined) {
        const id = writer(lastRead)
        if (id >= 0 && id !== reader) edges.add(id, reader, edgeKinds.wr, lastRead)
      }
      const next = nextAt[list.length]!
      if (next >= 0) {
        const id = writerOf[elements[next]!]!
        if (id !== reader) edges.add(reader, id, edgeKinds.rw, elements[next]!)
        continue
      }
      for (let i = 0; i < perRead && i < behind.length; i++) {
        const id = writerOf[behind[i]!]!
        if (id !== reader) edges.add(reader, id, edgeKinds.rw, behind[i]!)
      }
      unseenEdges += perRead
    }
  })
  return edges
}

/** By transaction: 1 where it happened. */
export function committed({ transactions, writerOf }: TransactionHistory, { orders }: VersionOrders): Uint8Array {
  const happened = new Uint8Array(transactions.length)
  for (const { id, outcome } of transactions) if (outcome === 'ok') happened[id] = 1
  for (const { elements } of orders) {
    for (const element of elements) {
      const id = writerOf[element]!
      if (id >= 0 && transactions[id]!.outcome === 'info') happened[id] = 1
    }
  }
  return happened
}

/** By key: appends that happened and that the longest read does not have; they come behind it. Those that ended first stand first. */
function unseenAppends({ transactions }: TransactionHistory, { orders }: VersionOrders, happened: Uint8Array): number[][] {
  const byKey: number[][] = orders.map(() => [])
  const inOrderOfReturn = transactions.filter(({ id }) => happened[id] === 1).sort((a, b) => a.returnPosition === b.returnPosition ? 0 : a.returnPosition - b.returnPosition)
  for (const { operations } of inOrderOfReturn) {
    for (const operation of operations) {
      if (operation.f === 'append' && !orders[operation.key]!.places.has(operation.element)) byKey[operation.key]!.push(operation.element)
    }
  }
  return byKey
}

/** Each worker's own order. */
export function addProcessOrder(edges: EdgeList, transactions: readonly Transaction[], takesPart: (id: number) => boolean): void {
  const last = new Map<number, number>()
  for (const { id, process } of transactions) {
    if (!takesPart(id)) continue
    const before = last.get(process)
    if (before !== undefined) edges.add(before, id, edgeKinds.process, -1)
    last.set(process, id)
  }
}

/**
 * The order of real time: whoever ended before another began comes before it.
 * That is up to n² pairs. Instead each end becomes a node of its own, and these
 * form a chain: from a transaction to its end, along the chain, and from the
 * last end before it to each transaction, which makes 3n edges with the same
 * paths. Nodes from `transactions.length` on are ends. Returns how many nodes
 * there are.
 */
export function addRealTime(edges: EdgeList, transactions: readonly Transaction[], takesPart: (id: number) => boolean): number {
  const ends = transactions.filter(({ id, returnPosition }) => Number.isFinite(returnPosition) && takesPart(id))
    .sort((a, b) => a.returnPosition - b.returnPosition)
  const firstNode = transactions.length
  ends.forEach(({ id }, i) => {
    edges.add(id, firstNode + i, edgeKinds.realtime, -1)
    if (i > 0) edges.add(firstNode + i - 1, firstNode + i, edgeKinds.realtime, -1)
  })
  let ended = 0
  for (const { id, invokePosition } of transactions) {
    while (ended < ends.length && ends[ended]!.returnPosition < invokePosition) ended++
    if (ended > 0 && takesPart(id)) edges.add(firstNode + ended - 1, id, edgeKinds.realtime, -1)
  }
  return firstNode + ends.length
}
