import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Disk, DiskFile } from './disk.ts'
import { fileDisk } from './file-disk.ts'
import { memoryDisk } from './memory-disk.ts'

const bytes = (text: string) => new Uint8Array(Buffer.from(text))
const text = (data: Uint8Array) => Buffer.from(data).toString()
const synced = (file: DiskFile) => new Promise<void>((resolve, reject) => file.sync((error) => error === null ? resolve() : reject(error)))

/** The laws of `Disk`. `reopen` gives the same disk as a process started later would see it. */
function diskContract(name: string, make: (t: Test) => { disk: Disk, reopen: () => Disk }): void {
  t.test(name, async (t) => {
    t.test('what was written and synced is read back, also later', async (t) => {
      const { disk, reopen } = make(t)
      t.same(disk.list(), [])
      const file = disk.openAppend('b')
      t.equal(file.sizeBytes, 0)
      t.same(disk.list(), ['b'], 'the name is there at once')
      file.write(bytes('one '))
      file.write(bytes(''))
      file.write(bytes('two'))
      t.equal(file.sizeBytes, 7)
      await synced(file)
      t.equal(text(disk.read('b')), 'one two')
      file.close()
      t.equal(text(reopen().read('b')), 'one two')
    })

    t.test('a part of a file is read, and a file takes the name of another', async (t) => {
      const { disk, reopen } = make(t)
      disk.replace('old', bytes('before'))
      const file = disk.openAppend('new')
      file.write(bytes('0123456789'))
      await synced(file)
      file.close()
      t.equal(text(disk.readAt('new', 2, 3)), '234')
      t.equal(text(disk.readAt('new', 8, 2)), '89')
      disk.rename('new', 'old')
      t.same(disk.list(), ['old'])
      t.equal(text(disk.readAt('old', 0, 10)), '0123456789')
      t.equal(text(reopen().read('old')), '0123456789')
      t.throws(() => disk.readAt('new', 0, 1), { code: 'ENOENT' })
    })

    t.test('an existing file is continued at its end', async (t) => {
      const { disk } = make(t)
      disk.replace('a', bytes('123'))
      const file = disk.openAppend('a')
      t.equal(file.sizeBytes, 3)
      file.write(bytes('45'))
      await synced(file)
      t.equal(text(disk.read('a')), '12345')
      file.close()
    })

    t.test('sync never calls back at once, and every sync is answered', async (t) => {
      const { disk } = make(t)
      const file = disk.openAppend('a')
      const order: number[] = []
      const all = [0, 1, 2, 3, 4].map((i) => new Promise<void>((resolve) => {
        file.write(bytes(String(i)))
        file.sync((error) => {
          t.equal(error, null)
          order.push(i)
          resolve()
        })
        t.notOk(order.includes(i))
      }))
      await Promise.all(all)
      t.same(order, [0, 1, 2, 3, 4])
      t.equal(text(disk.read('a')), '01234')
      file.close()
    })

    t.test('a sync asked for in the answer of another covers the later write', async (t) => {
      const { disk } = make(t)
      const file = disk.openAppend('a')
      file.write(bytes('x'))
      await new Promise<void>((resolve) => file.sync(() => {
        file.write(bytes('y'))
        file.sync(() => resolve())
      }))
      t.equal(text(disk.read('a')), 'xy')
      file.close()
    })

    t.test('closing while a sync runs lets it finish', async (t) => {
      const { disk } = make(t)
      const file = disk.openAppend('a')
      file.write(bytes('late'))
      const done = synced(file)
      file.close()
      file.close()
      await done
      t.equal(text(disk.read('a')), 'late')
      t.throws(() => file.write(bytes('!')), { name: 'InvariantError' })
    })

    t.test('many and large writes arrive whole and in order', async (t) => {
      const { disk } = make(t)
      const file = disk.openAppend('a')
      const chunks = Array.from({ length: 3000 }, (_, i) => bytes(`${i};`))
      for (const chunk of chunks) file.write(chunk)
      const large = new Uint8Array(3_000_000).fill(7)
      file.write(large)
      await synced(file)
      t.ok(Buffer.concat([...chunks, large]).equals(disk.read('a')))
      file.close()
    })

    t.test('truncate, replace, remove, list', async (t) => {
      const { disk, reopen } = make(t)
      disk.replace('c', bytes('hello'))
      disk.truncate('c', 2)
      t.equal(text(disk.read('c')), 'he')
      disk.replace('c', bytes('other'))
      t.equal(text(reopen().read('c')), 'other')
      disk.replace('a', bytes(''))
      t.same(disk.list(), ['a', 'c'])
      disk.remove('c')
      disk.remove('absent')
      t.same(reopen().list(), ['a'])
      t.throws(() => disk.read('c'), { code: 'ENOENT' })
    })

    t.test('what read gives is a copy', async (t) => {
      const { disk } = make(t)
      disk.replace('a', bytes('abc'))
      disk.read('a').fill(0)
      t.equal(text(disk.read('a')), 'abc')
    })
  })
}

function temporaryDirectory(t: Test): string {
  const directory = mkdtempSync(join(tmpdir(), 'splitbrain-disk-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

diskContract('file disk', (t) => {
  const directory = join(temporaryDirectory(t), 'deep', 'down')
  return { disk: fileDisk(directory), reopen: () => fileDisk(directory) }
})

diskContract('file disk without a reserve', (t) => {
  const directory = temporaryDirectory(t)
  return { disk: fileDisk(directory, { reserveBytes: 0 }), reopen: () => fileDisk(directory) }
})

diskContract('memory disk', () => {
  const disk = memoryDisk({ after: (delayMs, task) => setTimeout(task, delayMs), syncLatencyMs: 1 })
  return { disk, reopen: () => disk }
})

t.test('a file disk grows files ahead of the writes, and cuts them when it closes them', async (t) => {
  const directory = temporaryDirectory(t)
  const disk = fileDisk(directory, { reserveBytes: 100 })
  const physical = () => readFileSync(join(directory, 'a'))
  const file = disk.openAppend('a')
  const all: Uint8Array[] = []
  for (const sizeBytes of [30, 30, 60, 10, 500, 1]) {
    const data = new Uint8Array(sizeBytes).fill(sizeBytes)
    all.push(data)
    file.write(data)
    await synced(file)
    const written = Buffer.concat(all)
    t.ok(written.equals(disk.read('a')))
    t.ok(written.equals(physical().subarray(0, written.length)))
    t.ok(physical().subarray(written.length).every((byte) => byte === 0))
  }
  t.ok(physical().length > 631)
  file.close()
  t.equal(physical().length, 631)
  t.equal(disk.read('a').length, 631)
})

t.test('a file disk forgets replacements that a crash left half-written, and dot files', async (t) => {
  const directory = temporaryDirectory(t)
  writeFileSync(join(directory, 'wal.tmp'), 'half')
  writeFileSync(join(directory, '.lock'), '1')
  t.same(fileDisk(directory).list(), [])
  t.same(readdirSync(directory), ['.lock'])
  t.throws(() => fileDisk(directory).read('../secret'), { name: 'InvariantError' })
})
