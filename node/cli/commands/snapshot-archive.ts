import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { extract } from 'tar-stream'
import { z } from 'zod'
import { parseExact } from '../exact-json.ts'

const uint = z.union([z.int(), z.bigint()])
const meta = z.object({ Version: uint, ID: z.string(), Index: uint, Term: uint, Size: uint })

export interface SnapshotFacts {
  readonly id: string
  /** Bytes of the state. */
  readonly size: number | bigint
  readonly index: number | bigint
  readonly term: number | bigint
  readonly version: number | bigint
}

/**
 * What a snapshot's archive says of itself, all sums checked: a gzipped tar of
 * `meta.json`, `state.bin` and `SHA256SUMS`, as Consul's. Rejects with a sentence.
 */
export async function readSnapshot(archive: Buffer): Promise<SnapshotFacts> {
  const tar = await promisify(gunzip)(archive).catch((error: unknown) => {
    throw new Error(`failed to decompress snapshot: ${(error as NodeJS.ErrnoException).code === 'Z_BUF_ERROR' ? 'unexpected end of file' : 'gzip: invalid header or data'}`, { cause: error })
  })
  const files = await filesOf(tar)
  const sums = files.get('SHA256SUMS')
  if (sums === undefined) throw new Error('the archive has no SHA256SUMS')
  const listed = new Set<string>()
  for (const line of sums.toString().split('\n').filter((text) => text !== '')) {
    const [, sum, name] = /^([0-9a-f]{64}) [ *](.+)$/.exec(line) ?? []
    const content = name === undefined ? undefined : files.get(name)
    if (content === undefined) throw new Error(`SHA256SUMS names what the archive does not have: ${line}`)
    if (createHash('sha256').update(content).digest('hex') !== sum) throw new Error(`hash check failed for ${JSON.stringify(name)}`)
    listed.add(name!)
  }
  for (const name of ['meta.json', 'state.bin']) {
    if (!listed.has(name)) throw new Error(`SHA256SUMS does not name ${name}`)
  }
  const parsed = meta.safeParse(parseExact(files.get('meta.json')!.toString()))
  if (!parsed.success) throw new Error(`meta.json is not what was expected: ${parsed.error.issues[0]?.path.join('.')}`)
  const { Version, ID, Index, Term, Size } = parsed.data
  return { id: ID, size: Size, index: Index, term: Term, version: Version }
}

async function filesOf(tar: Buffer): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>()
  const unpacking = extract()
  unpacking.end(tar)
  for await (const entry of unpacking) files.set(entry.header.name, Buffer.concat(await Array.fromAsync(entry as AsyncIterable<Buffer>)))
  return files
}
