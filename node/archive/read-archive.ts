import { createHash } from 'node:crypto'
import { Readable, Transform } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { extract } from 'tar-stream'
import { type ArchiveFacts, archiveFacts } from './archive-meta.ts'

/** An archive that is none, or not whole. `message` as Consul says it. */
export class ArchiveError extends Error {
  override readonly name = 'ArchiveError'
}

export interface ArchiveLimits {
  /** Unpacked, of `state.bin`: a small archive may unpack to anything. */
  readonly stateBytesMax: number
}

/** Of `meta.json` and `SHA256SUMS`. */
const smallBytesMax = 1024 * 1024
/** Of a gzip header without any of its options. */
const gzipHeaderBytes = 10

/**
 * Reads an archive to its end and checks all sums: a gzipped tar of
 * `meta.json`, `state.bin` and `SHA256SUMS`, as Consul's. `takeState` gets
 * `state.bin` in pieces, before anything is known to be whole. Rejects with
 * ArchiveError, or with what `takeState` rejects with.
 */
export async function readArchive(
  pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>, takeState: (piece: Uint8Array) => void | Promise<void>, limits: ArchiveLimits,
): Promise<ArchiveFacts> {
  const tar = extract()
  const gunzip = createGunzip()
  const header = headerCheck()
  // What the stages call a failure reaches the loop below through the tar.
  for (const stage of [header, gunzip]) stage.on('error', (error) => tar.destroy(error))
  const source = Readable.from(pieces, { objectMode: false })
  source.on('error', (error) => tar.destroy(error))
  source.pipe(header).pipe(gunzip).pipe(tar)
  const hashes = new Map<string, string>()
  const small = new Map<string, string>()
  let reading = 'failed reading snapshot'
  try {
    for await (const entry of tar) {
      const { name } = entry.header
      const step = steps.get(name)
      if (step === undefined) throw new ArchiveError(`failed to read snapshot file: unexpected file ${JSON.stringify(name)} in snapshot`)
      reading = step
      const hash = createHash('sha256')
      const chunks: Uint8Array[] = []
      const bytesMax = name === 'state.bin' ? limits.stateBytesMax : smallBytesMax
      let bytes = 0
      for await (const chunk of entry as AsyncIterable<Uint8Array>) {
        bytes += chunk.length
        if (bytes > bytesMax) throw new ArchiveError(`failed to read snapshot file: ${name} is larger than ${bytesMax} bytes`)
        hash.update(chunk)
        if (name === 'state.bin') await takeState(chunk)
        else chunks.push(chunk)
      }
      hashes.set(name, hash.digest('hex'))
      if (name !== 'state.bin') small.set(name, Buffer.concat(chunks).toString())
      reading = 'failed reading snapshot'
    }
  } catch (error) {
    throw sentence(error, hashes.size === steps.size ? null : reading)
  } finally {
    source.destroy()
    header.destroy()
    gunzip.destroy()
  }
  const problem = integrityProblem(small.get('SHA256SUMS') ?? '', hashes)
  if (problem !== null) throw new ArchiveError(`failed to read snapshot file: failed checking integrity of snapshot: ${problem}`)
  return factsOf(small.get('meta.json')!)
}

const steps: ReadonlyMap<string, string> = new Map([
  ['meta.json', 'failed to read snapshot metadata'],
  ['state.bin', 'failed to read or write snapshot data'],
  ['SHA256SUMS', 'failed to read snapshot hashes'],
])

/** Says before the unpacker does what Consul says of bytes that do not even begin like an archive. */
function headerCheck(): Transform {
  let head = Buffer.alloc(0)
  const problem = () => head.length === 0 ? 'EOF' : head.length < gzipHeaderBytes ? 'unexpected EOF' : head.readUInt16BE(0) !== 0x1f8b ? 'gzip: invalid header' : null
  const refuse = (what: string) => new ArchiveError(`failed to decompress snapshot: ${what}`)
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      if (head.length >= gzipHeaderBytes) return done(null, chunk)
      head = Buffer.concat([head, chunk])
      if (head.length < gzipHeaderBytes) return done()
      const what = problem()
      done(what === null ? null : refuse(what), head)
    },
    flush(done) {
      const what = problem()
      done(what === null ? null : refuse(what))
    },
  })
}

/** `reading`: what was being read; null behind the last file, of which Consul says no more than what went wrong. */
function sentence(error: unknown, reading: string | null): unknown {
  if (error instanceof ArchiveError) return error
  const { code, message } = error as NodeJS.ErrnoException
  const what = code === 'Z_BUF_ERROR' || message === 'Unexpected end of data' ? 'unexpected EOF'
    : code?.startsWith('Z_') === true ? 'gzip: invalid data' : /tar/i.test(message) ? 'archive/tar: invalid tar header' : null
  return what === null ? error : new ArchiveError(reading === null ? what : `failed to read snapshot file: ${reading}: ${what}`)
}

/** What `sha256sum -c` would object to, and files that nobody vouches for. */
function integrityProblem(sums: string, hashes: ReadonlyMap<string, string>): string | null {
  const listed = new Set<string>()
  for (const line of sums.split('\n').filter((text) => text !== '')) {
    const [, sum, name] = /^([0-9a-f]{64}) [ *](.+)$/.exec(line) ?? []
    if (name === undefined) return `failed parsing hash line ${JSON.stringify(line)}`
    if (!steps.has(name)) return `list missing hash for ${JSON.stringify(name)}`
    if (hashes.get(name) !== sum) return `hash check failed for ${JSON.stringify(name)}`
    listed.add(name)
  }
  for (const name of ['meta.json', 'state.bin']) if (!listed.has(name)) return `file missing for ${JSON.stringify(name)}`
  return null
}

function factsOf(text: string): ArchiveFacts {
  let value: unknown
  try {
    // An index beyond 2^53 keeps its digits.
    value = JSON.parse(text, (_key, number: unknown, context?: { readonly source?: string }) =>
      typeof number === 'number' && !Number.isSafeInteger(number) && /^\d+$/.test(context?.source ?? '') ? BigInt(context!.source!) : number)
  } catch (error) {
    throw new ArchiveError(`failed to read snapshot file: failed to decode snapshot metadata: ${(error as Error).message}`)
  }
  const parsed = archiveFacts.safeParse(value)
  if (parsed.success) return parsed.data
  throw new ArchiveError(`failed to read snapshot file: failed to decode snapshot metadata: ${parsed.error.issues[0]?.path.join('.') || 'it is no object'}`)
}
