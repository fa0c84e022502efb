import t from 'tap'
import { contentHash, memberFiles, type ImageFile } from './member-files.ts'

t.test('an image holds the member and the packages that it imports, not the harness and its tests', async (t) => {
  const paths = memberFiles().map((file) => file.path)
  const has = (prefix: string) => paths.some((path) => path.startsWith(prefix))
  t.ok(has('node/raft/'))
  t.ok(has('node_modules/pure-rand/'), 'node/base/random.ts imports it')
  t.notOk(has('node_modules/testcontainers/'))
  t.notOk(has('harness/runner/'))
  t.same(paths.filter((path) => /\.test\.[jt]s$/.test(path)), [])
  t.same(paths, [...paths].sort((a, b) => (a < b ? -1 : 1)))
})

t.test('the hash is of the contents, and of nothing else', async (t) => {
  const file = (path: string, text: string, mode = 0o644): ImageFile => ({ path, content: Buffer.from(text), mode })
  const hash = contentHash([file('a', '1'), file('b', '2')], 'x')
  t.equal(contentHash([file('a', '1'), file('b', '2')], 'x'), hash)
  for (const other of [
    contentHash([file('a', '1'), file('b', '3')], 'x'),
    contentHash([file('a', '1'), file('c', '2')], 'x'),
    contentHash([file('a', '1'), file('b', '2', 0o755)], 'x'),
    contentHash([file('a', '1'), file('b', '2')], 'y'),
    contentHash([file('a', '1')], 'x'),
  ]) t.not(other, hash)
})
