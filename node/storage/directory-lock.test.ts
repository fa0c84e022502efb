import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { lockDirectory } from './directory-lock.ts'

function temporaryDirectory(t: Test): string {
  const directory = mkdtempSync(join(tmpdir(), 'splitbrain-lock-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

t.test('one process at a time, and release lets the next in', async (t) => {
  const directory = temporaryDirectory(t)
  const lock = lockDirectory(directory)
  t.equal(JSON.parse(readFileSync(join(directory, '.lock'), 'utf8')).pid, process.pid)
  t.throws(() => lockDirectory(directory), { name: 'DirectoryLockedError', message: /in use by process \d+\. Stop that process/ })
  lock.release()
  lock.release()
  t.notOk(existsSync(join(directory, '.lock')))
  lockDirectory(directory).release()
})

t.test('a live other process keeps the directory; a dead one does not', async (t) => {
  const directory = temporaryDirectory(t)
  const module = new URL('./directory-lock.ts', import.meta.url).href
  const child = spawn(process.execPath, ['--input-type=module', '-e',
    `const { lockDirectory } = await import(${JSON.stringify(module)}); lockDirectory(${JSON.stringify(directory)}); console.log('locked'); process.stdin.resume()`],
  { stdio: ['pipe', 'pipe', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  await new Promise<void>((resolve) => child.stdout.once('data', () => resolve()))
  t.throws(() => lockDirectory(directory), { message: new RegExp(`process ${child.pid}\\.`) })
  const exited = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await exited
  t.ok(existsSync(join(directory, '.lock')), 'kill -9 leaves the file')
  lockDirectory(directory).release()
})

t.test('stale: an empty file, the own pid of an earlier life, a pid that belongs to a later process', async (t) => {
  for (const content of ['', '{}', 'null', JSON.stringify({ pid: process.pid, started: null }), JSON.stringify({ pid: process.ppid, started: 'another-boot/1' })]) {
    const directory = temporaryDirectory(t)
    writeFileSync(join(directory, '.lock'), content)
    if (content.includes('another-boot') && !existsSync('/proc/self/stat')) continue
    const lock = lockDirectory(directory)
    t.equal(JSON.parse(readFileSync(join(directory, '.lock'), 'utf8')).pid, process.pid)
    lock.release()
  }
})
