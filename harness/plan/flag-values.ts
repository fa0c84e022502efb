import { InvalidArgumentError } from 'commander'

/** What a flag's text means; each throws commander's InvalidArgumentError with a sentence. */
export function number(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('It must be a number.')
  return value
}

/** `3,4,5`: whole numbers above zero, each once. */
export function counts(text: string): number[] {
  const values = text.split(',').map((one) => Number(one.trim()))
  if (values.some((value) => !Number.isInteger(value) || value < 1)) throw new InvalidArgumentError('It must be whole numbers above zero, with commas between.')
  if (new Set(values).size < values.length) throw new InvalidArgumentError('It names a number twice.')
  return values
}

/** Words out of these, with commas between, each once. */
export function oneOrMoreOf<T extends string>(...allowed: readonly T[]): (text: string) => T[] {
  return (text) => {
    const words = text.split(',').map((one) => one.trim())
    const unknown = words.find((word) => !(allowed as readonly string[]).includes(word))
    if (unknown !== undefined) throw new InvalidArgumentError(`There is no "${unknown}"; there are ${allowed.join(', ')}.`)
    if (new Set(words).size < words.length) throw new InvalidArgumentError('It names one twice.')
    return words as T[]
  }
}

export function json(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new InvalidArgumentError(`It must be JSON: ${(error as Error).message}.`)
  }
}

/** One word for a shell, quoted where it must be. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
