/** A graph of transactions as SVG: boxes in a ring of two columns, an arrow to whom each comes before. */
import { piecesText, type DrawnLink, type DrawnTransaction, type TextPiece, type TransactionGraph } from '../../harness/checkers/drawing.ts'
import { escapeHtml } from './html.ts'

const width = 980
const boxWidth = 372
const lineHeight = 17
const headHeight = 24
const padding = 8
/** Between boxes of a column: room for what stands beside an arrow. */
const gapHeight = 58
/** Two arrows between two boxes, each with its words above and below. */
const boxHeightMin = 100
/** Of letters in the picture, about. */
const charWidth = 6.7
/** Of bold ones. */
const markedCharWidth = 8

interface Box {
  readonly transaction: DrawnTransaction
  readonly x: number
  readonly y: number
  readonly height: number
}

interface Point { readonly x: number, readonly y: number }

export function transactionPicture(graph: TransactionGraph): string {
  const { boxes, height } = placed(graph)
  const arrows = graph.links.map((link) => arrow(link, boxes, graph.links, height / 2))
  return `<svg class="evidence graph" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeHtml(graphWords(graph))}">${boxes.map(boxSvg).join('')}${arrows.join('')}</svg>`
}

/** All that is to be seen, for who does not see it. */
export function graphWords({ transactions, links }: TransactionGraph): string {
  const what = transactions.map(({ name, about, operations }) => `${name} (${about}): ${operations.map((one) => piecesText(one)).join(', ')}`)
  const why = links.map(({ from, to, kind, sentence }) => `${transactions[from]!.name} before ${transactions[to]!.name} (${kind}): ${sentence}`)
  return `${isCycle(links) ? 'A cycle of transactions' : 'Transactions'}. ${[...what, ...why].join('. ')}.`
}

export const isCycle = (links: readonly DrawnLink[]) => links.length > 1 && links[0]!.from === links.at(-1)!.to

/** The first at the top of the left column, then down the right one, and up the left one back to the first. */
function placed({ transactions, links }: TransactionGraph): { readonly boxes: readonly Box[], readonly height: number } {
  const count = transactions.length
  const leftCount = Math.max(1, Math.floor(count / 2))
  const rightCount = count - leftCount
  const right = transactions.slice(1, 1 + rightCount).map((_, i) => 1 + i)
  const left = [0, ...transactions.slice(1 + rightCount).map((_, i) => 1 + rightCount + i).reverse()]
  const heightOf = (place: number) => {
    const own = headHeight + transactions[place]!.operations.length * lineHeight + padding
    return count === 2 && links.length > 1 ? Math.max(own, boxHeightMin) : own
  }
  const heightOfColumn = (column: readonly number[]) => column.reduce((sum, place) => sum + heightOf(place) + gapHeight, -gapHeight)
  const height = Math.max(heightOfColumn(left), heightOfColumn(right)) + 2 * padding
  const boxes: Box[] = []
  for (const [column, x] of [[left, padding], [right, width - padding - boxWidth]] as const) {
    let y = (height - heightOfColumn(column)) / 2
    for (const place of column) {
      boxes[place] = { transaction: transactions[place]!, x, y, height: heightOf(place) }
      y += heightOf(place) + gapHeight
    }
  }
  return { boxes, height }
}

function boxSvg({ transaction: { name, about, operations }, x, y, height }: Box): string {
  const lines = operations.map((pieces, i) => `<text x="${x + padding}" y="${y + headHeight + 11 + i * lineHeight}">${fitted(pieces).map(({ text, marked }) => marked ? `<tspan class="marked">${escapeHtml(text)}</tspan>` : escapeHtml(text)).join('')}</text>`)
  return `<g class="transaction"><title>${escapeHtml(`${name} (${about}): ${operations.map((one) => piecesText(one)).join(', ')}`)}</title>`
    + `<rect x="${x}" y="${y}" width="${boxWidth}" height="${height}" rx="4"/>`
    + `<text class="name" x="${x + padding}" y="${y + 17}">${escapeHtml(name)}<tspan class="about" dx="8">${escapeHtml(about)}</tspan></text>${lines.join('')}</g>`
}

/** Cut where the box ends. */
function fitted(pieces: readonly TextPiece[]): TextPiece[] {
  let left = boxWidth - 2 * padding
  return pieces.flatMap((piece) => {
    const each = piece.marked ? markedCharWidth : charWidth
    const room = Math.floor(left / each)
    if (room <= 0) return []
    const text = piece.text.length > room ? `${piece.text.slice(0, room - 1)}…` : piece.text
    // Behind what was cut there is nothing.
    left = text === piece.text ? left - text.length * each : 0
    return [{ ...piece, text }]
  })
}

function arrow(link: DrawnLink, boxes: readonly Box[], links: readonly DrawnLink[], centreY: number): string {
  const [from, to] = [boxes[link.from]!, boxes[link.to]!]
  const isBackAlso = links.some((other) => other.from === link.to && other.to === link.from)
  const upright = from.x === to.x
  const [start, end] = upright ? uprightEnds(from, to) : sidewaysEnds(from, to, isBackAlso)
  const middle = { x: (start.x + end.x) / 2, y: (start.y + end.y) / 2 }
  const roomChars = Math.floor((upright ? boxWidth - 40 : width - 2 * (boxWidth + padding) - 24) / 6)
  const proof = link.proof.length > roomChars ? `${link.proof.slice(0, roomChars - 1)}…` : link.proof
  const at = wordsAt(middle, upright ? null : (end.y - start.y) / (end.x - start.x), proof.length * 6 / 2, centreY)
  return `<g class="link"><title>${escapeHtml(`${from.transaction.name} before ${to.transaction.name}: ${link.sentence}`)}</title>`
    + `<line x1="${start.x}" y1="${start.y}" x2="${end.x}" y2="${end.y}"/><polygon points="${arrowHead(start, end)}"/>`
    + `<text class="kind" x="${at.x}" y="${at.kind}" text-anchor="${at.anchor}">${escapeHtml(link.kind)}</text>`
    + `<text class="proof" x="${at.x}" y="${at.proof}" text-anchor="${at.anchor}">${escapeHtml(proof)}</text></g>`
}

function uprightEnds(from: Box, to: Box): readonly [Point, Point] {
  const x = from.x + 36
  return from.y < to.y ? [{ x, y: from.y + from.height }, { x, y: to.y }] : [{ x, y: from.y }, { x, y: to.y + to.height }]
}

/** Beside an upright arrow (no slope); above and below a level one; of others outside the ring, where the words do not touch it. */
function wordsAt({ x, y }: Point, slope: number | null, halfWidth: number, centreY: number) {
  if (slope === null) return { x: x + 12, kind: y - 3, proof: y + 13, anchor: 'start' }
  if (Math.abs(slope) < 0.05) return { x, kind: y - 7, proof: y + 16, anchor: 'middle' }
  const away = Math.abs(slope) * halfWidth + 5
  return y < centreY ? { x, kind: y - away - 16, proof: y - away, anchor: 'middle' } : { x, kind: y + away + 10, proof: y + away + 25, anchor: 'middle' }
}

/** There and back at heights of their own: there above. */
function sidewaysEnds(from: Box, to: Box, isBackAlso: boolean): readonly [Point, Point] {
  const rightwards = from.x < to.x
  const aside = isBackAlso ? (rightwards ? -24 : 24) : 0
  const [fromY, toY] = [from.y + from.height / 2, to.y + to.height / 2]
  // Two that meet at one box do not meet at one point.
  const lean = Math.abs(toY - fromY) < 10 ? 0 : Math.sign(toY - fromY) * 12
  return [
    { x: rightwards ? from.x + boxWidth : from.x, y: fromY + aside + lean },
    { x: rightwards ? to.x : to.x + boxWidth, y: toY + aside - lean },
  ]
}

function arrowHead(start: Point, end: Point): string {
  const length = Math.hypot(end.x - start.x, end.y - start.y) || 1
  const [dx, dy] = [(end.x - start.x) / length, (end.y - start.y) / length]
  const back = { x: end.x - 10 * dx, y: end.y - 10 * dy }
  return [end, { x: back.x - 5 * dy, y: back.y + 5 * dx }, { x: back.x + 5 * dy, y: back.y - 5 * dx }].map(({ x, y }) => `${x.toFixed(1)},${y.toFixed(1)}`).join(' ')
}
