/** Sections and parts: what a snapshot may hold and what is refused. */
import t from 'tap'
import { encodeCommand } from '../state/commands.ts'
import type { SnapshotPart } from '../state/snapshot-part.ts'
import { StateMachine } from '../state/state-machine.ts'
import { type Block, encodeBlock } from '../storage/snapshot-format.ts'
import { restoreNow, restoreParts } from './snapshot-restore.ts'

const head: Block = { type: 'head', head: { lastIndex: 9, lastTerm: 2, configuration: { voters: [] }, configurationIndex: 1 } }

function fileOf(...blocks: Block[]): (offset: number, lengthBytes: number) => Uint8Array {
  const bytes = Buffer.concat(blocks.map(encodeBlock))
  return (offset, lengthBytes) => bytes.subarray(offset, offset + lengthBytes)
}

function recordsOf(part: SnapshotPart): Uint8Array[] {
  const capture = part.capture()
  const records: Uint8Array[] = []
  for (let next = capture.records.next(); next.done !== true; next = capture.records.next()) records.push(next.value)
  capture.release()
  return records
}

t.test('the key-value table comes back with its indexes, tombstones and flags', async (t) => {
  const machine = new StateMachine()
  const flags = 0xffff_ffff_ffff_ffffn
  machine.apply(1, encodeCommand({ kind: 'set', key: 'a/ü', value: Buffer.from([0, 255]), flags }))
  machine.apply(2, encodeCommand({ kind: 'set', key: 'b', value: Buffer.alloc(0), flags: 0n }))
  machine.apply(3, encodeCommand({ kind: 'set', key: 'gone/x', value: Buffer.from('x'), flags: 0n }))
  machine.apply(4, encodeCommand({ kind: 'delete', key: 'gone/x' }))
  machine.apply(5, encodeCommand({ kind: 'set', key: 'a/ü', value: Buffer.from('new'), flags }))
  const restored = new StateMachine()
  restored.apply(1, encodeCommand({ kind: 'set', key: 'old', value: Buffer.from('goes'), flags: 0n }))
  const { finish } = restoreNow('f', fileOf(head, { type: 'section', name: 'kv' }, { type: 'records', records: recordsOf(machine.parts[0]!) }, { type: 'end' }), restored.parts)
  t.ok(restored.kv.get('old').entry, 'nothing changes before the end')
  finish()
  restored.restoredTo(9)
  for (const prefix of ['', 'a/', 'gone/', 'nothing/']) t.same(restored.kv.list(prefix), machine.kv.list(prefix), JSON.stringify(prefix))
  t.equal(restored.kv.list('gone/').index, 4, 'a deletion is remembered')
  t.throws(() => restored.apply(9, encodeCommand({ kind: 'delete', key: 'b' })), { name: 'InvariantError' })
})

t.test('what is not understood is refused and named', async (t) => {
  const { parts } = new StateMachine()
  const refused = (pattern: RegExp, ...blocks: Block[]) => t.throws(() => restoreNow('the-file', fileOf(...blocks), parts), { name: 'SnapshotCorruptError', message: pattern })
  refused(/section "sessions-of-the-future" is unknown; this member has kv/, head, { type: 'section', name: 'sessions-of-the-future' }, { type: 'end' })
  refused(/section kv: a kv record of kind 77/, head, { type: 'section', name: 'kv' }, { type: 'records', records: [Buffer.from([77])] }, { type: 'end' })
  refused(/ends before the snapshot does/, head, { type: 'section', name: 'kv' })
  refused(/before the first section/, head, { type: 'records', records: [] }, { type: 'end' })
  refused(/block 0 is a end/, { type: 'end' })
})

t.test('a part without a section is empty afterwards', async (t) => {
  const machine = new StateMachine()
  machine.apply(1, encodeCommand({ kind: 'set', key: 'a', value: Buffer.from('x'), flags: 0n }))
  restoreNow('f', fileOf(head, { type: 'end' }), machine.parts).finish()
  t.equal(machine.kv.size, 0)
})

// However slow a machine is, a turn of the loop must not last longer where there is more to restore.
t.test('a step adds at most some records, the last none, however many there are', async (t) => {
  for (const count of [1, 49, 50, 5_000, 50_000]) {
    const machine = new StateMachine()
    const { parts } = machine
    let added = 0
    const counted: SnapshotPart = {
      name: 'kv', capture: () => parts[0]!.capture(),
      restore: () => {
        const restore = parts[0]!.restore()
        return { add: (record) => { added++; restore.add(record) }, finish: () => restore.finish() }
      },
    }
    const record = (i: number) => {
      const bytes = Buffer.alloc(51)
      bytes[0] = 2
      bytes.writeDoubleLE(1, 9)
      bytes.writeDoubleLE(1 + i, 17)
      bytes.writeUInt32LE(10, 33)
      bytes.write(String(i).padStart(10, '0'), 41)
      return bytes
    }
    const all = Array.from({ length: count }, (_, i) => record(i))
    const blocks: Block[] = Array.from({ length: Math.ceil(count / 500) }, (_, i) => ({ type: 'records', records: all.slice(i * 500, (i + 1) * 500) }))
    const steps = restoreParts('f', fileOf(head, { type: 'section', name: 'kv' }, ...blocks, { type: 'end' }), [counted])
    let most = 0
    for (;;) {
      const before = added
      const step = steps.next()
      most = Math.max(most, added - before)
      if (step.done !== true) continue
      t.equal(added - before, 0, 'the last step')
      step.value.finish()
      break
    }
    t.equal(machine.kv.size, count)
    t.ok(most <= 50, `${count} records: ${most} in one step`)
  }
})
