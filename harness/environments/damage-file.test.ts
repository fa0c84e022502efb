import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { damageFile } from './damage-file.ts'

t.test('one bit of the newest log is flipped, and not in what is only reserved', async (t) => {
  const directory = t.testdir()
  mkdirSync(join(directory, 'raft'))
  const [older, newer] = ['wal-0000000001.log', 'wal-0000000002.log'].map((name) => join(directory, 'raft', name)) as [string, string]
  writeFileSync(older, 'older')
  const before = Buffer.concat([Buffer.from('newer'), Buffer.alloc(1_000)])
  for (const fraction of [0, 0.3, 0.999]) {
    writeFileSync(newer, before)
    t.match(damageFile(directory, { kind: 'bit-flip', in: 'log' }, fraction), { file: 'raft/wal-0000000002.log', usedBytes: 5 })
    const after = readFileSync(newer)
    const changed = [...after].flatMap((byte, i) => byte === before[i] ? [] : [{ i, bits: (byte ^ before[i]!).toString(2).replaceAll('0', '') }])
    t.same(changed.map(({ bits }) => bits), ['1'], `at ${fraction}`)
    t.ok(changed[0]!.i < 5)
  }
  t.equal(readFileSync(older, 'utf8'), 'older')
})

t.test('a file is cut off from its written end; an empty one is passed over', async (t) => {
  const directory = t.testdir()
  mkdirSync(join(directory, 'raft'))
  writeFileSync(join(directory, 'raft/wal-1.log'), 'abcdef')
  writeFileSync(join(directory, 'raft/wal-2.log'), Buffer.alloc(10))
  t.same(damageFile(directory, { kind: 'truncate', in: 'log', bytes: 4 }, 0), { file: 'raft/wal-1.log', kind: 'truncate', fromBytes: 6, toBytes: 2 })
  t.equal(readFileSync(join(directory, 'raft/wal-1.log'), 'utf8'), 'ab')
  t.equal(damageFile(directory, { kind: 'truncate', in: 'snapshot', bytes: 4 }, 0), null)
  t.equal(damageFile(join(directory, 'nowhere'), { kind: 'truncate', in: 'log', bytes: 4 }, 0), null)
})
