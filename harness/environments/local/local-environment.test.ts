import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { seededRandom } from '../../../node/base/random.ts'
import { testDirectory } from '../../../node/testing/test-directory.ts'
import type { Environment, EnvironmentOptions } from '../environment.ts'
import { processStartTime } from '../owner.ts'
import { createLocalEnvironment } from './local-environment.ts'
import { processUsage, tellsUsage } from './process-usage.ts'
import { reapDeadRuns, runStateRoot } from './run-state.ts'

const testdata = join(import.meta.dirname, 'testdata')
const entry = join(testdata, 'fake-member.ts')
/** Keeps this test's records of runs apart from those of other programs. */
process.env['TMPDIR'] = t.testdir({})

let runs = 0
function optionsIn(workDirectory: string, more: Partial<EnvironmentOptions> = {}): EnvironmentOptions {
  return {
    runId: `test-${process.pid}-${++runs}`, memberCount: 3, random: seededRandom(1), workDirectory,
    edits: [], memberConfig: {}, latencyMs: 0, powerLoss: false, say: () => {}, ...more,
  }
}

async function text(environment: Environment, member: string, target: string, method: 'GET' | 'PUT' = 'GET'): Promise<string> {
  const outcome = await environment.request(member, { method, target }, 5_000)
  if (outcome.kind !== 'response' || outcome.status !== 200) throw new Error(`${member} ${target}: ${JSON.stringify(outcome)}`)
  return Buffer.from(outcome.body).toString()
}

async function until(what: string, condition: () => boolean | Promise<boolean>, deadlineMs = 60_000): Promise<void> {
  const endMs = performance.now() + deadlineMs
  while (!await condition()) {
    if (performance.now() > endMs) throw new Error(`not within ${deadlineMs} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** Waits until `member` hears these others, and nobody else, in two stretches of several greetings each. */
async function hears(environment: Environment, member: string, others: readonly string[]): Promise<void> {
  const expected = JSON.stringify(others.map((other) => `${other} hello`))
  let inARow = 0
  await until(`${member} hears ${others.join(' and ')} only`, async () => {
    await text(environment, member, '/heard')
    await new Promise((resolve) => setTimeout(resolve, 60))
    inARow = await text(environment, member, '/heard') === expected ? inARow + 1 : 0
    return inARow === 2
  })
}

const alive = (pid: number) => processStartTime(pid) !== null
const pidsOf = (environment: Environment) => Promise.all(environment.members.map(async (member) => Number(await text(environment, member, '/pid'))))

t.test('members live, are cut off, heal, are killed, come back, and leave nothing', async (t) => {
  const folder = testDirectory(t, { collected: {} })
  const environment = await createLocalEnvironment(optionsIn(folder, { memberConfig: { extra: 'x' } }), { entry })
  t.teardown(() => environment[Symbol.asyncDispose]())
  await environment.start()
  t.same(environment.members, ['n1', 'n2', 'n3'])
  const pids = await pidsOf(environment)
  await hears(environment, 'n2', ['n1', 'n3'])

  const oneWay = await environment.cutLinks!.cut([{ from: 'n1', to: 'n2' }])
  await hears(environment, 'n2', ['n3'])
  await hears(environment, 'n1', ['n2', 'n3'])
  await oneWay.heal()
  await hears(environment, 'n2', ['n1', 'n3'])

  if (tellsUsage) {
    const { cpuMs, residentBytes } = await environment.memberUsage!('n2')
    const itself = processUsage(pids[1]!)
    t.ok(cpuMs > 0 && cpuMs <= itself.cpuMs && residentBytes > 10 * 1024 ** 2, `${cpuMs} ms, ${residentBytes} bytes; the process itself: ${JSON.stringify(itself)}`)
  }
  await text(environment, 'n3', '/lines?line=kept', 'PUT')
  await environment.kill!.kill('n3')
  t.match(await environment.request('n3', { method: 'GET', target: '/pid' }, 5_000), { kind: 'not-sent', error: /ECONNREFUSED/ })
  if (tellsUsage) await t.rejects(environment.memberUsage!('n3'), /n3 does not run/)
  await hears(environment, 'n2', ['n1'])
  await environment.kill!.restart('n3')
  t.equal(await text(environment, 'n3', '/lines'), 'kept\n', 'kill -9 alone loses nothing that was written')
  await hears(environment, 'n2', ['n1', 'n3'])
  await t.rejects(environment.kill!.restart('n3'), { message: /runs already/ })
  await t.rejects(environment.kill!.kill('n9'), { message: /no member n9/ })
  pids.push(...await pidsOf(environment))

  await environment.kill!.kill('n1')
  const collected = join(folder, 'collected')
  await environment.collect(collected)
  t.equal(readFileSync(join(collected, 'n3/member.log'), 'utf8'), 'fake member n3 is up\n'.repeat(2), 'the log of both starts')
  t.equal(readFileSync(join(collected, 'n3/raft-trace.jsonl'), 'utf8').split('\n').length, 3)
  t.match(JSON.parse(readFileSync(join(collected, 'n1/member.json'), 'utf8')), { extra: 'x', dial_map: {} }, 'a dead member is collected too')

  await environment[Symbol.asyncDispose]()
  await environment[Symbol.asyncDispose]()
  t.same(pids.filter(alive), [])
  t.same(readdirSync(folder), ['collected'])
  t.same(readdirSync(runStateRoot()), [])
  t.match(await environment.request('n2', { method: 'GET', target: '/pid' }, 5_000), { kind: 'not-sent' })
  await t.rejects(environment.start(), { message: /disposed/ })
})

t.test('two at once do not meet, whether on addresses or on ports of their own', async (t) => {
  for (const ownPrefix of [true, false]) {
    const environments = await Promise.all([1, 2].map((i) =>
      createLocalEnvironment(optionsIn(testDirectory(t, {}), { runId: `both-${process.pid}-${ownPrefix}-${i}` }), { entry, ownPrefix })))
    t.teardown(() => Promise.all(environments.map((environment) => environment[Symbol.asyncDispose]())))
    await Promise.all(environments.map((environment) => environment.start()))
    t.equal(new Set(environments.flatMap((environment) => environment.members.map((member) => environment.httpAddress!(member)))).size, 6)
    const [first, second] = environments as [Environment, Environment]
    await first.cutLinks!.cut([{ from: 'n1', to: 'n2' }, { from: 'n3', to: 'n2' }])
    await hears(first, 'n2', [])
    await hears(second, 'n2', ['n1', 'n3'])
    await first[Symbol.asyncDispose]()
    await hears(second, 'n2', ['n1', 'n3'])
    await second[Symbol.asyncDispose]()
  }
})

t.test('latency is on every link', async (t) => {
  const latencyMs = 500
  await using environment = await createLocalEnvironment(optionsIn(testDirectory(t, {}), { latencyMs }), { entry })
  await environment.start()
  await hears(environment, 'n2', ['n1', 'n3'])
  await environment.kill!.kill('n1')
  await hears(environment, 'n2', ['n3'])
  const startMs = performance.now()
  await environment.kill!.restart('n1')
  await until('n2 hears n1', async () => (await text(environment, 'n2', '/heard')).includes('n1'))
  t.ok(performance.now() - startMs >= latencyMs)
})

t.test('members that go round their proxies are noticed before a cut is believed', { skip: process.platform === 'linux' ? false : 'reads /proc' }, async (t) => {
  await using environment = await createLocalEnvironment(optionsIn(testDirectory(t, {}), { memberCount: 2, memberConfig: { around: true } }), { entry })
  await environment.start()
  await hears(environment, 'n2', ['n1'])
  await t.rejects(environment.cutLinks!.cut([{ from: 'n1', to: 'n2' }]), { message: /itself instead of through a proxy/ })
})

t.test('a member that does not come up: the cause, its last words, and nothing is left', async (t) => {
  const folder = testDirectory(t, {})
  const environment = await createLocalEnvironment(optionsIn(folder, { memberConfig: { fail: true } }), { entry })
  await t.rejects(environment.start(), { message: /n1 ended \(exit code 3\) before it answered HTTP.*\n.*told to fail/s })
  await environment[Symbol.asyncDispose]()
  t.same(readdirSync(folder), [])
  const missing = await createLocalEnvironment(optionsIn(folder), { entry: '/nowhere/main.ts' })
  await t.rejects(missing.start(), { message: /\/nowhere\/main\.ts is missing/ })
  await missing[Symbol.asyncDispose]()
  t.same(readdirSync(runStateRoot()), [])
})

t.test('power loss: kill takes what was not synced', async (t) => {
  await using environment = await createLocalEnvironment(optionsIn(testDirectory(t, {}), { powerLoss: true }), { entry })
  await environment.start()
  await text(environment, 'n1', '/lines?line=synced&sync', 'PUT')
  await text(environment, 'n1', '/lines?line=not', 'PUT')
  t.equal(await text(environment, 'n1', '/lines'), 'synced\nnot\n')
  await environment.kill!.kill('n1')
  await environment.kill!.restart('n1')
  t.equal(await text(environment, 'n1', '/lines'), 'synced\n')
})

t.test('source edits are made in every member, or the start fails', async (t) => {
  const file = 'harness/environments/local/testdata/fake-member.ts'
  const edit = { file, find: `const greeting = 'hello'`, replace: `const greeting = 'bye'` }
  const edited = await createLocalEnvironment(optionsIn(testDirectory(t, {}), { edits: [edit] }), { entry })
  t.teardown(() => edited[Symbol.asyncDispose]())
  await edited.start()
  await until('n2 hears the edit', async () => (await text(edited, 'n2', '/heard')).includes('n1 bye'))
  await edited.kill!.kill('n1')
  await edited.kill!.restart('n1')
  await edited[Symbol.asyncDispose]()

  for (const [edits, message] of [
    [[{ ...edit, find: 'not there' }], /must occur exactly once/],
    [[{ ...edit, file: 'node/never-loaded.ts' }], /runs without the source edits of node\/never-loaded\.ts/],
  ] as const) {
    await using environment = await createLocalEnvironment(optionsIn(testDirectory(t, {}), { edits }), { entry })
    await t.rejects(environment.start(), { message })
  }
})

t.test('a harness that dies takes its members with it, and the next start clears up', async (t) => {
  for (const death of ['SIGKILL', 'SIGKILL while a member is frozen', 'an exception'] as const) {
    const folder = testDirectory(t, {})
    const runId = `dead-${process.pid}-${death.length}`
    const harness = spawn(process.execPath, [join(testdata, 'harness-process.ts'), runId, folder, ...death === 'an exception' ? ['throw'] : []],
      { stdio: ['ignore', 'pipe', 'ignore'] })
    t.teardown(() => harness.kill('SIGKILL'))
    const [line] = await once(harness.stdout!, 'data')
    const pids = JSON.parse(String(line)) as number[]
    t.ok(pids.length === 3 && pids.every(alive), death)
    const says: string[] = []
    if (death !== 'an exception') {
      await reapDeadRuns((line) => says.push(line))
      t.ok(says.length === 0 && pids.every(alive), 'a live run is not touched')
    }
    const frozen = death === 'SIGKILL while a member is frozen' ? [pids[1]!] : []
    for (const pid of frozen) process.kill(pid, 'SIGSTOP')
    if (death !== 'an exception') harness.kill('SIGKILL')
    await once(harness, 'close')
    await until('members end', () => pids.filter(alive).length === frozen.length)
    t.same(pids.filter(alive), frozen)
    await reapDeadRuns((line) => says.push(line))
    t.same(pids.filter(alive), [])
    t.same(readdirSync(folder), [])
    t.notOk(existsSync(join(runStateRoot(), runId)))
    t.equal(says.length, death === 'an exception' ? 0 : 1, 'an exception leaves nothing to clear up')
    await reapDeadRuns((line) => says.push(line))
    t.ok(says.length <= 1, 'and once is enough')
  }
})
