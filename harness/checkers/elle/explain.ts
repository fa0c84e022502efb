import { unreachable } from '../../../node/base/assert.ts'
import type { Anomaly } from './anomalies.ts'
import type { Cycle } from './cycles.ts'
import { edgeKinds, type EdgeKindName } from './graph.ts'
import type { Step } from './paths.ts'
import type { Transaction, TransactionHistory } from './transactions.ts'
import { listText, transactionName } from './words.ts'

const kindNames = Object.fromEntries(Object.entries(edgeKinds).map(([name, bit]) => [bit, name])) as Readonly<Record<number, EdgeKindName>>

/** A cycle in words: a sentence for each step, and that it closes. */
export function explainCycle(history: TransactionHistory, { name, steps }: Cycle): Anomaly {
  const keys = new Set(steps.flatMap(({ element }) => element < 0 ? [] : [history.names.keys[history.names.keyOf[element]!]!]))
  return {
    name,
    key: keys.size === 1 ? [...keys][0]! : null,
    transactions: steps.map(({ from }) => from),
    explanation: [
      ...steps.map((step) => `${stepText(history, step)}, so ${transactionName(step.from)} was before ${transactionName(step.to)};`),
      `but then ${transactionName(steps[0]!.from)} was before itself: a cycle of ${steps.length} (${steps.map(({ kind }) => kindNames[kind]).join(', ')}).`,
    ],
  }
}

function stepText(history: TransactionHistory, { from, to, kind, element }: Step): string {
  const [a, b] = [transactionName(from), transactionName(to)]
  const { names, transactions } = history
  const value = element < 0 ? '' : JSON.stringify(names.values[element])
  const key = element < 0 ? '' : names.keys[names.keyOf[element]!]!
  const kindName = kindNames[kind]!
  switch (kindName) {
    case 'ww': return `${a} appended to ${key}, and ${b} appended ${value} behind it`
    case 'wr': return `${a} appended ${value} to ${key}, and ${b} read it there`
    case 'rw': return `${a} read ${key} as ${listText(history, readWithout(transactions[from]!, names.keyOf[element]!, element))}, without ${value}, which ${b} appended`
    case 'process': return `worker ${transactions[from]!.process} did ${a} before ${b}`
    case 'realtime': return `${a} ended (index ${transactions[from]!.returnIndex}) before ${b} began (index ${transactions[to]!.invokeIndex})`
    default: return unreachable(kindName)
  }
}

/** What the transaction read of the list when it did not see the element. */
function readWithout({ operations }: Transaction, key: number, element: number): readonly number[] {
  for (const operation of operations) {
    if (operation.f === 'r' && operation.key === key && operation.list !== null && !operation.list.includes(element)) return operation.list
  }
  return []
}
