import type { Band, BandTone, TimeBands } from './drawing.ts'

const widthMax = 150

const strokes: Readonly<Record<BandTone, readonly [start: string, line: string, end: string]>> = {
  certain: ['├', '─', '┤'], perhaps: ['├', '╌', '┤'], rule: ['╞', '═', '╡'], wrong: ['┣', '━', '┫'],
}

/** Letters of a label that are shown within its band, as many as there is room for. */
const labelWidths = [60, 24]

/**
 * Bands for a terminal: a line for each lane, then one for each moment. Columns
 * are moments in their order, not a scale of time. Where it would be too wide,
 * what is said of bands stands before them; where it still is, there is none.
 */
export function bandsText(drawing: TimeBands): string[] {
  for (const width of labelWidths) {
    const picture = drawn(drawing, (label) => label.length > width ? `${label.slice(0, width - 1)}…` : label)
    if (picture.every((line) => line.length <= widthMax)) return picture
  }
  const told = { ...drawing, lanes: drawing.lanes.map(({ label, bands }) => ({ label: `${label}: ${bands.map((band) => band.label).join(', ')}`, bands })) }
  const narrow = drawn(told, () => '')
  return narrow.every((line) => line.length <= widthMax) ? narrow : []
}

function drawn({ lanes, moments }: TimeBands, shortened: (label: string) => string): string[] {
  const end = ({ toNs }: Band) => toNs ?? Infinity
  const all = lanes.flatMap(({ bands }) => bands)
  const times = [...new Set([...all.flatMap((band) => [band.fromNs, end(band)]), ...moments.map(({ atNs }) => atNs)])].sort((a, b) => a - b)
  const rank = new Map(times.map((time, i) => [time, i]))
  // Columns are widened from left to right until every label fits between its ends.
  const at = times.map((_, i) => 2 * i)
  for (const band of [...all].sort((a, b) => end(a) - end(b) || b.fromNs - a.fromNs)) {
    const missing = shortened(band.label).length + 3 - (at[rank.get(end(band))!]! - at[rank.get(band.fromNs)!]!)
    if (missing > 0) for (let i = rank.get(end(band))!; i < at.length; i++) at[i]! += missing
  }
  const headWidth = Math.max(0, ...lanes.map(({ label }) => label.length)) + 1
  const lines = lanes.map(({ label, bands }) => {
    const line = Array.from({ length: (at.at(-1) ?? 0) + 1 }, () => ' ')
    for (const band of bands) {
      const [from, to] = [at[rank.get(band.fromNs)!]!, at[rank.get(end(band))!]!]
      const [start, stroke, stop] = strokes[band.tone]
      for (let i = from; i <= to; i++) line[i] = stroke
      line[from] = start
      line[to] = band.toNs === null ? '╌' : stop
      const text = [...shortened(band.label)]
      const room = from + 1 + ((to - from - 1 - text.length) >> 1)
      text.forEach((letter, i) => { line[room + i] = letter })
    }
    return `${label.padEnd(headWidth)}${line.join('')}`
  })
  const marks = moments.map(({ atNs, label, wrong }) => {
    const column = headWidth + at[rank.get(atNs)!]!
    const mark = wrong ? '✗' : '▲'
    const text = `${label} (${(atNs / 1e9).toFixed(3)} s)`
    return column > text.length ? `${text} ${mark}`.padStart(column + 1) : `${' '.repeat(column)}${mark} ${text}`
  })
  return [...lines, ...marks].map((line) => line.trimEnd())
}

/** The lines with the picture before the last one, which says what follows from it. */
export function withPicture(lines: readonly string[], drawing: TimeBands): string[] {
  const picture = bandsText(drawing)
  return picture.length === 0 ? [...lines] : [...lines.slice(0, -1), '', ...picture, '', ...lines.slice(-1)]
}
