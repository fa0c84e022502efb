import { type HistoryEvent } from '../../history/event.ts'
import type { CheckResult, Evidence } from '../verdict.ts'
import { aboutAnomaly, baseName, ruledOut, severity, type Anomaly, type AnomalyName } from './anomalies.ts'
import { findCycles } from './cycles.ts'
import { addProcessOrder, addRealTime, committed, dependencies } from './dependencies.ts'
import { internalAnomalies, lostUpdates, readAnomalies } from './direct.ts'
import { explainCycle } from './explain.ts'
import { graphText, transactionGraph } from './transaction-graph.ts'
import { readTransactions, type Transaction, type TransactionHistory } from './transactions.ts'
import { versionOrders } from './version-orders.ts'

export interface ListAppendOptions {
  /** Edges that the search for short cycles of each class may look at: some seconds' worth. What is invalid is found whatever it is. */
  readonly edgeBudget?: number
  /**
   * Transactions that only read may show the past (all of them one moment of
   * it), but for those that the history calls `final-txn`: then they have no
   * order in time, nor in their worker's.
   */
  readonly staleReads?: boolean
}

const edgeBudgetDefault = 100_000_000
/** Of one name; of all the count is said. */
const evidenceOfNameMax = 2

/**
 * Whether transactions over lists can have happened one after another in an
 * order that agrees with real time (strict serializability), and if not, by
 * which anomalies. Throws MalformedHistoryError.
 *
 * The order of a list's versions shows itself in what is read of it, so that
 * dependencies are known and not searched for, and a cycle of them is a proof
 * (Kingsbury and Alvaro, "Elle: Inferring Isolation Anomalies from
 * Experimental Observations", VLDB 2020). Nearly linear in the history.
 */
export function checkListAppend(history: readonly HistoryEvent[], { edgeBudget = edgeBudgetDefault, staleReads = false }: ListAppendOptions = {}): CheckResult {
  const read = readTransactions(history)
  const { anomalies, edges, reads } = findAnomalies(read, { edgeBudget, staleReads })
  const count = (outcome: string) => read.transactions.filter((transaction) => transaction.outcome === outcome).length
  const counts = new Map<AnomalyName, number>()
  for (const { name } of anomalies) counts.set(name, (counts.get(name) ?? 0) + 1)
  const names = [...counts.keys()].sort((a, b) => severity(a) - severity(b))
  const details = {
    transactions: read.transactions.length, ok: count('ok'), info: count('info'), fail: count('fail'),
    keys: read.names.keys.length, appends: read.names.values.length, reads, edges,
    anomalies: Object.fromEntries(names.map((name) => [name, counts.get(name)])),
  }
  const result = (verdict: CheckResult['verdict'], summary: string, evidence: Evidence[]): CheckResult => ({ checker: 'append', verdict, summary, evidence, details })
  if (names.length > 0) {
    const listed = names.map((name) => counts.get(name) === 1 ? name : `${name} (${counts.get(name)} times)`).join(', ')
    return result('invalid', `Not ${staleReads ? '' : 'strictly '}serializable: ${listed}. Ruled out by ${names[0]}: ${ruledOut(names[0]!)}.`, evidenceOf(read, anomalies, names))
  }
  if (details.ok === 0) return result('unknown', 'There was nothing to check: no transaction was completed.', [])
  if (reads === 0) return result('unknown', `${details.ok} transactions were completed, but none read anything: nothing shows what they did.`, [])
  return result('valid', `${details.ok} transactions over ${details.keys} lists are ${staleReads ? 'serializable, those that write strictly' : 'strictly serializable'}; ${details.info} more may have happened.`, [])
}

/** The pure heart of it. */
export function findAnomalies(history: TransactionHistory, { edgeBudget, staleReads }: Required<ListAppendOptions>): { readonly anomalies: readonly Anomaly[], readonly edges: number, readonly reads: number } {
  const versions = versionOrders(history)
  const happened = committed(history, versions)
  const edges = dependencies(history, versions, happened)
  const inTime = (id: number) => happened[id] === 1 && !(staleReads && isStaleRead(history.transactions[id]!))
  addProcessOrder(edges, history.transactions, inTime)
  const nodeCount = addRealTime(edges, history.transactions, inTime)
  const cycles = findCycles(edges.graph(nodeCount), { transactions: history.transactions, inTime }, { edges: edgeBudget })
  return {
    anomalies: [
      ...versions.anomalies,
      ...readAnomalies(history, versions),
      ...internalAnomalies(history),
      ...lostUpdates(history),
      ...cycles.map((cycle) => explainCycle(history, cycle)),
    ],
    edges: edges.length,
    reads: versions.reads.reduce((sum, ofKey) => sum + ofKey.length, 0),
  }
}

function isStaleRead({ f, operations }: Transaction): boolean {
  return f !== 'final-txn' && operations.every((operation) => operation.f === 'r')
}

function evidenceOf(history: TransactionHistory, anomalies: readonly Anomaly[], names: readonly AnomalyName[]): Evidence[] {
  return names.flatMap((name) => {
    const ofName = anomalies.filter((anomaly) => anomaly.name === name)
      .sort((a, b) => a.transactions.length - b.transactions.length)
    return ofName.slice(0, evidenceOfNameMax).map((anomaly): Evidence => {
      const drawing = transactionGraph(history, anomaly)
      return {
        title: `${name}: ${aboutAnomaly[baseName(name)]}`,
        explanation: graphText(history, drawing, anomaly),
        key: anomaly.key,
        eventIndexes: anomaly.transactions.flatMap((id) => {
          const { invokeIndex, returnIndex } = history.transactions[id]!
          return returnIndex === null ? [invokeIndex] : [invokeIndex, returnIndex]
        }),
        drawing,
      }
    })
  })
}
