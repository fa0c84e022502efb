import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parsePlanOptions, type PlanOptions } from './options.ts'
import { UsageError } from './usage-error.ts'

/** Picked up from the working directory without being named. */
export const configFileName = 'splitbrain.json'

export interface ConfigFile {
  /** Absolute. */
  readonly path: string
  readonly options: PlanOptions
}

/**
 * Reads the config file that was named, or `./splitbrain.json` where there is
 * one; `none` reads neither. Flags win over what it says.
 */
export function readConfigFile(named: string | undefined, directory: string): ConfigFile | null {
  if (named === 'none') return null
  const path = resolve(directory, named ?? configFileName)
  if (named === undefined && !existsSync(path)) return null
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw new UsageError(`The config file ${path} cannot be read: ${(error as Error).message}.`)
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new UsageError(`The config file ${path} is not JSON: ${(error as Error).message}.`)
  }
  return { path, options: parsePlanOptions(value, `The config file ${path}`) }
}
