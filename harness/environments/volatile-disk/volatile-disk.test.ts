import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const preload = fileURLToPath(new URL('preload.ts', import.meta.url))

/**
 * Runs a program with the volatile disk on `<folder>/data`; in it, `at(name)` is
 * a path there and `ready()` says that its work is done. Then kill -9, unless it
 * ends by itself.
 */
async function run(folder: string, program: string): Promise<{ output: string, read: (name: string) => string | null }> {
  const file = join(folder, 'program.mts')
  const data = join(folder, 'data')
  writeFileSync(file, `
    import * as fs from 'node:fs'
    import { promisify } from 'node:util'
    const at = (name: string) => ${JSON.stringify(data)} + '/' + name
    const ready = () => { fs.writeSync(1, 'ready\\n'); setInterval(() => {}, 1000) }
    const say = (value: unknown) => fs.writeSync(1, String(value) + '\\n')
    fs.mkdirSync(at(''), { recursive: true })
    ${program}
  `)
  const child = spawn(process.execPath, ['--import', preload, file],
    { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env['PATH'], SPLITBRAIN_VOLATILE_DIRECTORY: data } })
  let output = ''
  let errors = ''
  child.stderr.on('data', (chunk) => { errors += chunk })
  child.stdout.on('data', (chunk) => {
    output += chunk
    if (output.endsWith('ready\n')) child.kill('SIGKILL')
  })
  const [code, signal] = await once(child, 'close')
  if (signal !== 'SIGKILL' && code !== 0) throw new Error(`the program failed: ${errors}`)
  return {
    output: output.replace(/ready\n$/, ''),
    read: (name) => existsSync(join(data, name)) ? readFileSync(join(data, name), 'utf8') : null,
  }
}

t.test('only what was synced survives kill -9', async (t) => {
  const { read } = await run(t.testdir({}), `
    const synced = fs.openSync(at('synced'), 'a')
    fs.writeSync(synced, 'one ')
    fs.writevSync(synced, [Buffer.from('two '), Buffer.from('three')])
    fs.fdatasyncSync(synced)
    fs.writeSync(synced, ' and lost')
    const unsynced = fs.openSync(at('unsynced'), 'a')
    fs.writeSync(unsynced, 'lost')
    const closed = fs.openSync(at('closed'), 'w')
    fs.writeSync(closed, 'lost')
    fs.closeSync(closed)
    fs.writeFileSync(at('whole'), 'lost')
    fs.writeFileSync(at('flushed'), 'kept', { flush: true })
    fs.writeFileSync(at('../outside'), 'kept')
    ready()
  `)
  t.equal(read('synced'), 'one two three')
  t.equal(read('unsynced'), '')
  t.equal(read('closed'), '')
  t.equal(read('whole'), '')
  t.equal(read('flushed'), 'kept')
  t.equal(read('../outside'), 'kept')
})

t.test('the same with callbacks, as a write-ahead log writes', async (t) => {
  const { read } = await run(t.testdir({}), `
    import { writev, fdatasync, openSync } from 'node:fs'
    const log = openSync(at('log'), 'a', 0o600)
    const reused = Buffer.from('first ')
    writev(log, [reused, Buffer.from('second')], (error, bytes) => {
      say(bytes)
      reused.fill('x')
      fdatasync(log, (error) => {
        writev(log, [Buffer.from('third')], () => ready())
      })
    })
  `)
  t.equal(read('log'), 'first second')
})

t.test('a program sees what it has written, synced or not', async (t) => {
  const { output, read } = await run(t.testdir({}), `
    const file = fs.openSync(at('a'), 'a+')
    fs.writeSync(file, 'abcdef')
    fs.fsyncSync(file)
    fs.ftruncateSync(file, 4)
    fs.writeSync(file, 'XY')
    say(fs.readFileSync(at('a'), 'utf8'))
    say(fs.fstatSync(file).size + ' ' + fs.statSync(at('a')).size + ' ' + fs.statSync(at('a'), { bigint: true }).size)
    const part = Buffer.alloc(3)
    say(fs.readSync(file, part, 0, 3, 2) + ' ' + part)
    say(await promisify(fs.readFile)(at('a'), 'utf8'))
    const second = fs.openSync(at('a'), 'r')
    say(fs.readFileSync(second))
    fs.renameSync(at('a'), at('b'))
    say(fs.readFileSync(at('b')))
    const patch = fs.openSync(at('b'), 'r+')
    fs.writeSync(patch, 'Z', 1)
    fs.writeSync(patch, '0')
    say(fs.readFileSync(at('b')))
    ready()
  `)
  t.same(output.trim().split('\n'), ['abcdXY', '6 6 6', '3 cdX', 'abcdXY', 'abcdXY', 'abcdXY', '0ZcdXY'])
  t.equal(read('b'), 'abcdef', 'a truncation that is not synced may be undone')
})

t.test('a sync of any descriptor brings the whole file to disk, and replacing by rename keeps its promise', async (t) => {
  const { read } = await run(t.testdir({}), `
    const writer = fs.openSync(at('a'), 'a')
    fs.writeSync(writer, 'kept')
    fs.closeSync(writer)
    const other = fs.openSync(at('a'), 'r')
    fs.fsyncSync(other)
    const temporary = fs.openSync(at('vote.tmp'), 'w')
    fs.writeFileSync(temporary, 'vote')
    fs.fsyncSync(temporary)
    fs.closeSync(temporary)
    fs.renameSync(at('vote.tmp'), at('vote'))
    fs.writeFileSync(at('careless.tmp'), 'vote')
    fs.renameSync(at('careless.tmp'), at('careless'))
    const cut = fs.openSync(at('cut'), 'w+')
    fs.writeSync(cut, '123456')
    fs.ftruncateSync(cut, 3)
    fs.fdatasyncSync(cut)
    ready()
  `)
  t.equal(read('a'), 'kept')
  t.equal(read('vote'), 'vote')
  t.equal(read('careless'), '')
  t.equal(read('cut'), '123')
})

t.test('a process that ends by itself loses nothing', async (t) => {
  const { read } = await run(t.testdir({}), `
    fs.writeFileSync(at('a'), 'kept')
    fs.appendFileSync(at('a'), ' too')
  `)
  t.equal(read('a'), 'kept too')
})

t.test('a removed file leaves nothing for the next one with its inode', async (t) => {
  const { output, read } = await run(t.testdir({}), `
    for (let i = 0; i < 50; i++) {
      fs.writeFileSync(at('old' + i), 'old')
      fs.rmSync(at('old' + i))
      const next = fs.openSync(at('new' + i), 'w')
      fs.writeSync(next, 'n')
      fs.fsyncSync(next)
      fs.closeSync(next)
    }
    say(fs.openSync(at('last'), 'w') < 60)
    ready()
  `)
  t.equal(output.trim(), 'true', 'descriptors of removed files are given back')
  t.same(Array.from({ length: 50 }, (_, i) => read(`new${i}`)).filter((text) => text !== 'n'), [])
})

t.test('ways to write that are not covered are refused, below the directory only', async (t) => {
  const { output } = await run(t.testdir({}), `
    import { writeFile } from 'node:fs/promises'
    const refused = async (work: () => unknown) => { try { await work(); return 'done' } catch (error) { return String(error) } }
    for (const path of [at('a'), at('../a')]) {
      say(await refused(() => writeFile(path, '')))
      say(await refused(() => fs.promises.open(path, 'w').then((file) => file.close())))
      say(await refused(() => fs.createWriteStream(path).end()))
      say(await refused(() => fs.copyFileSync(import.meta.filename, path)))
    }
    ready()
  `)
  const lines = output.trim().split('\n')
  for (const line of lines.slice(0, 4)) t.match(line, /the volatile disk does not cover it/)
  t.same(lines.slice(4), ['done', 'done', 'done', 'done'])
})
