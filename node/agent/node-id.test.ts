import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { nodeId } from './node-id.ts'
import { UsageError } from './usage-error.ts'

t.test('an id is drawn once and kept; a damaged one is refused, and left as it is', async (t) => {
  const directory = t.testdir({})
  mkdirSync(directory, { recursive: true })
  const drawn = nodeId(directory, null)
  t.equal(nodeId(directory, null), drawn)
  t.equal(nodeId(directory, 'given'), 'given')
  for (const damaged of ['\u0001garbage', drawn.slice(0, 20), `${drawn}${drawn}`, drawn.replace('-', 'x')]) {
    writeFileSync(join(directory, 'node-id'), damaged)
    t.throws(() => nodeId(directory, null), UsageError)
    t.equal(readFileSync(join(directory, 'node-id'), 'utf8'), damaged)
  }
})
