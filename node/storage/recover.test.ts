/** Snapshot and log together on one disk, and what a crash leaves of them. */
import t from 'tap'
import type { Entry } from '../raft/entry.ts'
import type { SnapshotHead } from '../raft/snapshot.ts'
import { memoryDisk, type MemoryDisk } from './memory-disk.ts'
import { recoverStorage } from './recover.ts'
import { encodeBlock } from './snapshot-format.ts'
import { SnapshotStore } from './snapshot-store.ts'
import { Wal } from './wal.ts'

function rig() {
  const tasks: (() => void)[] = []
  const disk = memoryDisk({ after: (_delayMs, task) => void tasks.push(task) })
  const run = () => { while (tasks.length > 0) tasks.shift()!() }
  const options = { segmentBytesMax: 200, defer: (task: () => void) => void tasks.push(task) }
  const write = (wal: Wal, from: number, to: number, term: number) => {
    for (let index = from; index <= to; index++) {
      const entry: Entry = { index, term, kind: 'command', data: Buffer.from(`entry ${index} of term ${term}`) }
      wal.append({ hardState: { term, votedFor: 'n1' }, entries: [entry] }, (error) => t.equal(error, null))
      run()
    }
  }
  return { disk, run, write, open: () => recoverStorage(disk, options) }
}

function store(disk: MemoryDisk, run: () => void, lastIndex: number, lastTerm: number): void {
  const head: SnapshotHead = { lastIndex, lastTerm, configuration: { voters: [{ id: 'n1', name: 'n1', address: 'n1:1' }] }, configurationIndex: 1 }
  const snapshots = new SnapshotStore(disk)
  const file = snapshots.begin('own')
  file.write(encodeBlock({ type: 'head', head }, 0))
  file.write(encodeBlock({ type: 'end' }, 1))
  file.sync(() => snapshots.finish(file, head))
  run()
}

const indexes = (entries: readonly Entry[]) => entries.length === 0 ? [] : [entries[0]!.index, entries.at(-1)!.index]

t.test('whole segments go, and the hard state stays', async (t) => {
  const { disk, run, write, open } = rig()
  const { wal } = open()
  write(wal, 1, 20, 3)
  store(disk, run, 18, 3)
  const before = disk.list().length
  wal.dropBefore(15)
  t.ok(disk.list().length < before, 'segments are gone')
  wal.close()
  const again = open()
  const [first, last] = indexes(again.entries)
  t.ok(first! > 1 && first! <= 15, `the log begins at ${first}, where 15 is needed`)
  t.equal(last, 20)
  t.same(again.hardState, { term: 3, votedFor: 'n1' })
  t.equal(again.snapshot?.head.lastIndex, 18)
  write(again.wal, 21, 25, 3)
  t.same(indexes(open().entries), [first, 25])
})

t.test('without the snapshot a log that begins later is refused', async (t) => {
  const { disk, run, write, open } = rig()
  const { wal } = open()
  write(wal, 1, 20, 3)
  store(disk, run, 18, 3)
  wal.dropBefore(15)
  for (const name of disk.list()) if (name.endsWith('.bin')) disk.remove(name)
  t.throws(open, { name: 'WalCorruptError', message: /are missing/ })
})

t.test('a leader\'s snapshot beyond the log, or other than it, begins the log anew', async (t) => {
  for (const [lastIndex, lastTerm] of [[50, 4], [10, 4]] as const) {
    const { disk, run, write, open } = rig()
    const { wal } = open()
    write(wal, 1, 20, 3)
    store(disk, run, lastIndex, lastTerm)
    // The crash comes right after the snapshot is durable.
    const recovered = open()
    t.same(recovered.entries, [])
    t.same(recovered.hardState, { term: 3, votedFor: 'n1' })
    write(recovered.wal, lastIndex + 1, lastIndex + 6, 4)
    t.same(indexes(open().entries), [lastIndex + 1, lastIndex + 6])
    t.equal(disk.list().filter((name) => name === 'wal-0000000001.log').length, 0, 'the old log is gone')
  }
})

t.test('a crash between the new beginning of the log and the end of the old one is finished at the start', async (t) => {
  const { disk, run, write, open } = rig()
  const { wal } = open()
  write(wal, 1, 20, 3)
  store(disk, run, 50, 4)
  let removals = 0
  const { remove } = disk
  disk.remove = (name) => {
    if (++removals > 2) throw new Error('the power is gone')
    remove(name)
  }
  t.throws(() => wal.restartAt(51), /power/)
  disk.remove = remove
  t.ok(disk.list().filter((name) => name.startsWith('wal-')).length > 1, 'some of the old log is left')
  const recovered = open()
  t.same(recovered.entries, [])
  t.equal(disk.list().filter((name) => name.startsWith('wal-')).length, 1)
  write(recovered.wal, 51, 60, 4)
  t.same(indexes(open().entries), [51, 60])
})

t.test('an unfinished snapshot is no snapshot: the one before counts', async (t) => {
  const { disk, run, write, open } = rig()
  const { wal } = open()
  write(wal, 1, 20, 3)
  store(disk, run, 10, 3)
  new SnapshotStore(disk).begin('own').write(Buffer.from('half'))
  disk.crash({ random: null })
  const { snapshot } = open()
  t.equal(snapshot?.head.lastIndex, 10)
  t.notOk(disk.list().some((name) => name.endsWith('.partial')))
})
