/** No slice of taking or restoring a snapshot takes long, however slow the machine is. */
import t from 'tap'
import type { Scheduler } from '../base/scheduler.ts'
import type { SnapshotPart } from '../state/snapshot-part.ts'
import { restoreParts } from './snapshot-restore.ts'
import { type SnapshotSink, writeSnapshot } from './snapshot-writer.ts'

const head = { lastIndex: 1, lastTerm: 1, configuration: { voters: [] }, configurationIndex: 0 }

/** A machine on which each record takes so long; tells how long each turn took. */
class SlowMachine {
  readonly turnsMs: number[] = []
  readonly written: Uint8Array[] = []
  released = 0
  #nowMs = 0
  #tasks: (() => void)[] = []
  readonly #recordMs: number
  readonly scheduler: Scheduler = { nowMs: () => this.#nowMs, wallMs: () => this.#nowMs, after: (_ms, task) => { this.#tasks.push(task); return () => {} } }
  readonly sink: SnapshotSink = { write: (bytes) => void this.written.push(bytes), sync: (done) => void this.#tasks.push(() => done(this.diskError)) }
  diskError: Error | null = null

  constructor(recordMs: number) {
    this.#recordMs = recordMs
  }

  part(records: number): SnapshotPart {
    const machine = this
    return {
      name: 'p',
      capture: () => ({
        records: (function* () { for (let i = 0; i < records; i++) { machine.work(); yield Buffer.from(`record ${i}`) } })(),
        release: () => { machine.released++ },
      }),
      restore: () => ({ add: () => machine.work(), finish() {} }),
    }
  }

  work(): void {
    this.#nowMs += this.#recordMs
  }

  run(): void {
    for (let task = this.#tasks.shift(); task !== undefined; task = this.#tasks.shift()) {
      const startMs = this.#nowMs
      task()
      this.turnsMs.push(this.#nowMs - startMs)
    }
  }
}

t.test('taking one: a turn is over within 10 ms, also where a record takes a tenth of one or more', async (t) => {
  for (const recordMs of [0.001, 0.1, 0.5]) {
    const machine = new SlowMachine(recordMs)
    let ended: Error | null | undefined
    writeSnapshot(head, [machine.part(3000)], machine.sink, machine.scheduler, (error) => { ended = error })
    machine.run()
    t.equal(ended, null)
    t.equal(machine.released, 1)
    t.ok(Math.max(...machine.turnsMs) < 10, `${recordMs} ms a record: ${Math.max(...machine.turnsMs)} ms`)
    const bytes = Buffer.concat(machine.written)
    const steps = restoreParts('f', (offset, length) => bytes.subarray(offset, offset + length), [machine.part(0)])
    let longestMs = 0
    for (let done = false; !done;) {
      const startMs = machine.scheduler.nowMs()
      done = steps.next().done === true
      longestMs = Math.max(longestMs, machine.scheduler.nowMs() - startMs)
    }
    if (recordMs <= 0.1) t.ok(longestMs < 10, `a step of restoring: ${longestMs} ms`)
  }
})

t.test('where the clock stands still a turn ends by the count', async (t) => {
  const machine = new SlowMachine(0)
  writeSnapshot(head, [machine.part(2000)], machine.sink, machine.scheduler, () => {})
  machine.run()
  t.ok(machine.turnsMs.length >= 8, `${machine.turnsMs.length} turns`)
})

t.test('a disk that fails, or a cancel, ends it once and lets go of the state', async (t) => {
  for (const cancel of [false, true]) {
    const machine = new SlowMachine(0)
    const ends: unknown[] = []
    const writing = writeSnapshot(head, [machine.part(2000)], machine.sink, machine.scheduler, (error) => ends.push(error))
    if (cancel) writing.cancel()
    else machine.diskError = new Error('full')
    machine.run()
    t.same(ends.map((error) => (error as Error).message), cancel ? [] : ['full'])
    t.equal(machine.released, 1)
  }
})
