import { existsSync } from 'node:fs'
import t from 'tap'
import { testDirectory } from './test-directory.ts'

t.test('a directory is there until all is torn down, and then it is not', async (t) => {
  const seen: boolean[] = []
  let directory = ''
  await t.test('one that has something to end', async (t) => {
    directory = testDirectory(t, { file: 'text' })
    t.teardown(async () => {
      seen.push(existsSync(`${directory}/file`))
      await null
      seen.push(existsSync(`${directory}/file`))
    })
  })
  t.same(seen, [true, true])
  t.notOk(existsSync(directory))
})
