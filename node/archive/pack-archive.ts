import { createHash } from 'node:crypto'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { createGzip } from 'node:zlib'
import { pack } from 'tar-stream'
import type { ArchiveMeta } from './archive-meta.ts'

/** The bytes that go into `state.bin`, which is written before its archive is. */
export interface ArchivedState {
  readonly sizeBytes: number
  /** Hexadecimal. */
  readonly sha256: string
  read(offset: number, lengthBytes: number): Uint8Array
}

const pieceBytes = 128 * 1024
/** Speed before size: the fastest level packs typical values to a third already. */
const gzipLevel = 1

/**
 * A gzipped tar of `meta.json`, `state.bin` and `SHA256SUMS`, as Consul's
 * archives are. Made as it is read, a piece in memory at a time; what cannot be
 * read becomes the stream's error.
 */
export function packArchive(meta: ArchiveMeta, state: ArchivedState, wallMs: number): Readable {
  const tar = pack()
  const gzip = createGzip({ level: gzipLevel })
  const file = (name: string, size: number) => ({ name, size, mode: 0o600, mtime: new Date(wallMs) })
  const text = Buffer.from(`${JSON.stringify(meta)}\n`)
  const sums = `${createHash('sha256').update(text).digest('hex')}  meta.json\n${state.sha256}  state.bin\n`
  const write = async () => {
    tar.entry(file('meta.json', text.length), text)
    const entry = tar.entry(file('state.bin', state.sizeBytes))
    const gone = once(entry, 'close').catch(() => [])
    for (let offset = 0; offset < state.sizeBytes; offset += pieceBytes) {
      const piece = state.read(offset, Math.min(pieceBytes, state.sizeBytes - offset))
      if (!entry.write(piece)) await Promise.race([once(entry, 'drain'), gone])
      if (entry.destroyed) return
    }
    entry.end(undefined)
    await once(entry, 'finish')
    tar.entry(file('SHA256SUMS', sums.length), sums)
    tar.finalize()
  }
  // Whoever stops reading ends it here as well.
  gzip.once('close', () => { if (!tar.destroyed) tar.destroy(new Error('nobody reads the archive any more')) })
  tar.on('error', (error) => gzip.destroy(error))
  tar.pipe(gzip)
  write().catch((error: unknown) => tar.destroy(error as Error))
  return gzip
}
