import { unreachable } from '../../../node/base/assert.ts'
import type { Anomaly, Link } from './anomalies.ts'
import type { Cycle } from './cycles.ts'
import { edgeKinds, type EdgeKindName } from './graph.ts'
import type { Transaction, TransactionHistory } from './transactions.ts'
import { listText, transactionName } from './words.ts'

const kindNames = Object.fromEntries(Object.entries(edgeKinds).map(([name, bit]) => [bit, name])) as Readonly<Record<number, EdgeKindName>>

/** A cycle: why each comes before the next (drawing.ts tells that), and that it closes. */
export function explainCycle(history: TransactionHistory, { name, steps }: Cycle): Anomaly {
  const elements = [...new Set(steps.flatMap(({ element }) => element < 0 ? [] : [element]))]
  const keys = new Set(elements.map((element) => history.names.keys[history.names.keyOf[element]!]!))
  return {
    name,
    key: keys.size === 1 ? [...keys][0]! : null,
    transactions: steps.map(({ from }) => from),
    elements,
    links: steps.map(({ from, to, kind, element }) => ({ from, to, kind: kindNames[kind]!, element })),
    explanation: [`Each was before the next, and so ${transactionName(steps[0]!.from)} was before itself: a cycle of ${steps.length} (${steps.map(({ kind }) => kindNames[kind]).join(', ')}).`],
  }
}

/** Why the one was before the other: a sentence without its end. */
export function linkSentence(history: TransactionHistory, { from, to, kind, element }: Link): string {
  const [a, b] = [transactionName(from), transactionName(to)]
  const { transactions } = history
  const [key, value] = elementText(history, element)
  switch (kind) {
    case 'ww': return `${a} appended to ${key}, and ${b} appended ${value} behind it`
    case 'wr': return `${a} appended ${value} to ${key}, and ${b} read it there`
    case 'rw': return `${a} read ${key} as ${listText(history, readWithout(history, from, element) ?? [])}, without ${value}, which ${b} appended`
    case 'process': return `worker ${transactions[from]!.process} did ${a} before ${b}`
    case 'realtime': return `${a} ended (index ${transactions[from]!.returnIndex}) before ${b} began (index ${transactions[to]!.invokeIndex})`
    default: return unreachable(kind)
  }
}

/** The same in few words, for beside an arrow. */
export function linkProof(history: TransactionHistory, { from, to, kind, element }: Link): string {
  const { transactions } = history
  const [key, value] = elementText(history, element)
  switch (kind) {
    case 'ww': return `${value} in ${key} behind its own`
    case 'wr': return `${value} in ${key} was read`
    case 'rw': return `${key} was read without ${value}`
    case 'process': return `worker ${transactions[from]!.process}'s order`
    case 'realtime': return `ended at ${transactions[from]!.returnIndex}, began at ${transactions[to]!.invokeIndex}`
    default: return unreachable(kind)
  }
}

function elementText({ names }: TransactionHistory, element: number): readonly [key: string, value: string] {
  return element < 0 ? ['', ''] : [names.keys[names.keyOf[element]!]!, JSON.stringify(names.values[element])]
}

/** What the transaction read of the list when it did not see the element; null: it did not read so. */
export function readWithout({ transactions, names }: TransactionHistory, id: Transaction['id'], element: number): readonly number[] | null {
  for (const operation of transactions[id]!.operations) {
    if (operation.f === 'r' && operation.key === names.keyOf[element] && operation.list !== null && !operation.list.includes(element)) return operation.list
  }
  return null
}
