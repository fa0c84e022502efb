import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { pack, type Header } from 'tar-stream'
import t from 'tap'
import { unpackArchive, type UnpackLimits } from './unpack.ts'

const folder = mkdtempSync(join(tmpdir(), 'splitbrain-unpack-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))
let count = 0

type Entry = Pick<Header, 'name'> & Partial<Header> & { readonly text?: string }

async function archiveOf(entries: readonly Entry[]): Promise<Buffer> {
  const tar = pack()
  for (const { text = '', ...header } of entries) tar.entry(header, text)
  tar.finalize()
  const pieces: Buffer[] = []
  for await (const piece of tar) pieces.push(piece as Buffer)
  return gzipSync(Buffer.concat(pieces))
}

async function unpacked(archive: Buffer, limits?: UnpackLimits): Promise<string> {
  const home = join(folder, String(++count))
  mkdirSync(join(home, 'into'), { recursive: true })
  const file = join(home, 'a.tar.gz')
  writeFileSync(file, archive)
  try {
    return await unpackArchive(file, join(home, 'into'), limits)
  } finally {
    // Whatever the archive held: nothing lies outside of where it was to go.
    t.same(readdirSync(home).sort(), ['a.tar.gz', 'into'])
    t.notOk(existsSync(join(folder, 'evil')))
  }
}

t.test('files and folders below one folder', async (t) => {
  const place = await unpacked(await archiveOf([{ name: 'x/', type: 'directory' }, { name: 'x/a/b.txt', text: 'hello' }, { name: 'x/empty' }]))
  t.equal(readFileSync(join(place, 'a/b.txt'), 'utf8'), 'hello')
  t.equal(readFileSync(join(place, 'empty'), 'utf8'), '')
})

t.test('what leads out of it, or is no file, is refused', async (t) => {
  const cases: readonly (readonly [Entry, RegExp])[] = [
    [{ name: '../evil', text: 'x' }, /"\.\.\/evil" leads out of it/],
    [{ name: 'x/../../evil', text: 'x' }, /leads out of it/],
    [{ name: '/tmp/evil', text: 'x' }, /leads out of it/],
    [{ name: 'x/..', text: 'x' }, /leads out of it/],
    [{ name: 'x\\..\\..\\evil', text: 'x' }, /leads out of it/],
    [{ name: 'C:/evil', text: 'x' }, /leads out of it/],
    [{ name: 'x/link', type: 'symlink', linkname: '/etc/passwd' }, /is a symlink, not a file/],
    [{ name: 'x/link', type: 'link', linkname: '../evil' }, /is a link, not a file/],
    [{ name: 'x/device', type: 'character-device' }, /not a file/],
    [{ name: 'x/pipe', type: 'fifo' }, /not a file/],
    [{ name: 'y/other', text: 'x' }, /more than one folder/],
    [{ name: 'x/first', text: 'again' }, /x\/first comes twice/],
  ]
  for (const [entry, message] of cases) {
    await t.rejects(unpacked(await archiveOf([{ name: 'x/first', text: 'fine' }, entry])), { name: 'UsageError', message }, entry.name)
  }
})

t.test('no more than the limits, nothing that is torn, nothing that is no archive', async (t) => {
  const small = await archiveOf([{ name: 'x/a', text: 'a'.repeat(600) }, { name: 'x/b', text: 'b'.repeat(600) }])
  await t.rejects(unpacked(small, { bytesMax: 1000, filesMax: 10 }), { name: 'UsageError', message: /more than 1000 bytes/ })
  await t.rejects(unpacked(small, { bytesMax: 5000, filesMax: 1 }), { name: 'UsageError', message: /more than 1 files/ })
  t.ok(await unpacked(small, { bytesMax: 1200, filesMax: 2 }))
  await t.rejects(unpacked(small.subarray(0, small.length - 30)), { name: 'UsageError', message: /no whole gzipped tar/ })
  await t.rejects(unpacked(Buffer.from('hello')), { name: 'UsageError', message: /no whole gzipped tar/ })
  await t.rejects(unpacked(await archiveOf([])), { name: 'UsageError', message: /there is nothing in it/ })
})
