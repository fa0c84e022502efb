import type { Spread } from '../bench/spread.ts'

/** Three figures that mean something, or all of a large number's whole part. */
export function number(value: number): string {
  if (!Number.isFinite(value)) return String(value)
  const size = Math.abs(value)
  if (size >= 1000) return Math.round(value).toString()
  return String(Number(value.toPrecision(3)))
}

export function quantity(value: number, unit: string): string {
  return unit === '' ? number(value) : unit.startsWith('/') ? `${number(value)}${unit}` : `${number(value)} ${unit}`
}

/** `412 ms (380 to 505, 10)`: median, ends, how many; a single value stands for itself. */
export function spreadText({ n, median, min, max }: Spread, unit: string): string {
  return n === 1 ? quantity(median, unit) : `${quantity(median, unit)} (${number(min)} to ${number(max)}, ${n})`
}

export function percentText(percent: number | null): string {
  if (percent === null) return 'from 0'
  const rounded = Math.abs(percent) >= 100 ? percent.toFixed(0) : percent.toFixed(1)
  return Number(rounded) === 0 ? '±0 %' : `${percent > 0 ? '+' : '−'}${rounded.replace('-', '')} %`
}

/** `a`, `a and b`, `a, b and c`. */
export function listed(items: readonly string[]): string {
  return items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`
}

export const plural = (count: number, one: string, many = `${one}s`) => `${count} ${count === 1 ? one : many}`
