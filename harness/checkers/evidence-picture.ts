/** Anything that began and ended at places of the history; Infinity: it did not end. */
export interface PicturedOperation {
  readonly process: number
  readonly node: string | null
  readonly invokePosition: number
  readonly returnPosition: number
}

const operationsMax = 24
const widthMax = 150

/**
 * The operations as a picture in text: a lane for each worker, a bar from
 * invocation to answer, open to the right where none came. Columns are events
 * in their order, not a scale of time: who overlaps whom is what matters.
 * Empty where it would be too large to read.
 */
export function textPicture<T extends PicturedOperation>(operations: readonly T[], label: (operation: T) => string, impossible: T | null): string[] {
  if (operations.length === 0 || operations.length > operationsMax) return []
  const moments = [...new Set(operations.flatMap(({ invokePosition, returnPosition }) => [invokePosition, returnPosition]))].sort((a, b) => a - b)
  const columnOf = new Map(moments.map((moment, i) => [moment, i]))
  const from = (operation: T) => columnOf.get(operation.invokePosition)!
  const to = (operation: T) => columnOf.get(operation.returnPosition)!
  // Columns are widened from left to right until every label fits between its ends.
  const at = moments.map((_, i) => i)
  for (const operation of [...operations].sort((a, b) => to(a) - to(b) || from(b) - from(a))) {
    const missing = label(operation).length + 3 - (at[to(operation)]! - at[from(operation)]!)
    if (missing > 0) for (let i = to(operation); i < at.length; i++) at[i]! += missing
  }
  const processes = [...new Set(operations.map(({ process }) => process))].sort((a, b) => a - b)
  const heads = processes.map((process) => {
    const node = operations.find((operation) => operation.process === process)!.node
    return `worker ${process}${node === null ? '' : ` → ${node}`}`
  })
  const headWidth = Math.max(...heads.map((head) => head.length)) + 1
  if (headWidth + at.at(-1)! + 1 > widthMax) return []
  return processes.map((process, lane) => {
    const line = Array.from({ length: at.at(-1)! + 1 }, () => ' ')
    for (const operation of operations) {
      if (operation.process !== process) continue
      const [start, end] = [at[from(operation)]!, at[to(operation)]!]
      const dash = operation === impossible ? '━' : '─'
      for (let i = start; i <= end; i++) line[i] = dash
      line[start] = operation === impossible ? '┣' : '├'
      line[end] = operation.returnPosition === Infinity ? '╌' : operation === impossible ? '┫' : '┤'
      const text = label(operation)
      const room = start + 1 + ((end - start - 1 - text.length) >> 1)
      for (let i = 0; i < text.length; i++) line[room + i] = text[i]!
    }
    return `${heads[lane]!.padEnd(headWidth)}${line.join('').trimEnd()}`
  })
}
