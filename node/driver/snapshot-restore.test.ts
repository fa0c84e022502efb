/** Sections and parts: what a snapshot may hold and what is refused. */
import t from 'tap'
import { encodeCommand } from '../state/commands.ts'
import type { SnapshotPart } from '../state/snapshot-part.ts'
import { StateMachine } from '../state/state-machine.ts'
import { type Block, encodeBlock } from '../storage/snapshot-format.ts'
import { restoreNow } from './snapshot-restore.ts'

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
