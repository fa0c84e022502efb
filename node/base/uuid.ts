import type { Random } from './random.ts'

/** A random UUID (RFC 9562, version 4). */
export function randomUuid(random: Random): string {
  const words = Array.from({ length: 4 }, () => random.uint32())
  words[1] = (words[1]! & 0xffff_0fff | 0x4000) >>> 0
  words[2] = (words[2]! & 0x3fff_ffff | 0x8000_0000) >>> 0
  const hex = words.map((word) => word.toString(16).padStart(8, '0')).join('')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

/** What Consul's tables say of an id that is no UUID; null for one that may be. */
export function uuidProblem(text: string): string | null {
  if (Buffer.byteLength(text) !== 36) return 'UUID must be 36 characters'
  const hyphens = text.split('-').length - 1
  if (hyphens > 4) return `UUID should have maximum of 4 "-"; got ${hyphens}`
  const digits = text.replaceAll('-', '')
  if (digits.length % 2 !== 0) return 'UUID (without hyphens) must be even length'
  const wrong = [...digits].find((digit) => !/[0-9a-fA-F]/.test(digit))
  return wrong === undefined ? null : `Invalid UUID: encoding/hex: invalid byte: U+${wrong.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')} '${wrong}'`
}
