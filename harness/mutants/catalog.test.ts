import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { plantedBugs } from './bugs.ts'
import { loadMutant, mutantNames } from './catalog.ts'
import { applyEdit } from './hook.ts'
import { mutantFileSchema } from './mutant.ts'

const edit = { file: 'node/raft/a.ts', find: 'a', replace: 'b' }

t.test('a mutant comes from a file, with or without all fields', async (t) => {
  const folder = t.testdir({
    'whole.json': JSON.stringify({ name: 'my-bug', about: 'Breaks.', edits: [edit], runs: { simulated: ['--seed', '1'], local: [] } }),
    'short.json': JSON.stringify({ edits: [edit] }),
  })
  t.same(loadMutant(join(folder, 'whole.json')), { name: 'my-bug', about: 'Breaks.', edits: [edit], runs: { simulated: ['--seed', '1'], local: [] } })
  const file = join(folder, 'short.json')
  t.same(loadMutant(file), { name: 'short', about: `from ${file}`, edits: [edit], runs: { simulated: [], local: [] } })
})

t.test('what is no mutant is refused with a sentence', async (t) => {
  const folder = t.testdir({
    'text.json': 'no json',
    'empty.json': '{"edits":[]}',
    'outside.json': JSON.stringify({ edits: [{ ...edit, file: 'harness/a.ts' }] }),
    'dots.json': JSON.stringify({ edits: [{ ...edit, file: 'node/../../a.ts' }] }),
    'extra.json': JSON.stringify({ edits: [edit], editz: [] }),
  })
  const refuses = (name: string, message: RegExp) => t.throws(() => loadMutant(name), { name: 'UsageError', message })
  refuses('nobody-knows', /no such planted bug; there are .*must end in \.json/)
  refuses(join(folder, 'absent.json'), /there is no such file/)
  refuses(join(folder, 'text.json'), /JSON/)
  refuses(join(folder, 'empty.json'), /at least one edit/)
  refuses(join(folder, 'outside.json'), /must be a \.ts file of the member/)
  refuses(join(folder, 'dots.json'), /must not leave/)
  refuses(join(folder, 'extra.json'), /editz/)
})

t.test('every planted bug is well formed, has its own name, and fits the source as it stands', async (t) => {
  t.equal(new Set(mutantNames()).size, plantedBugs.length)
  for (const mutant of plantedBugs) {
    t.ok(mutantFileSchema.safeParse(mutant).success, `${mutant.name} is well formed`)
    t.equal(loadMutant(mutant.name), mutant)
    const sources = new Map<string, string>()
    for (const { file } of mutant.edits) {
      sources.set(file, readFileSync(fileURLToPath(new URL(`../../${file}`, import.meta.url)), 'utf8'))
    }
    t.doesNotThrow(() => {
      for (const one of mutant.edits) sources.set(one.file, applyEdit(sources.get(one.file)!, one))
    }, `${mutant.name} fits`)
  }
})
