const unitNs: Readonly<Record<string, number>> = {
  ns: 1, us: 1e3, 'µs': 1e3, 'μs': 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9,
}

/**
 * Nanoseconds of a duration as Go writes it: `1h2m3.5s`, `200ms`, `-1s`, `0`.
 * Every number but a bare 0 has its unit. Null for other text, and for what
 * does not fit Go's 64 bits (292 years). Beyond 2^53 ns (104 days) rounded.
 */
export function parseDurationNs(text: string): number | null {
  const unsigned = text.replace(/^[+-]/, '')
  if (unsigned === '0') return 0
  if (!/^((\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h))+$/.test(unsigned)) return null
  let ns = 0
  for (const [, amount, unit] of unsigned.matchAll(/([\d.]+)(ns|us|µs|μs|ms|s|m|h)/g)) ns += Number(amount) * unitNs[unit!]!
  if (ns >= 2 ** 63) return null
  const whole = Math.trunc(ns)
  return text.startsWith('-') && whole !== 0 ? -whole : whole
}
