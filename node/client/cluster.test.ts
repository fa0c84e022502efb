/** Three servers and twenty client agents on loopback sockets: servers and one agent as processes, the others in this one. */
import { spawn, type ChildProcess } from 'node:child_process'
import { Resolver } from 'node:dns/promises'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { resolveAgentConfig } from '../agent/agent-config.ts'
import { parseAgentFlags, type AgentFlags } from '../agent/flags.ts'
import { runMember, type RunningMember } from '../agent/run-member.ts'
import { silentLog } from '../base/log.ts'
import { detectionBoundMs } from '../gossip/bounds.ts'
import { resolveGossipConfig } from '../gossip/config.ts'
import { freePort } from '../testing/free-port.ts'

const entry = fileURLToPath(new URL('../main.ts', import.meta.url))
/** A tenth of the usual times would be too little for two busy cores. */
const gossip = { probeIntervalMs: 400, probeTimeoutMs: 200, gossipIntervalMs: 100, suspicionMult: 3 }
const agents = 20

interface Process {
  readonly child: ChildProcess
  readonly output: () => string
  readonly exited: Promise<number | null>
}

class Cluster implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'splitbrain-clients-'))
  readonly file = join(this.directory, 'agent.json')
  readonly processes: Process[] = []
  readonly inside: RunningMember[] = []
  readonly gossipPorts: number[] = []

  constructor() {
    writeFileSync(this.file, JSON.stringify({
      gossip_lan: { probe_interval: '400ms', probe_timeout: '200ms', gossip_interval: '100ms', suspicion_mult: 3 },
      autopilot: { server_stabilization_time: '1s' },
    }))
  }

  args(name: string, http: number, ...more: readonly string[]): string[] {
    return ['-node', name, '-config-file', this.file, '-data-dir', join(this.directory, name), '-http-port', `${http}`, '-log-level', 'info',
      ...this.gossipPorts.flatMap((port) => ['-retry-join', `127.0.0.1:${port}`]), ...more]
  }

  spawn(args: readonly string[]): Process {
    const child = spawn(process.execPath, [entry, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream!.on('data', (chunk) => { output += chunk })
    const started = { child, output: () => output, exited: once(child, 'exit').then(([code]) => code as number | null) }
    this.processes.push(started)
    return started
  }

  async until(what: string, condition: () => Promise<boolean>, limitMs = 60_000): Promise<void> {
    const endMs = performance.now() + limitMs
    while (!await condition().catch(() => false)) {
      if (performance.now() > endMs) throw new Error(`${what} did not come about within ${limitMs} ms:\n${this.processes.map(({ output }) => output().slice(-1500)).join('\n---\n')}`)
      await sleep(50)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.inside.map((member) => member.stop()))
    for (const { child } of this.processes) child.kill('SIGKILL')
    await Promise.all(this.processes.map(({ exited }) => exited))
    rmSync(this.directory, { recursive: true, force: true })
  }
}

async function json<T>(port: number, path: string, method = 'GET', body?: string): Promise<T> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { method, signal: AbortSignal.timeout(10_000), ...body === undefined ? {} : { body } })
  const text = await response.text()
  return (text === '' ? null : JSON.parse(text)) as T
}

t.test('three servers and twenty client agents', { timeout: 300_000 }, async (t) => {
  await using cluster = new Cluster()
  const servers: { readonly http: number, readonly process: Process, readonly name: string }[] = []
  for (let i = 1; i <= 3; i++) {
    const [http, server, serf] = [await freePort(), await freePort(), await freePort()]
    servers.push({ name: `s${i}`, http, process: cluster.spawn(cluster.args(`s${i}`, http, '-server', '-bootstrap-expect', '3', '-server-port', `${server}`, '-serf-lan-port', `${serf}`, '-dns-port', '-1')) })
    cluster.gossipPorts.push(serf)
  }
  const s1 = servers[0]!.http
  const victim = await freePort()
  const victimProcess = cluster.spawn(cluster.args('c1', victim, '-serf-lan-port', '0', '-dns-port', '-1'))
  const config = (name: string) => resolveAgentConfig(parseAgentFlags(cluster.args(name, 0, '-serf-lan-port', '0', '-dns-port', '0', '-node-meta', `name:${name}`)) as AgentFlags)
  for (let i = 2; i <= agents; i++) cluster.inside.push(await runMember(config(`c${i}`), silentLog))
  const ports = [victim, ...cluster.inside.map(({ httpPort }) => httpPort)]
  const all = [...servers.map(({ name }) => name), ...Array.from({ length: agents }, (_, i) => `c${i + 1}`)].sort()
  type Check = { readonly Node: string, readonly Status: string }

  await t.test('all are members everywhere, and in the catalog, passing', async (t) => {
    for (const port of [...servers.map(({ http }) => http), ...ports]) {
      await cluster.until(`23 members at ${port}`, async () => (await json<{ Status: number }[]>(port, '/v1/agent/members')).filter(({ Status }) => Status === 1).length === all.length)
    }
    await cluster.until('23 nodes pass', async () => {
      const checks = await json<(Check & { CheckID: string })[]>(s1, '/v1/health/state/passing')
      return checks.filter(({ CheckID }) => CheckID === 'serfHealth').map(({ Node }) => Node).sort().join() === all.join()
    })
    t.same((await json<{ Node: string }[]>(ports[5]!, '/v1/catalog/service/consul')).map(({ Node }) => Node), ['s1', 's2', 's3'])
    t.equal((await json<{ Meta: { name: string } }>(ports[5]!, '/v1/agent/self')).Meta.name, 'c6')
    await cluster.until('c6 is found by its metadata', async () => (await json<{ Node: string }[]>(s1, '/v1/catalog/nodes?node-meta=name:c6')).map(({ Node }) => Node).join() === 'c6')
    // Each server hands it to the one that leads.
    for (const { http } of servers) {
      // Null until the leader has looked at them a first time.
      await cluster.until('the leader has looked at 3 servers', async () => (await json<{ Servers: unknown[] | null }>(http, '/v1/operator/autopilot/health')).Servers?.length === 3)
    }
    t.match(await json(ports[7]!, '/v1/operator/autopilot/health'), { Servers: [{ SerfStatus: 'alive' }, { SerfStatus: 'alive' }, { SerfStatus: 'alive' }] })
  })

  await t.test('a service of one is visible at all, in HTTP and DNS', async (t) => {
    await json(ports[2]!, '/v1/agent/service/register', 'PUT', '{"Name":"web","Port":8080}')
    for (const port of [...servers.map(({ http }) => http), ...ports]) {
      await cluster.until(`web at ${port}`, async () => (await json<{ Node: { Node: string } }[]>(port, '/v1/health/service/web?passing'))[0]?.Node.Node === 'c3')
    }
    const resolver = new Resolver({ timeout: 3000, tries: 3 })
    resolver.setServers([`127.0.0.1:${cluster.inside[4]!.dnsPort}`])
    t.match(await resolver.resolveSrv('web.service.consul'), [{ port: 8080, name: 'c3.node.dc1.consul' }])
  })

  await t.test('one that leaves is deregistered with its service', async () => {
    await cluster.inside[1]!.leave()
    await cluster.until('c3 is out of the catalog', async () => await json(s1, '/v1/catalog/node/c3') === null)
    await cluster.until('so is web', async () => (await json<unknown[]>(ports[8]!, '/v1/catalog/service/web')).length === 0)
  })

  await t.test('one that is killed is critical within the bound, and its lock is free', async (t) => {
    const { ID } = await json<{ ID: string }>(victim, '/v1/session/create', 'PUT', '{"LockDelay":"0s"}')
    t.equal(await json(victim, `/v1/kv/lock?acquire=${ID}`, 'PUT', 'c1'), true)
    t.match(await json(ports[4]!, `/v1/session/info/${ID}`), [{ Node: 'c1' }])
    victimProcess.child.kill('SIGKILL')
    await victimProcess.exited
    const boundMs = detectionBoundMs(resolveGossipConfig(gossip), { members: all.length - 1, healthScoreMax: 0 })
    const killedMs = performance.now()
    await cluster.until('c1 is critical', async () => (await json<Check[]>(s1, '/v1/health/node/c1'))[0]?.Status === 'critical', boundMs + 2000)
    t.comment(`critical after ${Math.round(performance.now() - killedMs)} ms; the bound is ${boundMs} ms`)
    t.notOk((await json<{ Session?: string }[]>(ports[4]!, '/v1/kv/lock'))[0]?.Session)
    const other = await json<{ ID: string }>(ports[4]!, '/v1/session/create', 'PUT', '{}')
    t.equal(await json(ports[4]!, `/v1/kv/lock?acquire=${other.ID}`, 'PUT', 'c5'), true)
  })

  await t.test('a server that is killed costs agents nothing; autopilot removes it; the second of two it would not', async (t) => {
    const dead = servers[2]
    const living = servers.slice(0, 2)
    dead!.process.child.kill('SIGKILL')
    for (const port of ports.slice(3)) {
      await cluster.until(`a write through ${port}`, async () => await json(port, `/v1/kv/at-${port}`, 'PUT', 'x') === true, 30_000)
    }
    await cluster.until('autopilot removes it', async () => (await json<{ Servers: unknown[] }>(living[0]!.http, '/v1/operator/raft/configuration?stale')).Servers.length === 2)
    t.equal(await json(living[0]!.http, `/v1/catalog/node/${dead!.name}`), null)

    living[1]!.process.child.kill('SIGKILL')
    await cluster.until('it has failed', async () => (await json<{ Name: string, Status: number }[]>(living[0]!.http, '/v1/agent/members')).some(({ Name, Status }) => Name === living[1]!.name && Status === 4))
    t.equal((await json<{ Servers: unknown[] }>(living[0]!.http, '/v1/operator/raft/configuration?stale')).Servers.length, 2, 'of two, none may go')
  })
})
