import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import t from 'tap'
import type { SourceEdit } from '../environments/environment.ts'
import { appliedLine, applyEdit, registerEdits, SourceEditError } from './hook.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** A little product: what is planted, and the same as a compiler would write it. */
const counterSource = `
export class Counter {
  value: number = 0

  add(step: number): number {
    if (step < 0) return this.value

    this.value += step
    return this.value
  }
}
`
const counterCompiled = `
export class Counter {
    value = 0;
    add(step) {
        if (step < 0)
            return this.value;
        this.value += step;
        return this.value;
    }
}
`
const addTwice: SourceEdit = { file: 'node/counter.ts', find: 'this.value += step\n    return this.value', replace: 'this.value += 2 * step; return this.value' }
const ignoreSign: SourceEdit = { file: 'node/counter.ts', find: 'if (step < 0) return this.value', replace: '' }

t.test('an edit fits source and compiled text, and keeps the numbers of later lines', async (t) => {
  for (const text of [counterSource, counterCompiled]) {
    const edited = applyEdit(applyEdit(text, addTwice), ignoreSign)
    t.match(edited, /this\.value \+= 2 \* step; return this\.value/)
    t.notMatch(edited, /step < 0/)
    t.equal(edited.split('\n').length, text.split('\n').length)
    t.equal(applyEdit(text, addTwice).indexOf('class Counter'), text.indexOf('class Counter'))
  }
})

t.test('text that is absent, or there twice, or empty, is refused with the reason', async (t) => {
  const edit = (find: string): SourceEdit => ({ file: 'node/a.ts', find, replace: 'x' })
  t.throws(() => applyEdit('let a = 1', edit('let b')), { name: 'SourceEditError', message: /node\/a\.ts.*occurs 0 times: "let b"/ })
  t.throws(() => applyEdit('a()\na()', edit('a()')), { message: /occurs 2 times/ })
  t.throws(() => applyEdit('aaa', edit('aa')), { message: /occurs 2 times/ }, 'overlapping ones count')
  t.throws(() => applyEdit('a', edit(' \n')), { message: /nothing to find/ })
  t.throws(() => applyEdit('let a = 1', edit('a  =  2')), SourceEditError)
})

t.test('what is found and what replaces it are plain text, not patterns', async (t) => {
  t.equal(applyEdit('if (a[0] === b.c) { $() }', { file: 'a', find: '(a[0] === b.c) { $() }', replace: '($& || $1) {}' }), 'if ($& || $1) {}')
})

t.test('modules are edited as they are loaded, in this process', async (t) => {
  const folder = t.testdir({ node: { 'counter.ts': counterSource, 'other.ts': 'export const other: number = 1\n' } })
  const seen: SourceEdit[] = []
  const neverLoaded: SourceEdit = { file: 'node/other.ts', find: '1', replace: '2' }
  const registered = registerEdits([addTwice, ignoreSign, neverLoaded], pathToFileURL(`${folder}/`), (edit) => seen.push(edit))
  t.same(registered.applied(), [])
  const { Counter } = await import(join(folder, 'node/counter.ts'))
  t.equal(new Counter().add(3), 6)
  t.equal(new Counter().add(-3), -6)
  t.same(registered.applied(), [addTwice, ignoreSign])
  t.same(registered.missing(), [neverLoaded])
  t.same(seen, [addTwice, ignoreSign])
  registered.deregister()
  t.equal((await import(join(folder, 'node/other.ts'))).other, 1)
})

t.test('an edit that does not fit makes the import fail', async (t) => {
  const folder = t.testdir({ node: { 'counter.ts': counterSource } })
  const registered = registerEdits([{ ...addTwice, find: 'gone' }], pathToFileURL(`${folder}/`))
  t.teardown(() => registered.deregister())
  await t.rejects(import(join(folder, 'node/counter.ts')), { message: /must occur exactly once/ })
  t.equal(registered.applied().length, 0)
})

/** A program laid out as a checkout or as the published package, with the real preload in it. */
function runProgram(folder: string, layout: 'source' | 'compiled', edits: unknown) {
  mkdirSync(join(folder, 'node'))
  mkdirSync(join(folder, 'harness'))
  cpSync(join(root, 'harness/mutants'), join(folder, 'harness/mutants'), { recursive: true })
  if (layout === 'source') {
    writeFileSync(join(folder, 'node/counter.ts'), counterSource)
    writeFileSync(join(folder, 'node/main.ts'), `import { Counter } from './counter.ts'\nconsole.log(new Counter().add(3 as number))\n`)
  } else {
    writeFileSync(join(folder, 'node/counter.js'), counterCompiled)
    writeFileSync(join(folder, 'node/main.js'), `import { Counter } from './counter.js'\nconsole.log(new Counter().add(3))\n`)
  }
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  const editsFile = join(folder, 'edits.json')
  if (edits !== undefined) writeFileSync(editsFile, JSON.stringify(edits))
  return spawnSync(process.execPath, ['--import', './harness/mutants/preload.ts', `node/main.${layout === 'source' ? 'ts' : 'js'}`],
    { cwd: folder, encoding: 'utf8', timeout: 20_000, env: { PATH: process.env['PATH'], SPLITBRAIN_EDITS: editsFile } })
}

t.test('the preload plants edits in a program of its own and says so', async (t) => {
  for (const layout of ['source', 'compiled'] as const) {
    t.test(layout, async (t) => {
      const { stdout, stderr, status } = runProgram(t.testdir({}), layout, [addTwice])
      t.equal(stdout, '6\n')
      t.equal(stderr, `${appliedLine(addTwice)}\n`)
      t.equal(status, 0)
    })
  }
})

t.test('a program whose edits cannot be made does not run', async (t) => {
  for (const [name, edits, error] of [
    ['no such text', [{ ...addTwice, find: 'gone' }], /must occur exactly once/],
    ['no file', undefined, /SPLITBRAIN_EDITS=.*ENOENT/],
    ['not edits', [{ file: 'a' }], /not a list of/],
  ] as const) {
    t.test(name, async (t) => {
      const { stdout, stderr, status } = runProgram(t.testdir({}), 'source', edits)
      t.equal(status, 1)
      t.equal(stdout, '')
      t.match(stderr, error)
    })
  }
})

t.test('an edit of a file that is never loaded is named at the end', async (t) => {
  const { stdout, stderr } = runProgram(t.testdir({}), 'source', [{ ...addTwice, file: 'node/unused.ts' }])
  t.equal(stdout, '3\n')
  t.match(stderr, /source edit never loaded: node\/unused\.ts/)
})
