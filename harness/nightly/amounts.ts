import { UsageError } from '../plan/usage-error.ts'

const secondsPer: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 }
const bytesPer: Readonly<Record<string, number>> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 }

/** `90`, `90s`, `10m`, `1h30m`, `2d` in seconds. Throws UsageError. */
export function parseDuration(flag: string, text: string): number {
  const words = [...text.trim().matchAll(/(\d+(?:\.\d+)?)([smhd]?)/gy)]
  const whole = words.map(([word]) => word).join('') === text.trim()
  // Without a unit it is seconds, and stands alone: `1h30` leaves open what 30 is.
  const clear = words.length === 1 || words.every(([, , unit]) => unit !== '')
  const seconds = words.reduce((sum, [, amount, unit]) => sum + Number(amount) * secondsPer[unit === '' ? 's' : unit!]!, 0)
  if (!whole || !clear || words.length === 0 || seconds <= 0) throw new UsageError(`${flag} ${text}: give a length of time such as 90s, 10m, 1h30m or 2d.`)
  return seconds
}

/** `500MiB`, `2GiB`, `2G` (also `GB`: of 1024 all the same) in bytes. Throws UsageError. */
export function parseSize(flag: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?$/i.exec(text.trim())
  if (match === null) throw new UsageError(`${flag} ${text}: give a size such as 500MiB or 2GiB.`)
  return Math.floor(Number(match[1]) * bytesPer[match[2]!.toLowerCase()]!)
}

/** `45 s`, `9 min 30 s`, `2 h 5 min`. */
export function describeDuration(seconds: number): string {
  const whole = Math.round(seconds)
  if (whole < 60) return seconds < 10 ? `${Number(seconds.toFixed(1))} s` : `${whole} s`
  const [big, bigUnit, small, smallUnit] = whole < 3600 ? [Math.floor(whole / 60), 'min', whole % 60, 's'] : [Math.floor(whole / 3600), 'h', Math.floor(whole % 3600 / 60), 'min']
  return small === 0 ? `${big} ${bigUnit}` : `${big} ${bigUnit} ${small} ${smallUnit}`
}

/** `1.5 GiB`. */
export function describeSize(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  const power = Math.min(units.length - 1, bytes < 1 ? 0 : Math.floor(Math.log2(bytes) / 10))
  return `${Number((bytes / 2 ** (10 * power)).toFixed(1))} ${units[power]}`
}
