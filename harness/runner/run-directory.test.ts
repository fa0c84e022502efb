import { existsSync, readFileSync, readdirSync, realpathSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { currentOwner } from '../environments/owner.ts'
import { VirtualTime } from '../testing/virtual-time.ts'
import { openRecording } from './recording.ts'
import { makeRunDirectory, startName } from './run-directory.ts'
import { makeWorkDirectory, reapWorkDirectories } from './work-directory.ts'

const startedAt = new Date('2026-11-21T06:34:12.123Z')

t.test('two runs that start in the same millisecond have directories of their own; latest is the last', async (t) => {
  const store = t.testdir()
  const first = makeRunDirectory(store, 'register', startedAt)
  const second = makeRunDirectory(store, 'register', startedAt)
  t.not(first.path, second.path)
  t.ok(first.path.endsWith(join('register', startName(startedAt))))
  for (const link of [join(store, 'latest'), join(store, 'register', 'latest')]) t.equal(realpathSync(link), realpathSync(second.path))
})

t.test('files appear whole, lines are appended, no draft stays', async (t) => {
  const directory = makeRunDirectory(t.testdir(), 'register', startedAt)
  directory.writeJson('plan.json', { seed: 1 })
  directory.appendLine('faults.jsonl', { fault: 0 })
  directory.appendLine('faults.jsonl', { fault: 1 })
  t.same(JSON.parse(readFileSync(join(directory.path, 'plan.json'), 'utf8')), { seed: 1 })
  t.equal(readFileSync(join(directory.path, 'faults.jsonl'), 'utf8'), '{"fault":0}\n{"fault":1}\n')
  t.same(readdirSync(directory.path).sort(), ['faults.jsonl', 'plan.json'])
})

t.test('the history is on disk as it happens, numbered, and closed for what comes too late', async (t) => {
  const file = join(t.testdir(), 'history.jsonl')
  const clock = new VirtualTime()
  const recording = openRecording(file, clock)
  await clock.run(async () => {
    recording.record({ type: 'invoke', process: 0, f: 'read', key: 'k', value: null, node: 'n1' })
    t.equal(readFileSync(file, 'utf8'), '{"index":0,"time":0,"type":"invoke","process":0,"f":"read","key":"k","value":null,"node":"n1"}\n', 'before anything else happens')
    await clock.sleep(1.5)
    recording.record({ type: 'info', process: 'nemesis', f: 'start-kill', value: null })
  })
  recording.close()
  recording.record({ type: 'ok', process: 0, f: 'read', key: 'k', value: 3 })
  t.match(recording.events, [{ index: 0 }, { index: 1, time: 1_500_000, process: 'nemesis' }])
  t.equal(recording.events.length, 2)
  t.equal(readFileSync(file, 'utf8').trimEnd().split('\n').length, 2)
})

t.test('events that may wait are written together, all of them by the end', async (t) => {
  const file = join(t.testdir(), 'history.jsonl')
  const recording = openRecording(file, new VirtualTime(), 2)
  const lines = () => readFileSync(file, 'utf8').split('\n').length - 1
  const invoke = () => recording.record({ type: 'invoke', process: 0, f: 'read', key: 'k', value: null, node: 'n1' })
  invoke()
  invoke()
  t.equal(lines(), 0)
  invoke()
  t.equal(lines(), 3, 'more than two')
  invoke()
  recording.close()
  t.equal(lines(), 4)
})

t.test('a working directory goes with its run; a dead run\'s is cleared away, a living one\'s never', async (t) => {
  const parent = t.testdir({ 'splitbrain-run-unmarked': {}, other: {} })
  const dead = join(parent, 'splitbrain-run-dead')
  mkdirSync(dead)
  // No process has this number: Linux's highest is 2^22.
  writeFileSync(join(dead, 'owner.json'), JSON.stringify({ ...currentOwner(), pid: 2 ** 22 + 1 }))
  const said: string[] = []
  {
    using living = makeWorkDirectory('living', parent)
    reapWorkDirectories((line) => said.push(line), parent)
    t.ok(existsSync(living.path))
    t.notOk(existsSync(dead))
    t.equal(said.length, 1)
  }
  t.same(readdirSync(parent).sort(), ['other', 'splitbrain-run-unmarked'])
})
