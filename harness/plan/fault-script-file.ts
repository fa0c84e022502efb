import { readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { FaultScriptError, parseFaultScript, type FaultScript } from '../../nemesis/script.ts'
import { scriptFromRecords } from '../runner/faults-to-script.ts'
import type { PlannedScript } from './plan.ts'
import { UsageError } from './usage-error.ts'

/**
 * What `--faults` names: a script, the `plan.json` of a run that had one, or
 * the directory of a run, whose faults are to be done again; or the script
 * itself. Throws UsageError.
 */
export function readFaultScript(named: string, directory: string): PlannedScript {
  if (named.trimStart().startsWith('{')) return { file: null, ...readInline(named) }
  const file = resolve(directory, named)
  try {
    return { file, ...statSync(file).isDirectory() ? readRecordedFaults(file) : scriptOf(JSON.parse(readFileSync(file, 'utf8')), file) }
  } catch (error) {
    if (error instanceof FaultScriptError) throw new UsageError(error.message)
    if (error instanceof UsageError) throw error
    throw new UsageError(`--faults ${named} cannot be read: ${(error as Error).message}.`)
  }
}

/** The faults of a run, from its directory's `faults.jsonl`. Throws UsageError. */
export function readRecordedFaults(runDirectory: string): FaultScript {
  const file = join(runDirectory, 'faults.jsonl')
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw new UsageError(`${runDirectory} is no run with faults: ${(error as Error).message}.`)
  }
  const lines = text.split('\n').filter((line) => line !== '')
  try {
    return scriptFromRecords(lines.map((line) => JSON.parse(line) as unknown), file)
  } catch (error) {
    if (error instanceof FaultScriptError) throw new UsageError(error.message)
    throw new UsageError(`${file} cannot be read: ${(error as Error).message}.`)
  }
}

function readInline(text: string): FaultScript {
  try {
    return parseFaultScript(JSON.parse(text), '--faults')
  } catch (error) {
    throw new UsageError(error instanceof FaultScriptError ? error.message : `--faults is not JSON: ${(error as Error).message}.`)
  }
}

function scriptOf(value: unknown, file: string): FaultScript {
  const planned = (value as { faultScript?: { faults?: unknown } | null } | null)?.faultScript
  return parseFaultScript(planned === undefined || planned === null ? value : { faults: planned.faults }, `The script ${file}`)
}
