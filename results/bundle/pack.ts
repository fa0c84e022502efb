import { createReadStream } from 'node:fs'
import { finished, pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { pack } from 'tar-stream'
import type { BundleContents, BundleFile } from './contents.ts'

/** Of every file, so that the same contents are the same bytes. */
const mtime = new Date(0)

/** A gzipped tar, a piece at a time. Rejects where a file is not as long as it was said to be. */
export async function* packBundle({ folder, files }: BundleContents): AsyncGenerator<Uint8Array> {
  const tar = pack()
  const gzip = createGzip({ level: 9 })
  const packed = pipeline(tar, gzip)
  const written = writeAll()
  // Else an error that comes first goes unheard until the last piece was taken.
  written.catch((error: unknown) => tar.destroy(error as Error))
  packed.catch(() => {})
  yield* gzip as AsyncIterable<Uint8Array>
  await written
  await packed

  async function writeAll(): Promise<void> {
    for (const file of files) await write(file)
    tar.finalize()
  }

  async function write(file: BundleFile): Promise<void> {
    const header = { name: `${folder}/${file.name}`, mode: file.name.endsWith('.sh') ? 0o755 : 0o644, mtime }
    if ('text' in file || file.sizeBytes === 0) {
      tar.entry(header, 'text' in file ? file.text : '')
      return
    }
    const entry = tar.entry({ ...header, size: file.sizeBytes })
    const whole = finished(entry)
    createReadStream(file.from, { end: file.sizeBytes - 1 }).on('error', (error) => entry.destroy(error)).pipe(entry)
    await whole
  }
}
