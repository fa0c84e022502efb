import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { seededRandom } from '../base/random.ts'
import type { Entry, HardState } from '../raft/entry.ts'
import type { Disk } from './disk.ts'
import { memoryDisk } from './memory-disk.ts'
import { segmentName } from './segment.ts'
import { Wal, type WalBatch, WalCorruptError, type WalOptions } from './wal.ts'

/** A disk whose syncs and deferred tasks happen when the test says so. */
function rig(options: WalOptions = {}) {
  const tasks: (() => void)[] = []
  const later = (task: () => void) => void tasks.push(task)
  const disk = memoryDisk({ after: (_delayMs, task) => later(task) })
  const run = () => {
    while (tasks.length > 0) tasks.shift()!()
  }
  const open = () => Wal.open(disk, { ...options, defer: later })
  return { disk, run, open, tasks }
}

const entry = (index: number, term: number, text = `${index}@${term}`): Entry => ({ index, term, kind: 'command', data: Buffer.from(text) })
const batch = (hardState: HardState | null, ...entries: Entry[]): WalBatch => ({ hardState, entries })
const vote = (term: number, votedFor: string | null): HardState => ({ term, votedFor })
const texts = (entries: readonly Entry[]) => entries.map(({ index, term, data }) => [index, term, Buffer.from(data).toString()])
const summary = (recovery: { hardState: HardState, entries: readonly Entry[] }) => ({ hardState: recovery.hardState, entries: texts(recovery.entries) })

function append(wal: Wal, run: () => void, ...batches: WalBatch[]): void {
  for (const one of batches) {
    let answer: Error | null | undefined
    wal.append(one, (error) => { answer = error })
    run()
    if (answer !== null) throw new Error(`not durable: ${answer}`)
  }
}

/** Changes a file in place, as rot or an operator would. */
function edit(disk: Disk, name: string, change: (bytes: Uint8Array) => Uint8Array | void): void {
  const bytes = disk.read(name)
  disk.replace(name, change(bytes) ?? bytes)
}

t.test('a new log is empty, and gives back what was appended', async (t) => {
  const { open, run } = rig()
  const first = open()
  t.same(summary(first), { hardState: { term: 0, votedFor: null }, entries: [] })
  append(first.wal, run,
    batch(vote(1, 'n1'), entry(1, 1), entry(2, 1)),
    batch(null, entry(3, 1)),
    batch(vote(2, null)),
    batch(null, entry(2, 2, 'replaced')))
  first.wal.close()
  const again = open()
  t.same(summary(again), { hardState: { term: 2, votedFor: null }, entries: [[1, 1, '1@1'], [2, 2, 'replaced']] })
  t.equal(again.truncatedBytes, 0)
  append(again.wal, run, batch(null, entry(3, 2)))
  t.equal(open().entries.length, 3)
})

t.test('nothing to write is answered later, without a sync', async (t) => {
  const { open, tasks, disk } = rig()
  const { wal } = open()
  const sizeBytes = disk.read(segmentName(1)).length
  let answered = false
  wal.append(batch(null), () => { answered = true })
  t.notOk(answered)
  t.equal(tasks.length, 1)
  tasks.shift()!()
  t.ok(answered)
  t.equal(disk.read(segmentName(1)).length, sizeBytes)
})

t.test('what comes while a sync runs shares the next one', async (t) => {
  const { open, tasks, disk } = rig()
  const { wal } = open()
  const done: number[] = []
  for (const index of [1, 2, 3, 4]) wal.append(batch(null, entry(index, 1)), () => done.push(index))
  t.same(done, [])
  t.equal(tasks.length, 1, 'one sync at a time')
  tasks.shift()!()
  t.same(done, [1])
  t.equal(tasks.length, 1)
  tasks.shift()!()
  t.same(done, [1, 2, 3, 4])
  t.equal(tasks.length, 0)
  disk.crash({ random: null })
  t.equal(open().entries.length, 4)
})

t.test('nothing that was answered is lost in a crash, and nothing is answered before the sync', async (t) => {
  const { open, run, disk } = rig()
  const { wal } = open()
  append(wal, run, batch(vote(1, 'n1'), entry(1, 1)))
  wal.append(batch(null, entry(2, 1)), () => t.fail('the machine died first'))
  disk.crash({ random: null })
  run()
  t.same(summary(open()), { hardState: vote(1, 'n1'), entries: [[1, 1, '1@1']] })
})

function withoutTrailingZeros(bytes: Uint8Array): number {
  return bytes.findLastIndex((byte) => byte !== 0) + 1
}

t.test('a batch torn at any byte disappears whole', async (t) => {
  const { open, run, disk } = rig()
  const { wal } = open()
  append(wal, run, batch(vote(1, 'n1'), entry(1, 1), entry(2, 1)))
  const before = disk.read(segmentName(1)).length
  append(wal, run, batch(vote(2, 'n2'), entry(2, 2), entry(3, 2)))
  const whole = disk.read(segmentName(1))
  for (let cut = before; cut <= whole.length; cut++) {
    disk.replace(segmentName(1), whole.subarray(0, cut))
    const recovery = open()
    const complete = cut === whole.length
    assert.equal(recovery.truncatedBytes, complete ? 0 : withoutTrailingZeros(whole.subarray(before, cut)))
    assert.deepEqual(summary(recovery), complete
      ? { hardState: vote(2, 'n2'), entries: [[1, 1, '1@1'], [2, 2, '2@2'], [3, 2, '3@2']] }
      : { hardState: vote(1, 'n1'), entries: [[1, 1, '1@1'], [2, 1, '2@1']] }, `cut at ${cut}`)
    append(recovery.wal, run, batch(null, entry(recovery.entries.length + 1, 5)))
    assert.equal(open().truncatedBytes, 0, 'what is appended afterwards stands well')
  }
  t.pass(`${whole.length - before + 1} cuts`)
})

t.test('a hole in the last batch is a torn write even with good records behind it', async (t) => {
  const { open, run, disk } = rig()
  const { wal } = open()
  append(wal, run, batch(null, entry(1, 1)))
  const before = disk.read(segmentName(1)).length
  append(wal, run, batch(null, entry(2, 1), entry(3, 1), entry(4, 1)))
  for (const hole of [before, before + 40]) {
    const copy = disk.read(segmentName(1))
    edit(disk, segmentName(1), (bytes) => void bytes.fill(0, hole, hole + 20))
    t.same(texts(open().entries), [[1, 1, '1@1']])
    disk.replace(segmentName(1), copy)
  }
})

t.test('zeros behind the last batch are no torn write, and a value may end in zeros', async (t) => {
  const { open, run, disk } = rig({ segmentBytesMax: 300 })
  const { wal } = open()
  const zeros = { ...entry(1, 1), data: new Uint8Array(200) }
  append(wal, run, batch(null, zeros))
  edit(disk, segmentName(1), (bytes) => Buffer.concat([bytes, Buffer.alloc(1000)]))
  let recovery = open()
  t.same([recovery.entries.length, recovery.entries[0]!.data.length, recovery.truncatedBytes], [1, 200, 0])
  append(recovery.wal, run, batch(null, entry(2, 1)))
  t.ok(disk.list().length > 1)
  // An earlier segment too, when the machine died before its reserve was cut off.
  edit(disk, segmentName(1), (bytes) => Buffer.concat([bytes, Buffer.alloc(1000)]))
  recovery = open()
  t.same([recovery.entries.length, recovery.truncatedBytes], [2, 0])
})

t.test('every bit of every batch but the last is guarded', async (t) => {
  const { open, run, disk } = rig()
  const { wal } = open()
  append(wal, run, batch(vote(1, 'n1'), entry(1, 1), entry(2, 1)), batch(null, entry(3, 1)))
  const before = disk.read(segmentName(1)).length
  append(wal, run, batch(null, entry(4, 1)))
  const whole = disk.read(segmentName(1))
  const wrong: string[] = []
  for (let bit = 0; bit < whole.length * 8; bit++) {
    const at = bit >> 3
    const copy = whole.slice()
    copy[at]! ^= 1 << (bit & 7)
    disk.replace(segmentName(1), copy)
    const expected = at >= before ? 'the last batch is cut off' : 'WalCorruptError'
    if (outcome(open) !== expected) wrong.push(`bit ${bit}: ${outcome(open)}`)
  }
  t.same(wrong, [])
})

function outcome(open: () => { entries: readonly Entry[] }): string {
  try {
    return open().entries.length === 3 ? 'the last batch is cut off' : 'other entries'
  } catch (error) {
    return (error as Error).name
  }
}

t.test('an error of damage names the file, the byte and what to do', async (t) => {
  const { open, run, disk } = rig()
  append(open().wal, run, batch(null, entry(1, 1)), batch(null, entry(2, 1)))
  const at = disk.read(segmentName(1)).length - 40
  edit(disk, segmentName(1), (bytes) => void (bytes[at]! ^= 1))
  const error = t.throws(open, WalCorruptError) as unknown as WalCorruptError
  t.equal(error.file, 'wal-0000000001.log')
  t.match(error.message, /wal-0000000001\.log, byte \d+: .*checksum.*written afterwards.*delete the whole data directory/)
})

t.test('segments: many, none missing, none damaged', async (t) => {
  const fill = () => {
    const made = rig({ segmentBytesMax: 200, salt: 0xdead_beef })
    const { wal } = made.open()
    for (let index = 1; index <= 20; index++) append(wal, made.run, batch(index % 5 === 0 ? vote(index, 'n3') : null, entry(index, 1)))
    append(wal, made.run, batch(vote(30, null), entry(18, 30)))
    return made
  }
  const { open, disk, run } = fill()
  t.ok(disk.list().length > 4, disk.list().join())
  const recovery = open()
  t.equal(recovery.hardState.term, 30)
  t.equal(recovery.entries.length, 18)
  append(recovery.wal, run, batch(null, ...Array.from({ length: 30 }, (_, i) => entry(19 + i, 30))))
  t.equal(open().entries.length, 48, 'a batch larger than a segment stands in one')

  for (const [number, name] of fill().disk.list().entries()) {
    const removed = fill()
    removed.disk.remove(name)
    if (number === removed.disk.list().length) continue // the last one cannot be missed: nothing speaks of it
    t.throws(removed.open, { name: 'WalCorruptError', message: /missing/ }, `${name} removed`)
    const cut = fill()
    cut.disk.truncate(name, cut.disk.read(name).length - 1)
    t.throws(cut.open, { name: 'WalCorruptError', message: /later segment/ }, `${name} cut`)
  }

  const hollow = rig({ segmentBytesMax: 300 })
  append(hollow.open().wal, hollow.run, batch(null, entry(1, 1, 'x'.repeat(100))), batch(vote(2, 'n1')), batch(null, entry(2, 1, 'x'.repeat(100))))
  t.same(hollow.disk.list(), [segmentName(1), segmentName(2)])
  edit(hollow.disk, segmentName(1), (bytes) => void bytes.fill(0, bytes.length - 24))
  t.throws(hollow.open, { name: 'WalCorruptError', file: segmentName(1), message: /the segment ends here, but/ }, 'the last batch of an earlier segment reads as zeros')

  const swapped = fill()
  edit(swapped.disk, segmentName(2), () => swapped.disk.read(segmentName(3)))
  t.throws(swapped.open, { message: /the header says that this is wal-0000000003\.log/ })
})

t.test('the log may begin where a snapshot ends, and not later', async (t) => {
  const made = rig({ segmentBytesMax: 200 })
  const { wal } = made.open()
  for (let index = 1; index <= 12; index++) append(wal, made.run, batch(vote(index, null), entry(index, 1)))
  made.disk.remove(segmentName(1))
  const error = t.throws(made.open, WalCorruptError) as unknown as Error
  const begins = Number(/begins at index (\d+)/.exec(error.message)![1])
  const recovery = Wal.open(made.disk, { firstIndex: begins })
  t.same(recovery.entries.map(({ index }) => index), Array.from({ length: 13 - begins }, (_, i) => begins + i))
  t.equal(recovery.hardState.term, 12)
})

t.test('a failing disk fails everything from then on', async (t) => {
  const { disk, open: _, ...rest } = rig()
  let broken = false
  const brittle: Disk = {
    ...disk,
    openAppend: (name) => {
      const file = disk.openAppend(name)
      return {
        get sizeBytes() { return file.sizeBytes },
        write: (data) => file.write(data),
        sync: (done) => file.sync(() => done(broken ? new Error('EIO') : null)),
        close: () => file.close(),
      }
    },
  }
  const { wal } = Wal.open(brittle, { defer: (task) => void rest.tasks.push(task) })
  const answers: (string | null)[] = []
  const add = (index: number) => wal.append(batch(null, entry(index, 1)), (error) => answers.push(error?.message ?? null))
  add(1)
  rest.run()
  broken = true
  add(2)
  add(3)
  rest.run()
  broken = false
  add(4)
  rest.run()
  t.same(answers, [null, 'EIO', 'EIO', 'EIO'])
})

t.test('a gap is a bug of the caller', async (t) => {
  const { open } = rig()
  t.throws(() => open().wal.append(batch(null, entry(2, 1)), () => {}), { name: 'InvariantError', message: /entry 2 would leave a gap/ })
})

// Model: the state after each batch, all or nothing. After a crash the log must
// be at one of the states from the last answered batch on, and never before.
t.test('random appends, truncations, crashes and restarts equal a model', async (t) => {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant('append' as const), back: fc.nat(3), count: fc.nat(4), sizeBytes: fc.nat(700), vote: fc.boolean(), wait: fc.boolean() }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('crash' as const), seed: fc.integer() }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('reopen' as const) }) },
  )
  fc.assert(fc.property(fc.array(step, { maxLength: 40, size: 'max' }), fc.integer({ min: 100, max: 4000 }), (steps, segmentBytesMax) => {
    const { disk, run, open } = rig({ segmentBytesMax, salt: 99 })
    let { wal } = open()
    let term = 0
    type Model = { hardState: HardState, entries: Entry[] }
    // states[0] is durable; the rest was appended and not answered, in order.
    let states: Model[] = [{ hardState: vote(0, null), entries: [] }]
    const reopen = () => {
      const recovery = open()
      wal = recovery.wal
      const found = JSON.stringify(summary(recovery))
      const matching = states.findIndex((state) => JSON.stringify(summary(state)) === found)
      if (matching < 0) throw new Error(`recovered ${found}, expected one of ${JSON.stringify(states.map(summary))}`)
      states = [states[matching]!]
    }
    for (const one of steps) {
      switch (one.do) {
        case 'append': {
          term++
          const now = states.at(-1)!
          const hardState = one.vote ? vote(term, `n${term % 3}`) : null
          const start = Math.max(1, now.entries.length + 1 - one.back)
          const entries = Array.from({ length: one.count }, (_, i) => entry(start + i, term, String.fromCharCode(97 + term % 26).repeat(one.sizeBytes)))
          const kept = entries.length === 0 ? now.entries : now.entries.slice(0, start - 1)
          const next: Model = { hardState: hardState ?? now.hardState, entries: [...kept, ...entries] }
          states.push(next)
          wal.append({ hardState, entries }, (error) => {
            if (error !== null) throw error
            states = states.slice(states.indexOf(next))
          })
          if (one.wait) run()
          break
        }
        case 'crash': {
          disk.crash({ random: one.seed % 3 === 0 ? null : seededRandom(one.seed) })
          reopen()
          break
        }
        case 'reopen': {
          run()
          wal.close()
          reopen()
          break
        }
      }
    }
    run()
    reopen()
  }), { numRuns: 400 })
  t.pass()
})
