import { readFileSync } from 'node:fs'
import { CommandFailure, type Terminal } from '../terminal.ts'

/** `@FILE` is the file's bytes, `-` is standard input, all else is the data itself. Throws CommandFailure. */
export async function dataOperand(text: string, terminal: Terminal): Promise<Buffer> {
  if (text === '-') return await terminal.readStdin()
  if (!text.startsWith('@')) return Buffer.from(text)
  return readFileOperand(text.slice(1), 'Error! Failed to read file')
}

/** Throws CommandFailure: what failed, and of which file. */
export function readFileOperand(path: string, failing: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    throw new CommandFailure(`${failing}: ${fileProblem(path, error)}`)
  }
}

/** What the system says of a file, in the words that Go has for it. */
export function fileProblem(path: string, error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  const why = code === 'ENOENT' ? 'no such file or directory' : code === 'EACCES' ? 'permission denied' : code === 'EISDIR' ? 'is a directory' : message
  return `open ${path}: ${why}`
}
