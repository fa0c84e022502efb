import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { debianProgram, type DebianProgram } from '../real-clients/debian-program.ts'

/**
 * Where a system's program is on this machine: the file that an environment
 * variable names, of whatever version, or the one in Debian's package. Rejects with a sentence.
 */
export async function findProgram(variable: string, program: DebianProgram): Promise<string> {
  const named = process.env[variable]
  if (named !== undefined && named !== '') {
    if (!existsSync(named)) throw new Error(`${variable} names ${named}, and there is no such file`)
    return resolve(named)
  }
  const found = await debianProgram(program)
  if (found.kind === 'missing') throw new Error(`${found.reason}. Name the program's file in ${variable}`)
  return found.path
}
