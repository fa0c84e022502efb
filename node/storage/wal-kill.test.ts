import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { fileDisk } from './file-disk.ts'
import { Wal } from './wal.ts'

// A process that appends batches as fast as the disk allows, over many segments,
// and prints the last index of each once it is durable.
const writer = `
  const [walUrl, diskUrl, directory] = process.argv.slice(1)
  const { Wal } = await import(walUrl)
  const { fileDisk } = await import(diskUrl)
  const { wal, entries } = Wal.open(fileDisk(directory), { segmentBytesMax: 20_000 })
  let index = entries.length
  const next = () => {
    const batch = Array.from({ length: 1 + index % 7 }, () => ({ index: ++index, term: 1, kind: 'command', data: Buffer.alloc(index % 900, index) }))
    const last = index
    wal.append({ hardState: { term: 1, votedFor: 'n' + last }, entries: batch }, (error) => {
      if (error) throw error
      process.stdout.write(last + '\\n')
      next()
    })
  }
  next()
`

t.test('kill -9 at any moment loses nothing that was durable', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'splitbrain-kill-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  let durable = 0
  for (let round = 0; round < 3; round++) {
    const child = spawn(process.execPath, ['--input-type=module', '-e', writer, ...['./wal.ts', './file-disk.ts'].map((file) => new URL(file, import.meta.url).href), directory],
      { stdio: ['ignore', 'pipe', 'inherit'] })
    t.teardown(() => child.kill('SIGKILL'))
    const target = durable + 200
    let printed = ''
    child.stdout.on('data', (chunk) => {
      printed += String(chunk)
      durable = Number(printed.split('\n').at(-2) ?? durable)
      if (durable > target) child.kill('SIGKILL')
    })
    await new Promise((resolve) => child.once('close', resolve))
    t.ok(durable > target, `${durable} entries were durable`)
    const disk = fileDisk(directory)
    const { wal, entries, hardState } = Wal.open(disk)
    wal.close()
    t.ok(entries.length >= durable, `${entries.length} are there, in ${disk.list().length} segments`)
    t.equal(hardState.votedFor, `n${entries.length}`, 'a batch is all or nothing')
    t.ok(entries.every(({ index, data }, i) => index === i + 1 && data.length === index % 900 && data.every((byte) => byte === index % 256)))
  }
})
