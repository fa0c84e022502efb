/**
 * Debian's HAProxy balances over instances that it finds by SRV records of three
 * members of ours (`resolvers`, `server-template`). The same with a real Consul,
 * so that what is asserted is what HAProxy makes of Consul.
 */
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { consulProgram, debianProgram, haproxyProgram } from './debian-program.ts'
import { startDaemon } from './daemon.ts'
import { loopbackHosts } from './loopback.ts'
import { type AgentProcess, startConsul, startSplitbrainCluster } from './servers.ts'
import { until } from './until.ts'

const haproxy = await debianProgram(haproxyProgram)
const consul = await debianProgram(consulProgram)
const skip = process.platform !== 'linux' ? 'needs all of 127.0.0.0/8' : haproxy.kind === 'missing' ? haproxy.reason : false
const slots = 5

t.jobs = 2

t.test('HAProxy and three members of ours', { skip, timeout: 180_000 }, async (t) => {
  const [aside, ...hosts] = await loopbackHosts(4) as [string, ...string[]]
  await using cluster = await startSplitbrainCluster(hosts)
  await useHaproxy(t, aside, cluster.members)
})

t.test('HAProxy and a real Consul', { skip: skip || (consul.kind === 'missing' ? consul.reason : false), timeout: 180_000 }, async (t) => {
  if (consul.kind === 'missing') return
  const [aside, host] = await loopbackHosts(2) as [string, string]
  await using server = await startConsul(consul.path, { host, node: 'n1', nodeId: '22222222-2222-3333-4444-555555555555' })
  await useHaproxy(t, aside, [server])
})

/** A row of HAProxy's statistics. */
type Row = Readonly<Record<string, string>>

async function useHaproxy(t: Test, host: string, members: readonly AgentProcess[]): Promise<void> {
  if (haproxy.kind === 'missing') return
  const directory = await mkdtemp(join(tmpdir(), 'splitbrain-haproxy-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const control = join(directory, 'control')
  const configFile = join(directory, 'haproxy.cfg')
  await writeFile(configFile, `
global
  stats socket ${control} mode 600 level admin
defaults
  mode http
  timeout connect 1s
  timeout client 5s
  timeout server 5s
resolvers registry
${members.map((member, i) => `  nameserver n${i + 1} ${member.host}:8600`).join('\n')}
  accepted_payload_size 8192
  timeout resolve 200ms
  timeout retry 300ms
  hold valid 200ms
  hold nx 200ms
  hold obsolete 0s
frontend web
  bind ${host}:8080
  use_backend by-tag if { path_beg /blue }
  default_backend shop
backend shop
  balance roundrobin
  server-template shop ${slots} _shop._tcp.service.consul resolvers registry resolve-prefer ipv4 resolve-opts ignore-weight init-addr none check inter 200ms
backend by-tag
  server-template blue 2 _shop._blue.service.consul resolvers registry resolve-prefer ipv4 init-addr none check inter 200ms
backend weighted
  server-template any ${slots} _shop._tcp.service.consul resolvers registry resolve-prefer ipv4 init-addr none check inter 200ms
`)
  await using daemon = startDaemon(haproxy.path, ['-db', '-f', configFile], haproxy.env)
  const rows = async (): Promise<Row[]> => {
    const [header = '', ...lines] = (await ask(control, 'show stat')).trim().split('\n')
    const names = header.replace(/^# /, '').split(',')
    return lines.map((line) => Object.fromEntries(line.split(',').map((value, i) => [names[i]!, value])))
  }
  /** `address:port` of the servers that get traffic. */
  const serving = async (backend = 'shop') => (await rows()).filter((row) => row['pxname'] === backend && row['addr'] && row['status'] === 'UP').map((row) => row['addr']!).sort()
  const serves = (what: string, wanted: readonly string[], backend = 'shop') => until(what, async () => {
    if (daemon.exitCode() !== null) throw new Error(`HAProxy ended:\n${daemon.output()}`)
    return String(await serving(backend).catch(() => [])) === String([...wanted].sort())
  }, async () => `${await serving(backend)} serve; ${daemon.output()}`)
  /** Asks until each of `wanted` has answered; nobody else may. A server that was there before others is passed over for a while. */
  const onlyAnswer = async (t: Test, wanted: readonly string[], path = '/') => {
    const texts = new Set<string>()
    for (let i = 0; i < 30 || (i < 500 && !wanted.every((text) => texts.has(text))); i++) {
      const answer = await fetch(`http://${host}:8080${path}`)
      texts.add(answer.ok ? await answer.text() : String(answer.status))
    }
    t.same([...texts].sort(), wanted)
  }
  const [first, second, third] = [members[0]!, members[1 % members.length]!, members[2 % members.length]!]
  const put = async (member: AgentProcess, path: string, body = '') => {
    const { status, body: text } = await member.request('PUT', path, body)
    if (status !== 200) throw new Error(`PUT ${path}: ${status} ${text}`)
  }
  await using one = await startInstance('one', '127.0.0.1')
  await using two = await startInstance('two', second.host)
  await using three = await startInstance('three', '127.0.0.3')
  const register = (member: AgentProcess, instance: Instance, more: object = {}) => put(member, '/v1/agent/service/register', JSON.stringify({
    ID: instance.name, Name: 'shop', Port: instance.port, Check: { CheckID: instance.name, TTL: '10m', Status: 'passing' }, ...more,
  }))

  await t.test('nobody is registered: nobody serves', async (t) => {
    await until('HAProxy answers', () => fetch(`http://${host}:8080/`).then(() => true, () => false), daemon.output)
    await onlyAnswer(t, ['503'])
  })

  await t.test('instances come up as they are registered', async (t) => {
    await register(first, one, { Address: '127.0.0.1', Tags: ['blue'], Weights: { Passing: 20_000, Warning: 1 } })
    await serves('one serves', [one.address])
    await onlyAnswer(t, ['one'])
    // Without an address of its own: at its node's.
    await register(second, two)
    await register(third, three, { Address: '127.0.0.3', Weights: { Passing: 40_000, Warning: 5 } })
    await serves('all serve', [one.address, two.address, three.address])
    await onlyAnswer(t, ['one', 'three', 'two'])
    await serves('all serve', [one.address, two.address, three.address], 'weighted')
    const weighted = (await rows()).filter((row) => row['pxname'] === 'weighted' && row['addr'] && row['status'] === 'UP')
    const weightOf = ({ address }: Instance) => Number(weighted.find((row) => row['addr'] === address)!['weight'])
    t.ok(weightOf(two) < weightOf(one) && Math.abs(weightOf(three) / weightOf(one) - 2) < 0.1, `weights of the SRV records: ${[one, two, three].map(weightOf)}`)
    await serves('the tag is heeded', [one.address], 'by-tag')
    await onlyAnswer(t, ['one'], '/blue')
  })

  await t.test('an instance whose check fails gets no traffic, and again once it passes', async (t) => {
    await put(first, '/v1/agent/check/fail/one')
    await serves('one is out', [two.address, three.address])
    await onlyAnswer(t, ['three', 'two'])
    await serves('nobody has the tag', [], 'by-tag')
    await onlyAnswer(t, ['503'], '/blue')
    await put(first, '/v1/agent/check/pass/one')
    await serves('one is back', [one.address, two.address, three.address])
    await onlyAnswer(t, ['one', 'three', 'two'])
  })

  await t.test('changes of the registration are followed', async (t) => {
    await put(third, '/v1/agent/service/deregister/three')
    await serves('three is gone', [one.address, two.address])
    await onlyAnswer(t, ['one', 'two'])
    await using moved = await startInstance('moved', '127.0.0.1')
    await register(first, { ...moved, name: 'one' }, { Address: '127.0.0.1', Tags: ['blue'] })
    await serves('one has another port', [moved.address, two.address])
    await onlyAnswer(t, ['moved', 'two'])
    await put(first, '/v1/agent/service/register', JSON.stringify({ ID: 'one', Name: 'shop', Port: one.port, Address: '127.0.0.1' }))
    await serves('and its old one again', [one.address, two.address])
    await serves('without its tag', [], 'by-tag')
  })

  if (members.length === 1) return
  await t.test('a member dies: the others answer, changes are followed', async (t) => {
    await third[Symbol.asyncDispose]()
    await until('writes are taken', async () => (await first.request('PUT', '/v1/kv/alive', 'yes')).status === 200)
    await register(first, three, { Address: '127.0.0.3' })
    await serves('three serves', [one.address, two.address, three.address])
    await onlyAnswer(t, ['one', 'three', 'two'])
  })
}

interface Instance {
  readonly name: string
  readonly port: number
  readonly address: string
}

/** Answers with its name. */
async function startInstance(name: string, host: string): Promise<Instance & AsyncDisposable> {
  const server = createServer((_request, response) => response.end(name)).listen(0, host)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    name, port, address: `${host}:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
    },
  }
}

/** A command on HAProxy's control socket. */
async function ask(path: string, command: string): Promise<string> {
  const socket = connect(path)
  socket.end(`${command}\n`)
  let text = ''
  for await (const chunk of socket.setEncoding('utf8')) text += chunk
  return text
}
