/**
 * The real `consul` does the same at three members of ours and at three real
 * Consuls: each command is run once at each, and what it prints is compared.
 * What has no other end than a signal, and what changes while it is watched,
 * is here too.
 */
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import t, { type Test } from 'tap'
import { type FinishedCommand, runCommand, startCommand } from './consul-command.ts'
import { accepted, commands } from './consul-command-list.ts'
import { consulProgram, debianProgram } from './debian-program.ts'
import { loopbackHosts } from './loopback.ts'
import { type Cluster, startConsulCluster, startSplitbrainCluster } from './servers.ts'
import { until } from './until.ts'

const program = await debianProgram(consulProgram)
const skip = program.kind === 'missing' ? program.reason
  : process.platform === 'linux' ? false : `needs all of 127.0.0.0/8 on loopback, which ${process.platform} does not give`
const path = program.kind === 'found' ? program.path : ''
const begins = (command: readonly string[], start: readonly string[]) => start.every((word, i) => command[i] === word)

interface Side {
  readonly cluster: Cluster
  readonly hosts: readonly string[]
  readonly cwd: string
}

async function sideOf(cluster: Cluster, hosts: readonly string[]): Promise<Side> {
  const cwd = await mkdtemp(join(tmpdir(), 'splitbrain-commands-'))
  await writeFile(join(cwd, 'services.json'), JSON.stringify({ services: [{ name: 'api', tags: ['y', 'x'], port: 1, meta: { a: 'b' }, check: { ttl: '10m', status: 'passing' } }, { id: 'db-1', name: 'db', enable_tag_override: true, weights: { passing: 3, warning: 1 } }] }))
  await writeFile(join(cwd, 'services.hcl'), 'service { name = "hcl" port = 7 tags = ["of hcl"] check { id = "hcl" tcp = "127.0.0.1:1" interval = "1h" timeout = "1s" } }\n')
  await writeFile(join(cwd, 'agent.json'), JSON.stringify({ server: true, data_dir: '/tmp/none', bootstrap_expect: 1 }))
  // Both start with all servers known, and alike to each other.
  for (const member of cluster.members) await until('all servers are in the catalog', async () => (JSON.parse((await member.request('GET', '/v1/health/service/consul?passing')).body) as unknown[]).length === hosts.length)
  return { cluster, hosts, cwd }
}

/** What is of this cluster and this moment alone taken out. */
function plain({ cwd, hosts }: Side, { code, stdout, stderr }: FinishedCommand): { readonly code: number | null, readonly stdout: string, readonly stderr: string } {
  const text = (raw: string) => hosts.reduce((rest, host, i) => rest.replaceAll(host, `HOST${i + 1}`), raw)
    .replaceAll(cwd, 'CWD')
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, 'UUID')
    .replace(/("(?:Create|Modify|Last)Index": ?|index |Index +|LTime": |Size +|Term +|ID +)[\d-]+/g, '$1N')
    .replace(/^(n\d +)[0-9a-f]{8} /gm, '$1SHORT-ID ')
    .replace(/ (1\.8\.7|\d\.\d\.\d) (?= *2 +dc1)/g, ' VERSION ')
    // Who leads is chance, and who else was asked says that it has passed the request on.
    .replace('(rpc error making call: ', '(')
    // Columns are as wide as what stands in them.
    .replace(/ {2,}/g, '  ')
    // Who leads is chance: all as followers, in order of name.
    .replace(/ (leader|follower) +true/g, ' ROLE  true')
  const lines = unordered(text(stdout))
  return { code, stdout: /ROLE|<all>/.test(lines) ? lines.split('\n').sort().join('\n') : lines, stderr: text(stderr).replace(/^\d{4}[/-]\S+ \S+ /gm, '') }
}

/**
 * The tags of a service come in any order, where they are of all its instances (`watch -type=services`);
 * so does what is in maintenance, the node and its services (`maint`).
 */
function unordered(stdout: string): string {
  if (/^ +Reason: /m.test(stdout)) return stdout.trim().split(/\n\s*\n/).map((part) => part.trim()).sort().join('\n\n')
  if (!/^\{\n +"[^"]*": \[/.test(stdout)) return stdout
  const tags = Object.entries(JSON.parse(stdout) as Record<string, string[]>)
  return JSON.stringify(tags.map(([service, all]) => [service, all.sort()]))
}

async function runAt(side: Side, command: readonly string[]): Promise<ReturnType<typeof plain>> {
  const args = command.map((arg) => arg.replace(/^HOST(\d)$/, (_, place: string) => side.hosts[Number(place) - 1]!))
  return plain(side, await runCommand(path, { host: side.hosts[0]!, cwd: side.cwd, limitMs: 10_000 }, args))
}

t.test('the consul command at three members of ours and at three Consuls', { skip, timeout: 240_000 }, async (t) => {
  const [ourHosts, theirHosts] = [await loopbackHosts(3), await loopbackHosts(3)]
  const clusters = new AsyncDisposableStack()
  t.teardown(() => clusters.disposeAsync())
  const [ourCluster, theirCluster] = await Promise.all([startSplitbrainCluster(ourHosts).then((one) => clusters.use(one)), startConsulCluster(path, theirHosts).then((one) => clusters.use(one))])
  const [ours, theirs] = [await sideOf(ourCluster, ourHosts), await sideOf(theirCluster, theirHosts)]
  t.teardown(() => Promise.all([ours, theirs].map(({ cwd }) => rm(cwd, { recursive: true, force: true }))))

  await t.test('every command prints the same', async (t) => {
    const differed = new Set<readonly string[]>()
    for (const command of commands) {
      const [our, their] = await Promise.all([runAt(ours, command), runAt(theirs, command)])
      const known = accepted.find((one) => begins(command, one.command))
      if (known === undefined) t.same(our, their, `consul ${command.join(' ')}`)
      else if (!isDeepStrictEqual(our, their)) differed.add(known.command)
    }
    for (const { command } of accepted) t.ok(differed.has(command), `${command.join(' ')}: says the same at both, and is named as different`)
  })

  // Both at once: a Consul takes its time to leave.
  t.jobs = 2
  for (const [name, side] of [['ours', ours], ['Consul', theirs]] as const) {
    void t.test(`at ${name}`, async (t) => {
      await t.test('what has no text to compare', (t) => loose(t, side))
      await t.test('watches with a handler', (t) => watches(t, side))
      await t.test('leave', (t) => leaves(t, side))
    })
  }
})

async function loose(t: Test, { hosts }: Side): Promise<void> {
  const consul = (...args: readonly string[]) => runCommand(path, { host: hosts[0]! }, args)
  const detailed = await consul('members', '-detailed')
  for (const [i, host] of hosts.entries()) t.match(detailed.stdout, new RegExp(`^n${i + 1} +${host}:8301 +alive +.*dc=dc1.*id=[0-9a-f-]{36}.*port=8300.*role=consul`, 'm'))
  const info = (await consul('info')).stdout
  for (const line of [/^agent:$/m, /^\tcheck_monitors = 0$/m, /^consul:$/m, /^\tserver = true$/m, /^raft:$/m, /^\tnum_peers = 2$/m, /^\tstate = (Leader|Follower)$/m, /^serf_lan:$/m, /^\tmembers = 3$/m]) t.match(info, line)
  const leader = JSON.parse((await fetch(`http://${hosts[0]}:8500/v1/status/leader`).then((answer) => answer.text()))) as string
  t.match((await consul('operator', 'raft', 'list-peers')).stdout, new RegExp(`${leader} +leader +true`))
}

/** Each type of watch runs its handler at every change. */
async function watches(t: Test, { hosts, cwd }: Side): Promise<void> {
  const [one, two] = [hosts[0]!, hosts[1]!]
  const put = async (path: string, body: object) => t.equal((await fetch(`http://${one}:8500${path}`, { method: 'PUT', body: JSON.stringify(body) })).status, 200, path)
  const log = (type: string) => join(cwd, `log-${type}`)
  const text = (type: string) => existsSync(log(type)) ? readFileSync(log(type), 'utf8') : ''
  const types: Readonly<Record<string, readonly string[]>> = { services: [], nodes: [], service: ['-service=seen'], checks: ['-service=seen'], keyprefix: ['-prefix=seen/'] }
  const watchers = new AsyncDisposableStack()
  await using _all = watchers
  for (const [type, args] of Object.entries(types)) watchers.use(startCommand(path, { host: two }, ['watch', `-type=${type}`, ...args, `cat >> ${log(type)}`]))
  for (const type of Object.keys(types)) await until(`the watch of ${type} has begun`, () => text(type) !== '')
  await put('/v1/catalog/register', { Node: 'seen-node', Address: '10.0.0.1', Service: { Service: 'seen', Port: 1 }, Check: { CheckID: 'c', Name: 'c', ServiceID: 'seen', Status: 'passing', Output: 'first' } })
  await put('/v1/kv/seen/key', {})
  const shows = (wanted: Readonly<Record<string, string>>) => Promise.all(Object.entries(wanted).map(([type, what]) => until(`the watch of ${type} shows ${what}`, () => (text(type).trim().split('\n').at(-1) ?? '').includes(what), () => text(type))))
  await shows({ services: '"seen":[]', nodes: '"seen-node"', service: '"Port":1', checks: '"first"', keyprefix: '"seen/key"' })
  await put('/v1/catalog/register', { Node: 'seen-node', Address: '10.0.0.1', Service: { Service: 'seen', Port: 2 }, Check: { CheckID: 'c', Name: 'c', ServiceID: 'seen', Status: 'critical', Output: 'second' } })
  await shows({ service: '"Port":2', checks: '"second"' })
  await put('/v1/catalog/deregister', { Node: 'seen-node' })
  await until('all is gone', () => !(text('services').trim().split('\n').at(-1) ?? '').includes('seen') && (text('service').trim().endsWith('[]')) && text('checks').trim().endsWith('[]'), () => text('service'))
}

/** One goes in good order; the others say so and go on. */
async function leaves(t: Test, { hosts, cluster }: Side): Promise<void> {
  const [one, , three] = hosts as [string, string, string]
  t.same(await runCommand(path, { host: three }, ['leave']), { code: 0, stdout: 'Graceful leave complete\n', stderr: '' })
  await until('it is seen to have left', async () => /^n3 +\S+ +left /m.test((await runCommand(path, { host: one }, ['members'])).stdout))
  await until('it is no peer any more', async () => !(await runCommand(path, { host: one }, ['operator', 'raft', 'list-peers'])).stdout.includes('n3'))
  await until('writes are taken', async () => (await runCommand(path, { host: one }, ['kv', 'put', 'after', 'x'])).code === 0)
  await cluster.members[2]![Symbol.asyncDispose]()
  t.match(await runCommand(path, { host: one }, ['force-leave', '-prune', 'n3']), { code: 0 })
  await until('it is forgotten', async () => !(await runCommand(path, { host: one }, ['members'])).stdout.includes('n3'))
}
