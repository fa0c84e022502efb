import t from 'tap'
import { seededRandom } from '../../../node/base/random.ts'
import { memoryDisk } from '../../../node/storage/memory-disk.ts'
import { Wal } from '../../../node/storage/wal.ts'
import { EventQueue } from './event-queue.ts'
import { TroubledDisk } from './troubled-disk.ts'

function makeDisk(seed = 1) {
  const queue = new EventQueue()
  const after = (delayMs: number, task: () => void) => void queue.after(delayMs, task)
  const memory = memoryDisk({ after, syncLatencyMs: 1 })
  return { queue, memory, disk: new TroubledDisk(memory, seededRandom(seed), after), drain: () => { while (queue.runNext()); } }
}

const bytes = (text: string) => new TextEncoder().encode(text)

t.test('a full disk shows at the sync, perhaps after a part was written, and then always', async (t) => {
  const { disk, memory, drain } = makeDisk()
  const file = disk.openAppend('a')
  const outcomes: (string | null)[] = []
  const sync = () => file.sync((error) => outcomes.push(error === null ? null : (error as NodeJS.ErrnoException).code!))
  file.write(bytes('before'))
  sync()
  drain()
  const end = disk.trouble({ kind: 'full' })
  sync()
  drain()
  t.same(outcomes, [null, null], 'there is nothing to write')
  file.write(bytes('more'))
  t.equal(file.sizeBytes, 10)
  sync()
  drain()
  end()
  sync()
  drain()
  t.same(outcomes, [null, null, 'ENOSPC', 'ENOSPC'])
  const kept = new TextDecoder().decode(memory.read('a'))
  t.ok('beforemore'.startsWith(kept) && kept.length >= 6, kept)
})

t.test('what waited is written when there is room again before the sync', async (t) => {
  const { disk, memory, drain } = makeDisk()
  const file = disk.openAppend('a')
  const end = disk.trouble({ kind: 'full' })
  file.write(bytes('wait'))
  end()
  file.write(bytes('ed'))
  let answered: Error | null | undefined
  file.sync((error) => { answered = error })
  drain()
  t.equal(answered, null)
  t.equal(new TextDecoder().decode(memory.read('a')), 'waited')
  t.equal(memory.syncedBytes('a'), 6)
})

t.test('a full disk takes no new file and no replacement, and can be tidied; a read-only one changes in no way', async (t) => {
  const { disk } = makeDisk()
  disk.replace('a', bytes('old'))
  const endFull = disk.trouble({ kind: 'full' })
  for (const act of [() => disk.replace('a', bytes('new')), () => disk.openAppend('b')]) t.throws(act, { code: 'ENOSPC' })
  disk.truncate('a', 2)
  disk.rename('a', 'c')
  endFull()
  const endReadOnly = disk.trouble({ kind: 'read-only' })
  for (const act of [() => disk.replace('c', bytes('new')), () => disk.openAppend('c'), () => disk.truncate('c', 1), () => disk.rename('c', 'd'), () => disk.remove('c')]) t.throws(act, { code: 'EROFS' })
  t.equal(new TextDecoder().decode(disk.read('c')), 'ol')
  endReadOnly()
  disk.remove('c')
  t.same(disk.list(), [])
})

t.test('a slow sync takes longer, also where the file is closed meanwhile', async (t) => {
  const { disk, queue, drain } = makeDisk()
  disk.trouble({ kind: 'slow', syncMs: 300 })
  const file = disk.openAppend('a')
  file.write(bytes('x'))
  let atMs = 0
  file.sync(() => { atMs = queue.nowNs / 1e6 })
  file.close()
  drain()
  t.equal(atMs, 301)
})

t.test('law: a log that met a full disk holds what it had acknowledged when it is opened again', async (t) => {
  for (let seed = 0; seed < 50; seed++) {
    const { disk, memory, queue, drain } = makeDisk(seed)
    const random = seededRandom(seed)
    const open = () => Wal.open(disk, { defer: (task) => void queue.after(0, task), segmentBytesMax: 400 })
    const { wal } = open()
    let acknowledged = 0
    const fullFrom = random.between(1, 30)
    try {
      for (let index = 1; index <= 40; index++) {
        if (index === fullFrom) disk.trouble({ kind: 'full' })
        wal.append({ hardState: null, entries: [{ index, term: 1, kind: 'command', data: bytes(`entry ${index}`.repeat(3)) }] }, (error) => {
          if (error === null) acknowledged = Math.max(acknowledged, index)
        })
        if (random.chance(0.5)) drain()
      }
      drain()
    } catch (error) {
      t.equal((error as NodeJS.ErrnoException).code, 'ENOSPC')
    }
    t.ok(acknowledged < 40)
    const again = Wal.open(memory, { defer: (task) => void queue.after(0, task) })
    t.ok(again.entries.length >= acknowledged, `seed ${seed}: ${again.entries.length} entries, ${acknowledged} acknowledged`)
    t.ok(again.entries.every((entry, i) => entry.index === i + 1 && Buffer.from(entry.data).toString() === `entry ${i + 1}`.repeat(3)))
  }
})
