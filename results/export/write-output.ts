import { createWriteStream, existsSync, renameSync, rmSync } from 'node:fs'
import { Readable, type Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { UsageError } from '../../harness/plan/usage-error.ts'

/** Pieces are written together up to so many characters. */
const batchChars = 1 << 16

export type Chunks = Iterable<string | Uint8Array> | AsyncIterable<Uint8Array>

export interface OutputOptions {
  /** Replaces what is there. */
  readonly force: boolean
  /** Aborted: what was begun is removed. */
  readonly signal: AbortSignal
}

/**
 * Writes all chunks to a new file, which is there whole or not at all. Asks for
 * a chunk only when the ones before are on their way, so that the whole is never
 * held. Rejects with the signal's AbortError; throws UsageError.
 */
export async function writeFileWhole(file: string, chunks: Chunks, { force, signal }: OutputOptions): Promise<void> {
  refuseToReplace(file, force)
  const draft = `${file}.${process.pid}.draft`
  try {
    await pipeline(Readable.from(batched(chunks)), createWriteStream(draft, { flags: 'wx' }), { signal })
    refuseToReplace(file, force)
    renameSync(draft, file)
  } catch (error) {
    rmSync(draft, { force: true })
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'EACCES' || code === 'ENOSPC' || code === 'ENOTDIR' || code === 'EROFS' || code === 'EISDIR') throw new UsageError(`${file} cannot be written: ${message}.`)
    throw error
  }
}

/** To a stream that stays open. One who has read enough ends it: that is no failure. */
export async function writeStream(stream: Writable, chunks: Chunks, signal: AbortSignal): Promise<void> {
  try {
    await pipeline(Readable.from(batched(chunks)), stream, { signal, end: false })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error
  }
}

export function refuseToReplace(file: string, force: boolean): void {
  if (!force && existsSync(file)) throw new UsageError(`${file} is there already: give --force to replace it, or --out FILE.`)
}

/** Not on a sync source: a promise for each of a million lines takes longer than the lines. */
function batched(chunks: Chunks): Chunks {
  return Symbol.iterator in chunks ? batchedText(chunks) : chunks
}

function* batchedText(chunks: Iterable<string | Uint8Array>): Generator<string | Uint8Array> {
  let batch = ''
  for (const chunk of chunks) {
    if (typeof chunk === 'string') batch += chunk
    else yield chunk
    if (batch.length < batchChars) continue
    yield batch
    batch = ''
  }
  if (batch !== '') yield batch
}
