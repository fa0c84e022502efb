import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileDisk } from '../storage/file-disk.ts'

/** This member's id: given, or kept in `node-id` of the data directory, drawn there once. */
export function nodeId(dataDirectory: string, given: string | null): string {
  if (given !== null) return given
  const path = join(dataDirectory, 'node-id')
  try {
    const kept = readFileSync(path, 'utf8').trim()
    if (kept !== '') return kept
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  const drawn = randomUUID()
  // Durable before anybody hears of it: a member must not come back as another.
  fileDisk(dataDirectory).replace('node-id', Buffer.from(`${drawn}\n`))
  return drawn
}
