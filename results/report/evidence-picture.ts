import type { ReportData } from './report-data.ts'
import { escapeHtml } from './html.ts'

const rowHeight = 34
const leftWidth = 92
const width = 980

/**
 * The operations of one piece of evidence as an SVG: a lane for each worker
 * that took part, a bar from invocation to answer, dashed to the right edge
 * where no answer came. Times are spread by rank, not by scale: what matters
 * is who overlaps whom, and real gaps are of very different lengths.
 */
export function evidencePicture(data: ReportData, invokeIndexes: readonly number[]): string {
  const rows = rowsOf(data, invokeIndexes)
  if (rows.length === 0 || rows.length > 60) return ''
  const { operations } = data
  const moments = [...new Set(rows.flatMap((row) => [operations.startMs[row]!, operations.endMs[row] ?? Infinity]))].sort((a, b) => a - b)
  const rank = new Map(moments.map((moment, i) => [moment, i]))
  const x = (moment: number) => leftWidth + ((rank.get(moment)! + 0.5) / moments.length) * (width - leftWidth)
  const processes = [...new Set(rows.map((row) => operations.process[row]!))].sort((a, b) => a - b)
  const bars = rows.map((row) => {
    const lane = processes.indexOf(operations.process[row]!)
    const y = lane * rowHeight + 6
    const start = x(operations.startMs[row]!)
    const end = operations.endMs[row] === null || operations.outcome[row] === 2 ? width : x(operations.endMs[row]!)
    const outcome = ['ok', 'fail', 'info', 'info'][operations.outcome[row]!]!
    const title = `${operationText(data, row)}\nfrom ${operations.startMs[row]} ms to ${operations.endMs[row] ?? '…'} ms`
    return `<g class="op ${outcome}"><title>${escapeHtml(title)}</title>`
      + `<rect x="${start.toFixed(1)}" y="${y}" width="${Math.max(8, end - start).toFixed(1)}" height="${rowHeight - 12}" rx="3"/>`
      + `<text x="${(start + 5).toFixed(1)}" y="${y + 15}">${escapeHtml(shortText(data, row))}</text></g>`
  })
  const labels = processes.map((process, lane) => {
    const row = rows.find((candidate) => operations.process[candidate] === process)!
    const node = data.nodes[operations.node[row]!]
    return `<text class="lane" x="0" y="${lane * rowHeight + 21}">worker ${process}${node === undefined ? '' : ` → ${escapeHtml(node)}`}</text>`
  })
  const height = processes.length * rowHeight
  return `<svg class="evidence" viewBox="0 0 ${width} ${height}" role="img" aria-label="Operations that contradict each other">${labels.join('')}${bars.join('')}</svg>`
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
  const output = operations.output[row] !== '' && operations.output[row] !== operations.input[row] ? ` ${operations.output[row]}` : ''
  return [
    `worker ${operations.process[row]}${node === undefined ? '' : ` at ${node}`}: ${data.functions[operations.f[row]!]}${key === undefined ? '' : ` ${key}`} ${operations.input[row]}`,
    `→ ${outcome}${output}${operations.error[row] === '' ? '' : ` (${operations.error[row]})`}`,
  ].join(' ')
}

function shortText(data: ReportData, row: number): string {
  const { operations } = data
  const f = data.functions[operations.f[row]!]!
  const value = operations.output[row] !== '' ? operations.output[row]! : operations.input[row]!
  return `${f} ${value}${operations.outcome[row] === 0 ? '' : operations.outcome[row] === 1 ? ' ✗' : ' ?'}`
}
