import type { Command } from 'commander'
import { shellWord } from '../plan/flag-values.ts'

/** The flags that a user gave to the command, ready for a shell. */
export function saidFlags(command: Command, leftOut: ReadonlySet<string>): string[] {
  return command.options.flatMap((option) => {
    const name = option.attributeName()
    const source = command.getOptionValueSource(name)
    if (source === undefined || source === 'default' || leftOut.has(name)) return []
    const value: unknown = command.getOptionValue(name)
    if (typeof value === 'boolean') return value === !option.negate ? [option.long!] : []
    return [option.long!, shellWord(Array.isArray(value) ? value.join(',') : typeof value === 'object' ? JSON.stringify(value) : String(value))]
  })
}
