import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { dockerRequirement } from '../../testing/requirements.ts'
import type { Environment, EnvironmentOptions, Link } from '../environment.ts'
import { ControlShell } from './control-shell.ts'
import { connectEngine } from './engine.ts'
import { createDockerEnvironment } from './index.ts'
import { packageRoot } from './image/member-files.ts'
import { ensureMemberImage } from './image/member-image.ts'
import { ownerLabels, runLabel } from '../owner.ts'
import { listLabelled, reapDeadRuns } from './reap.ts'
import { ask, askUntil, link, testOptions } from './testing/docker-options.ts'

// A first run builds the image, which takes a minute where the base is made from packages.
t.setTimeout(300_000)
const skip = await dockerRequirement()

function options(changes: Partial<EnvironmentOptions> = {}): EnvironmentOptions {
  return testOptions((line) => t.comment(line), changes)
}

async function leftOf(runId: string): Promise<string[]> {
  return (await listLabelled(await connectEngine(), `${runLabel}=${runId}`)).map(({ kind, id }) => `${kind} ${id}`)
}

/** Whether a UDP packet passes, seen by a listener of the test's own: not by the rules under test. */
async function passes(runId: string, { from, to }: Link): Promise<boolean> {
  const engine = await connectEngine()
  const shell = (member: string) => new ControlShell(engine, `splitbrain-${runId}-${member}-net`)
  const [sender, receiver] = [shell(from), shell(to)]
  const listener = `const s = require("dgram").createSocket("udp4"); const end = (text) => { console.log(text); process.exit() };
    s.on("message", () => end("passed")).bind(9999); setTimeout(() => end("nothing"), 1200)`
  try {
    const address = (await receiver.run('hostname -I')).trim()
    const [heard] = await Promise.all([
      receiver.run(`node -e '${listener}'`),
      sender.run(`for i in $(seq 20); do echo x > /dev/udp/${address}/9999; sleep 0.05; done 2>/dev/null; true`),
    ])
    return heard.trim() === 'passed'
  } finally {
    sender.close()
    receiver.close()
  }
}

/** The first import or statement: something that surely occurs once. */
function firstLineOf(file: string): string {
  return readFileSync(join(packageRoot, file), 'utf8').split('\n').find((line) => /^(import|const) /.test(line))!
}

t.test('the image runs the pinned Node and has what faults need', { skip }, async (t) => {
  const engine = await connectEngine()
  const tag = await ensureMemberImage(engine, (line) => t.comment(line))
  const said: string[] = []
  t.equal(await ensureMemberImage(engine, (line) => said.push(line)), tag)
  t.same(said, [], 'the second time there is nothing to do')
  const runId = `test-${randomBytes(4).toString('hex')}`
  const [output] = await engine.docker.run(tag,
    ['sh', '-c', 'node --version && command -v iptables tc bash python3 losetup mkfs.ext4 && ls skewed-clock.so'],
    (await import('node:stream')).Writable.fromWeb(new WritableStream()),
    { Labels: ownerLabels(runId), HostConfig: { AutoRemove: true } }) as [{ StatusCode: number }]
  t.equal(output.StatusCode, 0)
})

t.test('three members', { skip }, async (t) => {
  const chosen = options({ memberConfig: { log_level: 'debug' } })
  const environment = await createDockerEnvironment(chosen)
  t.teardown(() => environment[Symbol.asyncDispose]())
  await environment.start()
  const { cutLinks, kill } = environment
  t.ok(cutLinks !== undefined && kill !== undefined)

  await t.test('write through each, read through each', async (t) => {
    for (const member of environment.members) await askUntil(environment, '200 true', member, 'PUT', `/v1/kv/from-${member}`, member)
    for (const member of environment.members) {
      for (const writer of environment.members) await askUntil(environment, `200 ${writer}`, member, 'GET', `/v1/kv/from-${writer}?raw&consistent`)
    }
    t.same(environment.members, ['n1', 'n2', 'n3'])
  })

  await t.test('what a member uses is counted', async (t) => {
    const before = await environment.memberUsage!('n1')
    // Work that takes far more than what the engine rounds to.
    for (let i = 0; i < 300; i++) await ask(environment, 'n1', 'PUT', '/v1/kv/usage', 'x'.repeat(1000))
    const after = await environment.memberUsage!('n1')
    t.ok(before.cpuMs > 50 && after.cpuMs > before.cpuMs + 5, `${before.cpuMs} ms, then ${after.cpuMs} ms`)
    t.ok(after.residentBytes > 10 * 1024 ** 2, `${after.residentBytes} bytes`)
  })

  await t.test('a member that is cut off cannot write, the others can; healed it catches up', async (t) => {
    const cut = await cutLinks!.cut(['n1>n2', 'n2>n1', 'n1>n3', 'n3>n1'].map(link))
    await askUntil(environment, '200 true', 'n2', 'PUT', '/v1/kv/during', 'x')
    t.notMatch(await ask(environment, 'n1', 'PUT', '/v1/kv/alone', 'x'), /^200/)
    await cut.heal()
    await askUntil(environment, '200 x', 'n1', 'GET', '/v1/kv/during?raw&consistent')
    await askUntil(environment, '200 true', 'n1', 'PUT', '/v1/kv/after', 'x')
  })

  await t.test('cuts overlap and heal separately; one way is one way', async (t) => {
    const through = (...links: string[]) => Promise.all(links.map((text) => passes(chosen.runId, link(text))))
    const both = await cutLinks!.cut(['n1>n2', 'n2>n3'].map(link))
    const one = await cutLinks!.cut([link('n1>n2')])
    t.same(await through('n1>n2', 'n2>n3', 'n3>n1'), [false, false, true])
    t.same(await through('n2>n1', 'n3>n2'), [true, true])
    await both.heal()
    t.same(await through('n1>n2', 'n2>n3'), [false, true])
    await one.heal()
    t.same(await through('n1>n2'), [true])
  })

  await t.test('a killed member refuses, keeps its data and its cuts, and comes back', async (t) => {
    await askUntil(environment, '200 true', 'n2', 'PUT', '/v1/kv/kept', 'y')
    await kill!.kill('n2')
    t.match(await ask(environment, 'n2', 'GET', '/v1/kv/kept'), /^not-sent .*ECONNREFUSED/)
    await t.rejects(environment.memberUsage!('n2'), /does not tell what the container uses/)
    const cut = await cutLinks!.cut([link('n3>n2')])
    await kill!.restart('n2')
    t.equal(await passes(chosen.runId, link('n3>n2')), false)
    await cut.heal()
    await askUntil(environment, '200 y', 'n2', 'GET', '/v1/kv/kept?raw&stale')
    await askUntil(environment, '200 true', 'n2', 'PUT', '/v1/kv/kept', 'z')
  })

  await t.test('logs and traces come out, of dead members too', async (t) => {
    await kill!.kill('n3')
    const directory = t.testdir()
    await environment.collect(directory)
    for (const member of environment.members) {
      t.ok(readFileSync(join(directory, member, 'member.log'), 'utf8').length > 0)
      const trace = readFileSync(join(directory, member, 'raft-trace.jsonl'), 'utf8')
      t.match(JSON.parse(trace.split('\n')[0]!), { event: 'start', member })
    }
  })

  await t.test('nothing is left', async (t) => {
    await Promise.all([environment[Symbol.asyncDispose](), environment[Symbol.asyncDispose]()])
    t.same(await leftOf(chosen.runId), [])
    t.match(await ask(environment, 'n1', 'GET', '/v1/status/leader'), /^not-sent/)
  })
})

t.test('two environments at once do not meet; what starts late is removed too', { skip }, async (t) => {
  const [left, right] = [options({ memberCount: 1 }), options({ memberCount: 1 })]
  const environments = await Promise.all([createDockerEnvironment(left), createDockerEnvironment(right)])
  t.teardown(() => Promise.all(environments.map((environment) => environment[Symbol.asyncDispose]())))
  const [first, second] = environments as [Environment, Environment]
  await Promise.all([first.start(), second.start()])
  await askUntil(first, '200 true', 'n1', 'PUT', '/v1/kv/k', 'first')
  await askUntil(second, '200 true', 'n1', 'PUT', '/v1/kv/k', 'second')
  await first[Symbol.asyncDispose]()
  t.equal(await ask(second, 'n1', 'GET', '/v1/kv/k?raw'), '200 second')
  t.same(await leftOf(left.runId), [])

  const third = options({ memberCount: 1 })
  const interrupted = await createDockerEnvironment(third)
  const starting = t.rejects(interrupted.start())
  await interrupted[Symbol.asyncDispose]()
  await starting
  t.same(await leftOf(third.runId), [])
})

t.test('a member that cannot start says why, with its last lines', { skip }, async (t) => {
  const chosen = options({ memberCount: 1, edits: [{ file: 'node/main.ts', find: 'a text that is not there', replace: '' }] })
  const environment = await createDockerEnvironment(chosen)
  t.teardown(() => environment[Symbol.asyncDispose]())
  await t.rejects(environment.start(), { message: /^n1 ended with exit code \d+ before it answered HTTP\. Its last lines:\n {4}[^]*must occur exactly once/ })
  await environment[Symbol.asyncDispose]()
  t.same(await leftOf(chosen.runId), [])
})

t.test('a planted bug and a disk that forgets are in force, and an acknowledged write outlives the power cut', { skip }, async (t) => {
  const edits = [{ file: 'node/main.ts', find: firstLineOf('node/main.ts'), replace: `process.stderr.write('planted here\\n');\n${firstLineOf('node/main.ts')}` }]
  const environment = await createDockerEnvironment(options({ memberCount: 1, powerLoss: true, edits }))
  t.teardown(() => environment[Symbol.asyncDispose]())
  await environment.start()
  await askUntil(environment, '200 true', 'n1', 'PUT', '/v1/kv/k', 'kept')
  await environment.kill!.kill('n1')
  await environment.kill!.restart('n1')
  await askUntil(environment, '200 kept', 'n1', 'GET', '/v1/kv/k?raw')
  const directory = t.testdir()
  await environment.collect(directory)
  const log = readFileSync(join(directory, 'n1', 'member.log'), 'utf8')
  t.equal(log.split('planted here').length - 1, 2, 'in both lives')
})

t.test('what a killed harness left is removed, and nothing of a live one', { skip }, async (t) => {
  const engine = await connectEngine()
  const dead = `test-${randomBytes(4).toString('hex')}`
  const live = `test-${randomBytes(4).toString('hex')}`
  const { spawn } = await import('node:child_process')
  const { once } = await import('node:events')
  const child = spawn(process.execPath, ['--input-type=module', '--eval', `
    import { createDockerEnvironment } from ${JSON.stringify(new URL('./index.ts', import.meta.url).href)}
    import { seededRandom } from ${JSON.stringify(new URL('../../../node/base/random.ts', import.meta.url).href)}
    const environment = await createDockerEnvironment({ ...${JSON.stringify({ ...options(), runId: dead, memberCount: 1 })}, random: seededRandom(1), say: () => {} })
    await environment.start()
    console.log('started')
    setInterval(() => {}, 1000)
  `], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  await Promise.race([once(child.stdout, 'data'), once(child, 'exit').then(() => { throw new Error('the child ended early') })])
  t.ok((await leftOf(dead)).length >= 4, 'two containers, a volume and a network')
  await engine.docker.createVolume({ Name: `splitbrain-${live}`, Labels: ownerLabels(live) })
  t.teardown(() => engine.docker.getVolume(`splitbrain-${live}`).remove())

  const said: string[] = []
  await reapDeadRuns((line) => said.push(line))
  t.ok((await leftOf(dead)).length >= 4, 'its process lives')

  child.kill('SIGKILL')
  await once(child, 'exit')
  await reapDeadRuns((line) => said.push(line))
  t.same(await leftOf(dead), [])
  t.match(said.filter((line) => line.includes(dead)), [/^removing \d+ containers, volumes and networks that the dead run/])
  t.equal((await leftOf(live)).length, 1, 'this process lives, so what it made stays')
})
