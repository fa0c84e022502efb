/** Bands on one axis of time as SVG: a lane each, what matters as upright lines through all of them. */
import type { Band, TimeBands } from '../../harness/checkers/drawing.ts'
import { timeAxis } from './evidence-picture.ts'
import { escapeHtml } from './html.ts'

const width = 980
const leftWidth = 190
const laneHeight = 34
const barHeight = 22
const momentHeight = 18
const axisHeight = 22
/** Of letters in the picture, about. */
const charWidth = 6.6

/** Times are spread by rank, as in the pictures of operations: who overlaps whom is what matters. */
export function bandsPicture(drawing: TimeBands): string {
  const { lanes, moments } = drawing
  const end = ({ toNs }: Band) => toNs ?? Infinity
  const times = [...new Set([...lanes.flatMap(({ bands }) => bands.flatMap((band) => [band.fromNs, end(band)])), ...moments.map(({ atNs }) => atNs)])].sort((a, b) => a - b)
  const rank = new Map(times.map((time, i) => [time, i]))
  const xOfRank = (place: number) => leftWidth + ((place + 0.5) / times.length) * (width - leftWidth)
  const x = (time: number) => time === Infinity ? width : xOfRank(rank.get(time)!)
  const top = moments.length * momentHeight + 6
  const bottom = top + lanes.length * laneHeight
  const lanesSvg = lanes.map(({ label, bands }, lane) => {
    const y = top + lane * laneHeight
    const head = shortened(label, Math.floor(leftWidth / charWidth))
    return `<text class="lane" x="0" y="${y + 15}">${escapeHtml(head)}${head === label ? '' : `<title>${escapeHtml(label)}</title>`}</text>`
      + bands.map((band) => bandSvg(band, {
        from: x(band.fromNs), to: x(end(band)), y,
        freeFrom: Math.max(leftWidth, ...bands.filter(({ fromNs }) => fromNs < band.fromNs).map((other) => x(end(other)))),
        freeTo: Math.min(width, ...bands.filter(({ fromNs }) => fromNs > band.fromNs).map(({ fromNs }) => x(fromNs))),
      })).join('')
  })
  const lines = moments.map(({ atNs, label, wrong }, i) => {
    const at = x(atNs)
    const y = i * momentHeight + 13
    const leftwards = at > (width + leftWidth) / 2
    return `<g class="moment${wrong ? ' wrong' : ''}"><line x1="${at.toFixed(1)}" x2="${at.toFixed(1)}" y1="${y + 4}" y2="${bottom}"/>`
      + `<text x="${(at + (leftwards ? 4 : -4)).toFixed(1)}" y="${y}" text-anchor="${leftwards ? 'end' : 'start'}">${wrong ? '✗ ' : ''}${escapeHtml(label)}</text></g>`
  })
  return `<svg class="evidence bands" viewBox="0 0 ${width} ${bottom + axisHeight}" role="img" aria-label="${escapeHtml(bandsWords(drawing))}">`
    + `${timeAxis(times.map((time) => time / 1e6), xOfRank, bottom)}${lanesSvg.join('')}${lines.join('')}</svg>`
}

interface BandPlace {
  readonly from: number
  readonly to: number
  readonly y: number
  /** Where its lane is free before and behind it. */
  readonly freeFrom: number
  readonly freeTo: number
}

/** The label within the bar, or behind it, or before it, wherever it has room. */
function bandSvg({ fromNs, toNs, label, tone }: Band, { from, to, y, freeFrom, freeTo }: BandPlace): string {
  const barWidth = Math.max(4, to - from)
  const wanted = label.length * charWidth + 10
  const place = wanted <= barWidth ? 'inside' : wanted <= freeTo - to ? 'behind' : wanted <= from - freeFrom ? 'before' : 'cut'
  const roomChars = Math.max(0, Math.floor((barWidth - 10) / charWidth))
  const text = place !== 'cut' ? label : roomChars < 3 ? '' : shortened(label, roomChars)
  const at = place === 'behind' ? to + 5 : place === 'before' ? from - 5 : from + 5
  return `<g class="band ${tone}"><title>${escapeHtml(`${label}, ${spanText(fromNs, toNs)}`)}</title>`
    + `<rect x="${from.toFixed(1)}" y="${y}" width="${barWidth.toFixed(1)}" height="${barHeight}" rx="3"/>`
    + `<text${place === 'behind' ? ' class="outside"' : place === 'before' ? ' class="outside" text-anchor="end"' : ''} x="${at.toFixed(1)}" y="${y + 15}">${escapeHtml(text)}</text></g>`
}

/** All that is to be seen, for who does not see it. */
export function bandsWords({ about, lanes, moments }: TimeBands): string {
  return [about, ...bandsLines({ lanes, moments })].join(' ')
}

/** A sentence for each lane and each moment. */
export function bandsLines({ lanes, moments }: Pick<TimeBands, 'lanes' | 'moments'>): string[] {
  return [
    ...lanes.map(({ label, bands }) => `${label}: ${bands.map(({ label: what, fromNs, toNs }) => `${what}, ${spanText(fromNs, toNs)}`).join('; ')}.`),
    ...moments.map(({ atNs, label, wrong }) => `${wrong ? '✗ ' : ''}At ${seconds(atNs)}: ${label}.`),
  ]
}

const seconds = (ns: number) => `${(ns / 1e9).toFixed(3)} s`
const spanText = (fromNs: number, toNs: number | null) => toNs === null ? `from ${seconds(fromNs)} on` : `${seconds(fromNs)} to ${seconds(toNs)}`
const shortened = (text: string, chars: number) => text.length > chars ? `${text.slice(0, chars - 1)}…` : text
