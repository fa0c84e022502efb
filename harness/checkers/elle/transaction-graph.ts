/** The transactions of an anomaly as a graph to be drawn, and the same in text. */
import { piecesText, type DrawnTransaction, type TextPiece, type TransactionGraph } from '../drawing.ts'
import { textPicture } from '../evidence-picture.ts'
import type { Anomaly } from './anomalies.ts'
import { linkProof, linkSentence, readWithout } from './explain.ts'
import type { MicroOperation, TransactionHistory } from './transactions.ts'
import { shortList, shownPart, transactionName } from './words.ts'

/** Of one piece of evidence. */
const transactionsMax = 12
/** Of one transaction; beyond, only those that matter. */
const operationsMax = 8

/** What of a transaction matters: elements, lists that lack one, or all that was done to a key. */
interface Matters {
  readonly elements: ReadonlySet<number>
  readonly lists: ReadonlySet<readonly number[]>
  readonly key: number | null
}

/** Of more transactions than can be drawn, the first. */
export function transactionGraph(history: TransactionHistory, anomaly: Anomaly): TransactionGraph {
  const ids = [...new Set(anomaly.transactions)].slice(0, transactionsMax)
  const place = new Map(ids.map((id, i) => [id, i]))
  return {
    kind: 'transactions',
    transactions: ids.map((id) => drawn(history, id, matters(history, anomaly, id))),
    links: anomaly.links.flatMap((link) => {
      const [from, to] = [place.get(link.from), place.get(link.to)]
      return from === undefined || to === undefined ? [] : [{ from, to, kind: link.kind, proof: linkProof(history, link), sentence: linkSentence(history, link) }]
    }),
  }
}

function matters(history: TransactionHistory, { key, elements, links }: Anomaly, id: number): Matters {
  const touching = links.filter(({ from, to }) => from === id || to === id)
  return {
    // Of a cycle what makes its own steps.
    elements: new Set(links.length > 1 ? touching.map(({ element }) => element) : elements),
    lists: new Set(touching.flatMap(({ kind, from, element }) => kind === 'rw' && from === id ? [readWithout(history, id, element) ?? []] : [])),
    key: elements.length > 0 || links.length > 0 || key === null ? null : history.names.keys.indexOf(key),
  }
}

function drawn(history: TransactionHistory, id: number, what: Matters): DrawnTransaction {
  const { invokeIndex, returnIndex, process, outcome, operations } = history.transactions[id]!
  const all = operations.map((operation) => pieces(history, operation, what))
  const isMarked = (one: readonly TextPiece[]) => one.some(({ marked }) => marked)
  const kept = all.length <= operationsMax ? all : all.filter(isMarked).slice(0, operationsMax)
  const left = all.length - kept.length
  return {
    name: transactionName(id), index: invokeIndex,
    about: `worker ${process}, ${outcome === 'fail' ? 'aborted' : outcome}, index ${invokeIndex}${returnIndex === null ? '' : `–${returnIndex}`}`,
    operations: left === 0 ? kept : [...kept, [{ text: `and ${left} more`, marked: false }]],
  }
}

function pieces({ names }: TransactionHistory, operation: MicroOperation, { elements, lists, key }: Matters): TextPiece[] {
  const name = names.keys[operation.key]!
  const all = operation.key === key
  const plain = (text: string): TextPiece => ({ text, marked: all })
  const value = (element: number): TextPiece => ({ text: JSON.stringify(names.values[element]), marked: all || elements.has(element) })
  if (operation.f === 'append') return merged([plain(`append ${name} `), value(operation.element)])
  const { list } = operation
  if (list === null) return [plain(`r ${name} ?`)]
  if (lists.has(list)) return [plain(`r ${name} `), { text: shortList({ names }, list, list.length - 1), marked: true }]
  const at = list.findIndex((element) => elements.has(element))
  const { from, shown, isCut } = shownPart(list, at < 0 ? list.length - 1 : at)
  return merged([
    plain(`r ${name} [${from > 0 ? '… ' : ''}`),
    ...shown.flatMap((element, i) => i === 0 ? [value(element)] : [plain(' '), value(element)]),
    plain(`${isCut ? ' …' : ''}]`),
  ])
}

/** Neighbours of one kind as one. */
function merged(pieces: readonly TextPiece[]): TextPiece[] {
  const result: TextPiece[] = []
  for (const piece of pieces) {
    const last = result.at(-1)
    if (last !== undefined && last.marked === piece.marked) result[result.length - 1] = { ...last, text: last.text + piece.text }
    else result.push(piece)
  }
  return result
}

/**
 * For a terminal: each transaction with what matters between « », why it was
 * before the next, and all on the time line.
 */
export function graphText(history: TransactionHistory, { transactions, links }: TransactionGraph, anomaly: Anomaly): string[] {
  const lines = transactions.flatMap((transaction, place) => [
    `${transaction.name} (${transaction.about}): ${transaction.operations.map((one) => piecesText(one, (text) => `«${text}»`)).join(', ')}`,
    ...links.filter(({ from }) => from === place).map(({ kind, sentence, to }) => `  ↓ ${kind} to ${transactions[to]!.name}: ${sentence}`),
  ])
  const timed = [...new Set(anomaly.transactions)].slice(0, transactionsMax).map((id) => ({ ...history.transactions[id]!, node: null }))
  const picture = timed.length < 2 ? [] : textPicture(timed, ({ id, outcome }) => outcome === 'fail' ? `${transactionName(id)} aborted` : transactionName(id), null)
  const hidden = new Set(anomaly.transactions).size - transactions.length
  return [
    ...lines,
    ...hidden > 0 ? [`(and ${hidden} more transactions)`] : [],
    ...picture.length > 0 ? ['', ...picture, ''] : [],
    ...anomaly.explanation,
  ]
}
