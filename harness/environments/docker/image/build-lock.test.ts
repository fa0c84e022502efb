import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { currentOwner } from '../../owner.ts'
import { withBuildLock } from './build-lock.ts'

t.test('one after the other', async (t) => {
  const file = join(t.testdir(), 'lock')
  const events: string[] = []
  const released = Promise.withResolvers<void>()
  const first = withBuildLock(async () => {
    events.push('first begins')
    await released.promise
    events.push('first ends')
  }, file)
  const second = withBuildLock(async () => { events.push('second') }, file)
  t.ok(existsSync(file))
  released.resolve()
  await Promise.all([first, second])
  t.same(events, ['first begins', 'first ends', 'second'])
  t.notOk(existsSync(file))
})

t.test('what a dead process holds, or what is no lock at all, is free', async (t) => {
  const file = join(t.testdir(), 'lock')
  for (const left of [JSON.stringify({ ...currentOwner(), startTime: 'long ago' }), '']) {
    writeFileSync(file, left)
    t.equal(await withBuildLock(async () => 'done', file), 'done')
  }
})

t.test('a failing build frees the lock', async (t) => {
  const file = join(t.testdir(), 'lock')
  await t.rejects(withBuildLock(async () => { throw new Error('no space') }, file), { message: 'no space' })
  t.notOk(existsSync(file))
})
