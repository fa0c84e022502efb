/** What is packed is read again, and nothing else is taken for an archive. */
import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import t from 'tap'
import { pack } from 'tar-stream'
import type { ArchiveMeta } from './archive-meta.ts'
import { packArchive } from './pack-archive.ts'
import { ArchiveError, readArchive } from './read-archive.ts'

const sha256 = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex')
/** That do not pack well. */
function bytesOf(length: number): Buffer {
  return createHash('shake256', { outputLength: length }).update(String(length)).digest()
}

const limits = { stateBytesMax: 10_000_000 }

function metaOf(state: Uint8Array): ArchiveMeta {
  return { Version: 1, ID: '2-7-1', Index: 7, Term: 2, Peers: '', Configuration: { Servers: [] }, ConfigurationIndex: 1, Size: state.length }
}

async function packed(state: Uint8Array): Promise<Buffer> {
  const source = { sizeBytes: state.length, sha256: sha256(state), read: (offset: number, length: number) => state.subarray(offset, offset + length) }
  return Buffer.concat(await Array.fromAsync(packArchive(metaOf(state), source, 1000)))
}

async function read(...pieces: Uint8Array[]) {
  const state: Uint8Array[] = []
  const facts = await readArchive(pieces, (piece) => void state.push(piece), limits)
  return { facts, state: Buffer.concat(state) }
}

async function tarOf(files: Readonly<Record<string, string>>): Promise<Buffer> {
  const tar = pack()
  for (const [name, content] of Object.entries(files)) tar.entry({ name }, content)
  tar.finalize()
  return gzipSync(Buffer.concat(await Array.fromAsync(tar as AsyncIterable<Buffer>)))
}

t.test('what was packed comes out again, in whatever pieces it comes', async (t) => {
  await fc.assert(fc.asyncProperty(fc.integer({ min: 0, max: 300_000 }).map(bytesOf), fc.integer({ min: 100, max: 5000 }), async (state, pieceBytes) => {
    const archive = await packed(state)
    const pieces: Uint8Array[] = []
    for (let at = 0; at < archive.length; at += pieceBytes) pieces.push(archive.subarray(at, at + pieceBytes))
    const back = await read(...pieces)
    t.ok(back.state.equals(state))
    t.match(back.facts, { Version: 1, ID: '2-7-1', Index: 7, Term: 2, Size: state.length })
  }), { numRuns: 10 })
})

t.test('an archive that ends anywhere before its end is refused', async (t) => {
  const archive = await packed(Buffer.alloc(20_000, 'some state'))
  for (let length = 0; length < archive.length - 8; length += 17) await t.rejects(read(archive.subarray(0, length)), { name: 'ArchiveError' }, `${length} bytes`)
})

t.test('a bit that was turned over anywhere in the content is noticed', async (t) => {
  const archive = await packed(bytesOf(5000))
  let refused = 0
  for (let at = 10; at < archive.length; at += 41) {
    const damaged = Buffer.from(archive)
    damaged[at]! ^= 0x10
    const outcome = await read(damaged).then(({ state, facts }) => ({ sha: sha256(state), size: facts.Size }), (error: unknown) => error)
    if (outcome instanceof ArchiveError) refused++
    else t.same(outcome, { sha: sha256(bytesOf(5000)), size: 5000 }, `byte ${at}: read, so it must be right`)
  }
  t.ok(refused > 100, `${refused} refused`)
})

t.test('what is no archive is refused in the words of Consul 1.8', async (t) => {
  const meta = JSON.stringify(metaOf(Buffer.from('x')))
  const sums = (files: Readonly<Record<string, string>>) => Object.entries(files).map(([name, content]) => `${sha256(content)}  ${name}\n`).join('')
  const whole = { 'meta.json': meta, 'state.bin': 'x', SHA256SUMS: sums({ 'meta.json': meta, 'state.bin': 'x' }) }
  t.ok(await read(await tarOf(whole)))
  const integrity = 'failed to read snapshot file: failed checking integrity of snapshot'
  for (const [message, ...pieces] of [
    ['failed to decompress snapshot: EOF'],
    ['failed to decompress snapshot: unexpected EOF', Buffer.from('hello')],
    ['failed to decompress snapshot: gzip: invalid header', Buffer.from('hel'), Buffer.from('lo world, this is no gzip')],
    [`${integrity}: hash check failed for "state.bin"`, await tarOf({ ...whole, 'state.bin': 'y' })],
    [`${integrity}: hash check failed for "state.bin"`, await tarOf({ 'meta.json': meta, SHA256SUMS: whole.SHA256SUMS })],
    [`${integrity}: file missing for "meta.json"`, await tarOf({ 'meta.json': meta, 'state.bin': 'x' })],
    [`${integrity}: file missing for "state.bin"`, await tarOf({ ...whole, SHA256SUMS: sums({ 'meta.json': meta }) })],
    ['failed to read snapshot file: unexpected file "extra" in snapshot', await tarOf({ ...whole, extra: 'x' })],
  ] as const) await t.rejects(read(...pieces), { name: 'ArchiveError', message })
  const odd = '{"Version":1,"ID":"x","Term":2,"Size":1}'
  await t.rejects(read(await tarOf({ 'meta.json': odd, 'state.bin': 'x', SHA256SUMS: sums({ 'meta.json': odd, 'state.bin': 'x' }) })), { message: /decode snapshot metadata: Index/ })
})

t.test('a small archive that unpacks to more than the limit is given up there', async (t) => {
  const archive = await packed(Buffer.alloc(20_000_000))
  let taken = 0
  await t.rejects(readArchive([archive], (piece) => { taken += piece.length }, limits), { name: 'ArchiveError', message: /state.bin is larger than 10000000 bytes/ })
  t.ok(taken <= limits.stateBytesMax, `${taken} bytes were taken`)
})

t.test('a reader that stops ends the packing', async (t) => {
  let reads = 0
  const state = { sizeBytes: 100_000_000, sha256: '', read: (_offset: number, length: number) => { reads++; return bytesOf(length) } }
  const archive = packArchive(metaOf(Buffer.alloc(0)), state, 0)
  for await (const _ of archive) break
  const after = reads
  t.ok(archive.destroyed)
  await new Promise((resolve) => setTimeout(resolve, 100))
  t.ok(reads - after < 20, `${reads - after} of 763 pieces were read behind the end`)
})
