/** Rows as a table: each column as wide as its widest cell and `gap`; the last one ends with its text. */
export function columns(rows: readonly (readonly string[])[], gap = 2): string {
  const widths: number[] = []
  for (const row of rows) row.forEach((cell, i) => { widths[i] = Math.max(widths[i] ?? 0, [...cell].length) })
  return rows.map((row) => row.map((cell, i) =>
    i === row.length - 1 ? cell : cell + ' '.repeat(widths[i]! + gap - [...cell].length)).join('')).join('\n')
}
