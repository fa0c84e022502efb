import fc from 'fast-check'
import t from 'tap'
import { seededRandom } from '../base/random.ts'
import { memoryDisk } from './memory-disk.ts'

/** Virtual time: tasks run when the test says so. */
function manualTime() {
  const tasks: { delayMs: number, task: () => void }[] = []
  return {
    after: (delayMs: number, task: () => void) => void tasks.push({ delayMs, task }),
    run: () => {
      while (tasks.length > 0) tasks.shift()!.task()
    },
    tasks,
  }
}

const bytes = (length: number, value: number) => new Uint8Array(length).fill(value)

t.test('a crash without luck loses exactly what was not synced', async (t) => {
  const time = manualTime()
  const disk = memoryDisk({ after: time.after, syncLatencyMs: () => 7 })
  const file = disk.openAppend('a')
  file.write(bytes(3, 1))
  let synced = false
  file.sync(() => { synced = true })
  t.equal(time.tasks[0]!.delayMs, 7)
  file.write(bytes(2, 2))
  t.equal(disk.syncedBytes('a'), 0)
  time.run()
  t.ok(synced)
  t.equal(disk.syncedBytes('a'), 3, 'the write after the call is not covered')
  disk.crash({ random: null })
  t.same([...disk.read('a')], [1, 1, 1])
})

t.test('handles from before the crash are dead', async (t) => {
  const time = manualTime()
  const disk = memoryDisk({ after: time.after })
  const file = disk.openAppend('a')
  file.write(bytes(3, 1))
  file.sync(() => t.fail('nobody is left to be called'))
  disk.crash({ random: null })
  time.run()
  file.write(bytes(3, 1))
  file.sync(() => t.fail('nobody is left to be called'))
  time.run()
  t.equal(disk.read('a').length, 0)
  const again = disk.openAppend('a')
  again.write(bytes(1, 9))
  t.same([...disk.read('a')], [9])
})

t.test('a crash keeps the synced prefix, and of the tail a part with holes', async (t) => {
  fc.assert(fc.property(fc.integer(), fc.nat(3000), fc.nat(3000), (seed, synced, unsynced) => {
    const run = () => {
      const time = manualTime()
      const disk = memoryDisk({ after: time.after })
      const file = disk.openAppend('a')
      file.write(bytes(synced, 1))
      file.sync(() => {})
      time.run()
      file.write(bytes(unsynced, 2))
      disk.crash({ random: seededRandom(seed) })
      return disk.read('a')
    }
    const left = run()
    const tail = left.subarray(synced)
    return left.length >= synced && left.length <= synced + unsynced
      && left.subarray(0, synced).every((byte) => byte === 1) && tail.every((byte) => byte === 2 || byte === 0)
      && Buffer.from(left).equals(run())
  }))
  t.pass()
})
