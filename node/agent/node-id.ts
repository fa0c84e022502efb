import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { UsageError } from './usage-error.ts'
import { fileDisk } from '../storage/file-disk.ts'

/** This member's id: given, or kept in `node-id` of the data directory, drawn there once. */
export function nodeId(dataDirectory: string, given: string | null): string {
  if (given !== null) return given
  const path = join(dataDirectory, 'node-id')
  try {
    const kept = readFileSync(path, 'utf8').trim()
    if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(kept)) return kept
    if (kept !== '') throw new UsageError(`${path} is damaged: it holds ${JSON.stringify(kept.slice(0, 60))}, which is no id. Give -node-id with the id that the other servers know this member by.`)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  const drawn = randomUUID()
  // Durable before anybody hears of it: a member must not come back as another.
  fileDisk(dataDirectory).replace('node-id', Buffer.from(`${drawn}\n`))
  return drawn
}
