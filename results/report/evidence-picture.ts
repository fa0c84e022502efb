import type { LinearizationAttempt } from '../../harness/checkers/verdict.ts'
import type { ReportData } from './report-data.ts'
import { escapeHtml } from './html.ts'

const barHeight = 22
const leftWidth = 104
const width = 980
const axisHeight = 22
/** Of letters in the picture, about. */
const charWidth = 6.6

/**
 * The operations of one piece of evidence as an SVG: a lane for each worker
 * that took part, a bar from invocation to answer, dashed to the right edge
 * where no answer came. Times are spread by rank, with their values below: what
 * matters is who overlaps whom, and real gaps are of very different lengths.
 * With an attempt: the order that was tried as numbered points, each where its
 * operation takes effect, and the operation that has no place in it. `names`:
 * what to write upon bars, by history index of the invocation; default: what was done.
 */
export function evidencePicture(data: ReportData, rows: readonly number[], attempt: LinearizationAttempt | null = null, names: ReadonlyMap<number, string> = new Map()): string {
  if (rows.length === 0 || rows.length > 60) return ''
  const { operations } = data
  const end = (row: number) => operations.outcome[row] === 2 || operations.endMs[row] === null ? Infinity : operations.endMs[row]!
  const moments = [...new Set(rows.flatMap((row) => [operations.startMs[row]!, end(row)]))].sort((a, b) => a - b)
  const rank = new Map(moments.map((moment, i) => [moment, i]))
  const xOfRank = (place: number) => leftWidth + ((place + 0.5) / moments.length) * (width - leftWidth)
  const rowHeight = attempt === null ? 34 : 56
  const processes = [...new Set(rows.map((row) => operations.process[row]!))].sort((a, b) => a - b)
  const top = (row: number) => processes.indexOf(operations.process[row]!) * rowHeight + 6
  const impossible = attempt?.impossible ?? null
  const bars = rows.map((row) => {
    const from = xOfRank(rank.get(operations.startMs[row]!)!)
    const to = end(row) === Infinity ? width : xOfRank(rank.get(end(row))!)
    const outcome = ['ok', 'fail', 'info', 'info'][operations.outcome[row]!]!
    const title = `${operationText(data, row)}\nfrom ${operations.startMs[row]} ms to ${operations.endMs[row] ?? '…'} ms`
    const isImpossible = operations.invokeIndex[row] === impossible
    const barWidth = Math.max(8, to - from)
    const text = names.get(operations.invokeIndex[row]!) ?? shortText(data, row)
    const room = Math.max(3, Math.floor((barWidth - 8) / charWidth))
    return `<g class="op ${outcome}${isImpossible ? ' impossible' : ''}"><title>${escapeHtml(title)}</title>`
      + `<rect x="${from.toFixed(1)}" y="${top(row)}" width="${barWidth.toFixed(1)}" height="${barHeight}" rx="3"/>`
      + `<text x="${(from + 5).toFixed(1)}" y="${top(row) + 15}">${escapeHtml(text.length > room ? `${text.slice(0, room - 1)}…` : text)}</text>`
      + (isImpossible ? `<text class="why" x="${from.toFixed(1)}" y="${top(row) + barHeight + 17}">✗ no place for it</text>` : '') + '</g>'
  })
  const labels = processes.map((process, lane) => {
    const row = rows.find((candidate) => operations.process[candidate] === process)!
    const node = data.nodes[operations.node[row]!]
    return `<text class="lane" x="0" y="${lane * rowHeight + 21}">worker ${process}${node === undefined ? '' : ` → ${escapeHtml(node)}`}</text>`
  })
  const { line, marks } = attempt === null ? { line: '', marks: '' } : orderPoints(attempt, new Map(rows.map((row) => [operations.invokeIndex[row]!, row])), {
    x: (base, part) => xOfRank(base + part), y: (row) => top(row) + barHeight, startRank: (row) => rank.get(operations.startMs[row]!)!,
  })
  const bottom = processes.length * rowHeight
  const description = names.size > 0 ? 'When the transactions were' : attempt === null ? 'Operations that contradict each other' : 'Operations that contradict each other, and the order that was tried'
  return `<svg class="evidence" viewBox="0 0 ${width} ${bottom + axisHeight}" role="img" aria-label="${description}">${timeAxis(moments, xOfRank, bottom)}${line}${labels.join('')}${bars.join('')}${marks}</svg>`
}

interface Places {
  readonly x: (rank: number, part: number) => number
  readonly y: (row: number) => number
  readonly startRank: (row: number) => number
}

/** A point for each operation of the order, left to right, each within its operation. */
function orderPoints(attempt: LinearizationAttempt, rowOf: ReadonlyMap<number, number>, { x, y, startRank }: Places): { readonly line: string, readonly marks: string } {
  // An order that real time allows: nothing is placed before the latest invocation so far, nor behind the next return.
  let base = 0
  const placed = attempt.order.flatMap(({ index, state }, i) => {
    const row = rowOf.get(index)
    if (row === undefined) return []
    base = Math.max(base, startRank(row))
    return [{ row, state, base, number: i + 1 }]
  })
  const points = placed.map((point, i) => {
    const sharers = placed.filter((other) => other.base === point.base)
    return { ...point, x: x(point.base, (sharers.indexOf(placed[i]!) + 1) / (sharers.length + 1)), y: y(point.row) + 12 }
  })
  const marks = points.map((point) => `<g class="point"><title>${point.number}. then it is ${escapeHtml(point.state)}</title>`
    + `<line x1="${point.x.toFixed(1)}" x2="${point.x.toFixed(1)}" y1="${point.y - 18}" y2="${point.y}"/>`
    + `<circle cx="${point.x.toFixed(1)}" cy="${point.y}" r="9"/><text x="${point.x.toFixed(1)}" y="${point.y + 4}">${point.number}</text></g>`)
  return { marks: marks.join(''), line: `<polyline class="order" points="${points.map((point) => `${point.x.toFixed(1)},${point.y}`).join(' ')}"/>` }
}

/** Times of as many moments as have room; `moments` in ms, ascending. */
export function timeAxis(moments: readonly number[], x: (rank: number) => number, y: number): string {
  let free = 0
  return moments.map((moment, i) => {
    if (moment === Infinity) return ''
    const tick = `<line class="tick" x1="${x(i).toFixed(1)}" x2="${x(i).toFixed(1)}" y1="0" y2="${y + 3}"/>`
    if (x(i) - 30 < free) return tick
    free = x(i) + 34
    return `${tick}<text class="time" x="${x(i).toFixed(1)}" y="${y + 16}">${(moment / 1000).toFixed(4)} s</text>`
  }).join('')
}

/** Rows of the operations, in order of invocation. */
export function rowsOf(data: ReportData, invokeIndexes: readonly number[]): number[] {
  const wanted = new Set(invokeIndexes)
  const rows: number[] = []
  data.operations.invokeIndex.forEach((index, row) => {
    if (wanted.has(index)) rows.push(row)
  })
  return rows
}

/** `write k3 17 → ok`, for a tooltip. */
export function operationText(data: ReportData, row: number): string {
  const { operations } = data
  const outcome = ['ok', 'fail', 'info', 'no answer'][operations.outcome[row]!]!
  const key = data.keys[operations.key[row]!]
  const node = data.nodes[operations.node[row]!]
  // A read asks with nothing: what it saw is all there is to tell.
  const input = operations.input[row] === 'null' ? '' : ` ${operations.input[row]}`
  const output = operations.output[row] !== '' && ` ${operations.output[row]}` !== input ? ` ${operations.output[row]}` : ''
  return [
    `worker ${operations.process[row]}${node === undefined ? '' : ` at ${node}`}: ${data.functions[operations.f[row]!]}${key === undefined ? '' : ` ${key}`}${input}`,
    `→ ${outcome}${output}${operations.error[row] === '' ? '' : ` (${operations.error[row]})`}`,
  ].join(' ')
}

function shortText(data: ReportData, row: number): string {
  const { operations } = data
  const f = data.functions[operations.f[row]!]!
  const value = operations.output[row] !== '' ? operations.output[row]! : operations.input[row]!
  return `${f} ${value}${operations.outcome[row] === 0 ? '' : operations.outcome[row] === 1 ? ' ✗' : ' ?'}`
}
