import { UsageError } from '../plan/usage-error.ts'

type Flags = Readonly<Record<string, unknown>>

const dashed = (name: string) => name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)

/** A flag that is one number. Throws UsageError. */
export function numberFlag(flags: Flags, name: string, { min, max = Infinity, whole = true }: { readonly min: number, readonly max?: number, readonly whole?: boolean }): number {
  return checked(flags[name], name, min, max, whole)
}

/** A flag that is numbers with commas between them. Throws UsageError. */
export function numbersFlag(flags: Flags, name: string, { min, max = Infinity, whole = true }: { readonly min: number, readonly max?: number, readonly whole?: boolean }): number[] {
  return listOf(flags[name]).map((text) => checked(text, name, min, max, whole))
}

/** Each once. */
const listOf = (value: unknown): string[] => [...new Set(String(value).split(',').map((text) => text.trim()))]

function checked(value: unknown, name: string, min: number, max: number, whole: boolean): number {
  const number = Number(value)
  if (String(value).trim() === '' || !Number.isFinite(number) || number < min || number > max || whole && !Number.isInteger(number)) {
    const range = max === Infinity ? `of at least ${min}` : `from ${min} to ${max}`
    throw new UsageError(`--${dashed(name)} ${String(value)}: give a ${whole ? 'whole number' : 'number'} ${range}.`)
  }
  return number
}
