/**
 * Our command line and Consul's own, each command run by both against one
 * agent of Consul: what they print and how they end. Where the texts are meant
 * to differ (help, JSON's and expressions' error texts) it is left out. Most of
 * ours run in this process: to start the program anew takes longer than all else.
 */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { runClient } from '../../node/cli/run-client.ts'
import { consulProgram, debianProgram } from './debian-program.ts'
import { loopbackHosts } from './loopback.ts'
import { type AgentProcess, startConsul, startSplitbrain } from './servers.ts'
import { until } from './until.ts'

const client = fileURLToPath(new URL('../../node/client-main.ts', import.meta.url))
const found = await debianProgram(consulProgram)
const skip = process.platform !== 'linux' ? 'needs all of 127.0.0.0/8' : found.kind === 'missing' ? found.reason : false

interface Ran {
  readonly stdout: string
  readonly stderr: string
  readonly code: number
}

function run(program: string, args: readonly string[], host: string): Promise<Ran> {
  return new Promise((resolve) => {
    const child = execFile(program, args, { cwd: folder, timeout: 60_000, env: { ...process.env, CONSUL_HTTP_ADDR: `${host}:8500`, SHELL: '/bin/sh' } }, (_error, stdout, stderr) => {
      resolve({ stdout, stderr, code: child.exitCode ?? -1 })
    })
  })
}

/** `asProgram`: first words of commands that are. The children of locks print for themselves. */
async function runOurs(args: readonly string[], host: string, asProgram: readonly string[] = ['lock']): Promise<Ran> {
  if (asProgram.includes(args[0] ?? '')) return run(process.execPath, [client, ...args], host)
  const [stdout, stderr]: [Buffer[], string[]] = [[], []]
  const code = await runClient(args, {
    env: { ...process.env, CONSUL_HTTP_ADDR: `${host}:8500`, SHELL: '/bin/sh' },
    print: (text) => { stdout.push(Buffer.from(`${text}\n`)) },
    error: (text) => { stderr.push(`${text}\n`) },
    write: (bytes) => { stdout.push(Buffer.from(bytes)) },
    readStdin: () => Promise.reject(new Error('no command of these reads')),
  })
  return { stdout: Buffer.concat(stdout).toString(), stderr: stderr.join(''), code }
}

/** Read twice, or written twice with the same end: both programs in turn must say the same. */
const same: readonly (readonly string[])[] = [
  ['kv', 'put', 'a/b', 'val'], ['kv', 'put', 'a/c/d', 'val2'], ['kv', 'put', '-flags=18446744073709551615', 'a/flags', 'x'], ['kv', 'put', '-base64', 'a/b64', 'aGk='],
  ['kv', 'put', 'empty'], ['kv', 'put', 'dash', '-5'], ['kv', 'put', 'file', '@data.txt'], ['kv', 'put', 'odd key%/ü?', 'x'],
  ['kv', 'get', 'a/b'], ['kv', 'get', '-base64', 'a/b'], ['kv', 'get', '-detailed', 'a/flags'], ['kv', 'get', 'empty'], ['kv', 'get', 'file'], ['kv', 'get', 'odd key%/ü?'],
  ['kv', 'get', '-recurse', 'a'], ['kv', 'get', '-recurse', '-detailed', 'a'], ['kv', 'get', '-keys', 'a'], ['kv', 'get', '-keys', '-separator=', 'a'], ['kv', 'get', '-stale=true', 'a/b'],
  ['kv', 'get', '--detailed=0', 'a/b'], ['kv', 'get', 'missing'], ['kv', 'get', '-recurse', 'missing'], ['kv', 'get', '-keys', 'missing'],
  ['kv', 'put', '-cas', '-modify-index=1', 'a/b', 'v'], ['kv', 'put', '-modify-index=1', 'a/b', 'v'],
  ['kv', 'put', '-acquire', '-session=abc', 's', 'v'], ['kv', 'export', 'a'], ['kv', 'export', 'missing'], ['kv', 'import', '[{"key":"imp/1","flags":3,"value":"eA=="}]'],
  ['kv', 'delete', '-cas', '-modify-index=1', 'a/b'], ['kv', 'delete', 'absent'], ['kv', 'delete', '-recurse', 'a'], ['kv', 'delete', '-recurse'],
  ['members'], ['members', '-detailed'], ['members', '-wan'], ['members', '-status=failed'], ['members', '-segment=x'], ['members', '-segment='], ['members', '-segment=', '-detailed'],
  ['operator', 'raft', 'list-peers'], ['operator', 'raft', 'list-peers', '-stale'],
  ['operator', 'raft', 'remove-peer', '-address=1.2.3.4:5'],
  ['operator', 'autopilot', 'get-config'], ['operator', 'autopilot', 'set-config', '-max-trailing-logs=99', '-server-stabilization-time=3s', '-cleanup-dead-servers=false'],
  ['operator', 'autopilot', 'get-config', '-stale'],
  ['services', 'register', 'services.json'], ['services', 'register', '-name=n1', '-port=4', '-tag=y', '-tag=x', '-meta=a=b', '-address=1.2.3.4', '-id=nid', '-tagged-address=lan=1.2.3.4:5'],
  ['catalog', 'services'], ['catalog', 'services', '-tags'], ['catalog', 'services', '-node=s1', '-tags'],
  ['catalog', 'services', '-node=none'], ['catalog', 'services', '-node-meta=a=b'], ['catalog', 'nodes'], ['catalog', 'nodes', '-detailed'], ['catalog', 'nodes', '-service=w1'],
  ['catalog', 'nodes', '-service=w1', '-detailed'], ['catalog', 'nodes', '-service=none'], ['catalog', 'nodes', '-filter=Node==none'], ['catalog', 'datacenters'],
  ['maint', '-enable', '-reason=because'], ['maint'], ['maint', '-disable'], ['maint', '-service=w1', '-enable'], ['maint', '-service=w1', '-disable'],
  ['maint', '-service=none', '-enable'], ['maint'],
  ['services', 'deregister', 'services.json'], ['services', 'deregister', '-id=nid'], ['services', 'deregister', '-id=none'],
  ['join', 'HOST'], ['force-leave', 'none'], ['reload'],
  ['lock', 'p', 'echo $CONSUL_LOCK_HELD; exit 3'], ['lock', '-child-exit-code', 'p', 'exit 3'], ['lock', '-verbose', 'p', 'echo in'], ['lock', '-verbose', '-n=2', 's', 'echo in'],
  ['lock', '-shell=false', 'p', 'echo', '-n', 'a b'],
]

/** Refused before any agent is asked: whose agent it is makes no difference. */
const refused: readonly (readonly string[])[] = [
  ['kv', 'get', '-keys', '-recurse', 'a'], ['kv', 'get'], ['kv', 'get', 'a', 'b'], ['kv', 'put'], ['kv', 'put', 'a', 'b', 'c'], ['kv', 'put', '/lead', 'x'], ['kv', 'put', 'f', '@/nonexistent'],
  ['kv', 'put', '-cas', 'k', 'v'], ['kv', 'put', '-acquire', 's', 'v'], ['kv', 'import'], ['kv', 'get', '-http-addr=127.0.0.1:1', 'x'], ['kv', 'get', '-http-addr=foo://x', 'x'], ['kv', 'delete'], ['kv', 'delete', '-cas', 'k'],
  ['operator', 'raft', 'remove-peer'], ['operator', 'raft', 'remove-peer', '-id=x', '-address=y'], ['operator', 'autopilot', 'set-config', '-last-contact-threshold=x'], ['services', 'register'], ['services', 'register', '-name=n1', 'services.json'], ['catalog', 'nodes', 'x'], ['maint', '-service=w1'],
  ['maint', '-enable', '-disable'], ['maint', '-reason=x'], ['services', 'deregister'], ['services', 'deregister', '-id=a', 'services.json'], ['snapshot', 'save'], ['snapshot', 'restore'], ['snapshot', 'inspect', 'nofile'],
  ['lock', 'p'], ['lock', '-n=0', 'p', 'x'],
]

/** Of the whole file, with the files that the commands name: where a process is, it is with all that it does. */
const folder = await mkdtemp(join(tmpdir(), 'splitbrain-cli-'))
t.teardown(() => rm(folder, { recursive: true }))
await writeFile(join(folder, 'data.txt'), 'from a file\n')
await writeFile(join(folder, 'services.json'), JSON.stringify({ services: [{ name: 'w1', tags: ['b', 'a'], check: { ttl: '10s', deregister_critical_service_after: '10m' } }, { id: 'w2id', name: 'w2', enable_tag_override: true }] }))
process.chdir(folder)
// They wait for others most of the time.
t.jobs = 2

// An index that a write has moved is no difference; what is not a program's name neither.
const plain = ({ stdout, stderr, code }: Ran) => ({ stdout: stdout.replace(/((?:Create|Modify)Index +)\d+/g, '$1N'), stderr: stderr.replace(/\nUsage:[^]*$|\n\nUsage:[^]*$/, '\n'), code })

/** What an agent has comes into the catalog moments later. */
async function synced({ host, request }: AgentProcess): Promise<void> {
  const ids = async (path: string, of: (body: Record<string, object>) => object) => Object.keys(of(JSON.parse((await request('GET', path)).body))).filter((id) => id !== 'consul').sort().join()
  await until(`the catalog knows the services of ${host}`, async () => await ids('/v1/agent/services', (all) => all) === await ids('/v1/catalog/node/s1', ({ Services }) => Services!))
}

t.test('both command lines say the same of one agent', { skip, timeout: 300_000 }, async (t) => {
  if (found.kind === 'missing') return
  const [host] = await loopbackHosts(1) as [string]
  await using agent = await startConsul(found.path, { host, node: 's1', nodeId: 'ce551198-a536-86d2-11c5-52c39fdd4982' })
  // Some for what only a process has: exit codes, output that must leave first.
  const ours = (...args: readonly string[]) => runOurs(args.map((arg) => arg === 'HOST' ? host : arg), agent.host, ['lock', 'members'])
  const consuls = (...args: readonly string[]) => run(found.path, args.map((arg) => arg === 'HOST' ? host : arg), agent.host)
  await Promise.all(refused.map(async (args) => t.same(...await Promise.all([ours(...args).then(plain), consuls(...args).then(plain)]), args.join(' '))))
  for (const args of same) {
    if (args[0] === 'catalog') await synced(agent)
    t.same(plain(await ours(...args)), plain(await consuls(...args)), args.join(' '))
  }

  const sections = ({ stdout }: Ran) => stdout.split('\n').map((line) => line.split(' = ')[0])
  t.same(sections(await ours('info')), sections(await consuls('info')), 'info: the same sections and keys')
  for (const args of [['kv', 'frob'], ['kv', 'get', '-frob', 'x'], ['members', '-detailed=maybe'], ['kv', 'put', '-flags=zz', 'x', 'y'], ['event'], ['force-leave'], ['frob'], []]) {
    const [our, consul] = [await ours(...args), await consuls(...args)]
    t.same([our.code, our.stdout], [consul.code, consul.stdout], `${args.join(' ')}: the same exit code`)
    t.not(our.stderr, '', `${args.join(' ')}: and says why`)
  }
  t.match(await ours('event', '-name=x', 'payload'), { stdout: /^Event ID: [0-9a-f-]{36}\n$/, code: 0 })

  await ours('kv', 'put', 'kept', 'in the snapshot')
  t.match(await ours('snapshot', 'save', 'ours.snap'), { stdout: /^Saved and verified snapshot to index \d+\n$/, code: 0 })
  t.same(await ours('snapshot', 'inspect', 'ours.snap'), await consuls('snapshot', 'inspect', 'ours.snap'), 'what each says of the same snapshot')
  await ours('kv', 'delete', 'kept')
  t.match(await ours('snapshot', 'restore', 'ours.snap'), { stdout: 'Restored snapshot\n', code: 0 })
  t.match(await consuls('kv', 'get', 'kept'), { stdout: 'in the snapshot\n', code: 0 })
  const broken = await readFile(join(folder, 'ours.snap'))
  await writeFile(join(folder, 'broken.snap'), broken.subarray(0, broken.length - 40))
  t.match(await ours('snapshot', 'inspect', 'broken.snap'), { stderr: /^Error verifying snapshot: .*unexpected EOF$/m, code: 1 })

  t.match(await ours('leave'), { stdout: 'Graceful leave complete\n', code: 0 })
})

t.test('and of a member of ours', { skip, timeout: 300_000 }, async (t) => {
  if (found.kind === 'missing') return
  const [ours, consuls] = await loopbackHosts(2) as [string, string]
  // A member for each, alike but for the address: so neither sees what the other has done.
  const start = (host: string) => startSplitbrain({ host, node: 's1', nodeId: 'ce551198-a536-86d2-11c5-52c39fdd4982' })
  await using one = await start(ours)
  await using other = await start(consuls)
  const ran = async (runIt: (args: readonly string[], host: string) => Promise<Ran>, host: string, args: readonly string[]) => {
    const { stdout, stderr, code } = plain(await runIt(args.map((arg) => arg === 'HOST' ? host : arg), host))
    return { stdout: stdout.replaceAll(host, 'HOST'), stderr: stderr.replaceAll(host, 'HOST'), code }
  }
  for (const args of same) {
    if (args[0] === 'catalog') await Promise.all([synced(one), synced(other)])
    const [our, their] = await Promise.all([ran((words, host) => runOurs(words, host), ours, args), ran((words, host) => run(found.path, words, host), consuls, args)])
    t.same(our, their, args.join(' '))
  }
})

/** Who is inside, as lines that children append. */
async function contend(t: Test, host: string, limit: number, programs: readonly (readonly string[])[]): Promise<void> {
  const log = join(folder, `log-${host}-${limit}`)
  const child = `echo in >> ${log}; sleep 0.3; echo out >> ${log}`
  const ran = await Promise.all(programs.map(([program, ...args]) => run(program!, [...args, 'lock', `-n=${limit}`, 'contended', child], host)))
  for (const { code, stderr } of ran) t.same({ code, stderr }, { code: 0, stderr: '' })
  const lines = (await readFile(log, 'utf8')).trim().split('\n')
  let inside = 0
  let most = 0
  for (const line of lines) most = Math.max(most, inside += line === 'in' ? 1 : -1)
  t.equal(lines.length, 2 * programs.length, 'each was in, and out')
  t.ok(most <= limit, `${most} were in at once, ${limit} may`)
}

t.test('locks of both command lines exclude each other, at Consul\'s agent and at ours', { skip, timeout: 300_000 }, async (t) => {
  if (found.kind === 'missing') return
  const both = [[process.execPath, client], [found.path], [process.execPath, client], [found.path]]
  const hosts = await loopbackHosts(2)
  for (const [i, start] of [(options: Parameters<typeof startSplitbrain>[0]) => startConsul(found.path, options), startSplitbrain].entries()) {
    await using agent = await start({ host: hosts[i]!, node: 's1', nodeId: 'ce551198-a536-86d2-11c5-52c39fdd4982' })
    await contend(t, agent.host, 1, both)
    await contend(t, agent.host, 2, both)
    t.match(await run(process.execPath, [client, 'kv', 'get', '-keys', 'contended'], agent.host), { stdout: '', code: 0 }, 'nothing is left behind')
  }
})

t.test('who loses its lock ends its child', { skip: process.platform === 'linux' ? false : 'needs all of 127.0.0.0/8', timeout: 60_000 }, async (t) => {
  const [host] = await loopbackHosts(1) as [string]
  await using agent = await startSplitbrain({ host, node: 's1', nodeId: 'ce551198-a536-86d2-11c5-52c39fdd4982' })
  const running = run(process.execPath, [client, 'lock', '-shell=false', 'p', 'sleep', '100'], agent.host)
  let holder: string | undefined
  while (holder === undefined) {
    const { status, body } = await agent.request('GET', '/v1/kv/p/.lock?index=1&wait=1s')
    if (status === 200) holder = (JSON.parse(body) as { Session?: string }[])[0]!.Session
  }
  await agent.request('PUT', `/v1/session/destroy/${holder}`)
  t.match(await running, { code: 1, stderr: /^Lock lost, killing child: it is no longer ours\n/ })
})
