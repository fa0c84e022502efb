/**
 * Files of the log and of snapshots after bit flips, cuts, garbage and bytes of
 * one put into another. A start finds what was there, or what the format says
 * a torn write leaves (whole batches off the end), or refuses with a sentence
 * and leaves every file as it was; never other entries than were written.
 */
import fc from 'fast-check'
import t from 'tap'
import type { Entry } from '../raft/entry.ts'
import type { SnapshotHead } from '../raft/snapshot.ts'
import { fuzz } from '../testing/fuzz/property.ts'
import { mutate, mutations } from '../testing/fuzz/mutations.ts'
import { memoryDisk, type MemoryDisk } from './memory-disk.ts'
import { recoverStorage } from './recover.ts'
import { encodeBlock, SnapshotCorruptError } from './snapshot-format.ts'
import { SnapshotStore } from './snapshot-store.ts'
import { WalCorruptError } from './wal-corrupt-error.ts'

const runs = 20_000
const tasks: (() => void)[] = []
const run = () => { while (tasks.length > 0) tasks.shift()!() }
const newDisk = () => memoryDisk({ after: (_delayMs, task) => void tasks.push(task) })
const options = { segmentBytesMax: 220, defer: (task: () => void) => void tasks.push(task) }

/** What a whole disk holds, and the file that tells of its last batch. */
interface Image {
  readonly files: ReadonlyMap<string, Uint8Array>
  readonly entries: readonly string[]
  readonly lastSegment: string
  readonly snapshotAt: number | null
}

const shown = ({ index, term, kind, data }: Entry) => `${index} ${term} ${kind} ${Buffer.from(data).toString('latin1')}`

function written(entryCount: number, snapshotAt: number | null): Image {
  const disk = newDisk()
  const { wal } = recoverStorage(disk, options)
  const entries: string[] = []
  for (let index = 1; index <= entryCount; index++) {
    const entry: Entry = { index, term: 1 + (index >> 2), kind: 'command', data: Buffer.from(`entry ${index}`) }
    wal.append({ hardState: index % 4 === 0 ? { term: 1 + (index >> 2), votedFor: 'n1' } : null, entries: [entry] }, (error) => { if (error !== null) throw error })
    run()
    entries.push(shown(entry))
  }
  if (snapshotAt !== null) {
    const head: SnapshotHead = { lastIndex: snapshotAt, lastTerm: 1 + (snapshotAt >> 2), configuration: { voters: [{ id: 'n1', name: 'n1', address: 'n1:1' }] }, configurationIndex: 1 }
    const store = new SnapshotStore(disk)
    const file = store.begin('own')
    const blocks = [{ type: 'head' as const, head }, { type: 'section' as const, name: 'kv' }, { type: 'records' as const, records: [Buffer.from('one'), Buffer.from('two')] }, { type: 'end' as const }]
    for (const [number, block] of blocks.entries()) file.write(encodeBlock(block, number))
    file.sync(() => store.finish(file, head))
    run()
  }
  const files = new Map(disk.list().map((name) => [name, disk.read(name)]))
  return { files, entries, lastSegment: [...files.keys()].filter((name) => name.startsWith('wal-')).at(-1)!, snapshotAt }
}

const images = [written(1, null), written(12, null), written(14, 6)]

function diskOf(files: ReadonlyMap<string, Uint8Array>): MemoryDisk {
  const disk = newDisk()
  for (const [name, bytes] of files) disk.replace(name, bytes)
  return disk
}

const same = (disk: MemoryDisk, files: ReadonlyMap<string, Uint8Array>) =>
  disk.list().length === files.size && [...files].every(([name, bytes]) => disk.list().includes(name) && Buffer.compare(disk.read(name), bytes) === 0)

/** `refused`, `whole`, `cut`, by what a start does; throws what it must not do. */
function start(image: Image, files: ReadonlyMap<string, Uint8Array>, changed: string): 'refused' | 'whole' | 'cut' {
  const disk = diskOf(files)
  try {
    const { entries, snapshot } = recoverStorage(disk, options)
    if ((image.snapshotAt === null) !== (snapshot === null)) throw new Error('the snapshot was silently left out')
    const found = entries.map(shown)
    const begin = image.entries.indexOf(found[0] ?? '')
    const wanted = found.length === 0 ? [] : image.entries.slice(begin, begin + found.length)
    if (begin < 0 && found.length > 0 || JSON.stringify(found) !== JSON.stringify(wanted)) throw new Error(`other entries than were written: ${JSON.stringify(found)}`)
    if (begin > (image.snapshotAt ?? 0)) throw new Error(`entries up to ${begin} are missing, and the start says nothing`)
    const end = found.length === 0 ? 0 : begin + found.length
    if (end === image.entries.length) return 'whole'
    if (changed !== image.lastSegment) throw new Error(`${changed} was damaged, and entries up to ${end} of ${image.entries.length} were silently all there is`)
    return 'cut'
  } catch (error) {
    if (!(error instanceof WalCorruptError || error instanceof SnapshotCorruptError)) throw error
    if (!/^The .*\. .*\.$/s.test(error.message)) throw new Error(`no sentence: ${error.message}`)
    if (!same(disk, files)) throw new Error('it refused, and yet changed the files')
    return 'refused'
  }
}

t.test('a file damaged at random', async (t) => {
  const counts = { refused: 0, whole: 0, cut: 0 }
  fuzz(t, runs, fc.property(fc.nat(images.length - 1), fc.nat(31), fc.nat(31), mutations, (which, file, donor, changes) => {
    const image = images[which]!
    const names = [...image.files.keys()]
    const name = names[file % names.length]!
    const damaged = new Map(image.files).set(name, mutate(image.files.get(name)!, changes, image.files.get(names[donor % names.length]!)!))
    counts[start(image, damaged, name)]++
  }))
  t.comment(JSON.stringify(counts))
  t.ok(counts.refused > runs / 10 && counts.cut > runs / 100 && counts.whole > 0, JSON.stringify(counts))
})

t.test('a file that is garbage, empty or gone', async (t) => {
  fuzz(t, runs, fc.property(fc.nat(images.length - 1), fc.nat(31), fc.option(fc.uint8Array({ maxLength: 80 })), (which, file, garbage) => {
    const image = images[which]!
    const names = [...image.files.keys()]
    const name = names[file % names.length]!
    const damaged = new Map(image.files)
    if (garbage === null) damaged.delete(name)
    else damaged.set(name, garbage)
    if (garbage === null && (name.startsWith('snapshot-') || name === image.lastSegment)) return
    const outcome = start(image, damaged, name)
    // Segments from the start on may be gone where a snapshot holds what was in them.
    if (outcome === 'whole' && garbage === null && image.snapshotAt !== null) return
    if (outcome !== 'refused') throw new Error(`started without ${name}`)
  }))
})

t.test('what a cut leaves is all of the batches before it, and the log goes on from there', async (t) => {
  const image = images[0]!
  const [name, bytes] = [...image.files][0]!
  let starts = 0
  for (let length = 0; length <= bytes.length; length++) {
    const files = new Map([[name, bytes.subarray(0, length)]])
    if (start(image, files, name) === 'refused') continue
    starts++
    const disk = diskOf(files)
    const { wal, entries } = recoverStorage(disk, options)
    const next: Entry = { index: entries.length + 1, term: 9, kind: 'command', data: Buffer.from('next') }
    wal.append({ hardState: { term: 9, votedFor: null }, entries: [next] }, (error) => { if (error !== null) throw error })
    run()
    t.same(recoverStorage(disk, options).entries.map(shown), [...entries, next].map(shown))
  }
  t.ok(starts > 10)
})
