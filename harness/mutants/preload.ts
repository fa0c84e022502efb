/**
 * Loaded into a member's process with `--import` before the member itself:
 * makes the source edits of the JSON file that SPLITBRAIN_EDITS names. An edit
 * that does not fit, or a file that cannot be read, ends the process: a member
 * that runs without its planted bug would prove nothing.
 */
import { readFileSync, writeSync } from 'node:fs'
import type { SourceEdit } from '../environments/environment.ts'
import { appliedLine, registerEdits } from './hook.ts'

const standardError = 2

const file = process.env['SPLITBRAIN_EDITS']
if (file === undefined || file === '') fail('SPLITBRAIN_EDITS does not name a file with source edits.')

let edits: readonly SourceEdit[]
try {
  edits = parseEdits(JSON.parse(readFileSync(file, 'utf8')))
} catch (error) {
  fail(`SPLITBRAIN_EDITS=${file}: ${error instanceof Error ? error.message : String(error)}`)
}

// This file is harness/mutants/preload.ts of a checkout, or the same below dist/.
const registered = registerEdits(edits, new URL('../../', import.meta.url), (edit) => say(appliedLine(edit)))

process.on('exit', () => {
  for (const edit of registered.missing()) say(`splitbrain: source edit never loaded: ${edit.file}`)
})

function parseEdits(value: unknown): readonly SourceEdit[] {
  const isEdit = (edit: Partial<SourceEdit> | null) => typeof edit === 'object' && edit !== null
    && typeof edit.file === 'string' && typeof edit.find === 'string' && typeof edit.replace === 'string'
  if (!Array.isArray(value) || !value.every(isEdit)) throw new Error('is not a list of {file, find, replace}')
  return value as SourceEdit[]
}

/** At once, whatever becomes of the process next. */
function say(line: string): void {
  writeSync(standardError, `${line}\n`)
}

function fail(sentence: string): never {
  say(`splitbrain: ${sentence}`)
  process.exit(1)
}
