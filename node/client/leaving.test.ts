/** How processes end and come back: which signals leave the cluster, and whom a member remembers. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { freePort } from '../testing/free-port.ts'

const entry = fileURLToPath(new URL('../main.ts', import.meta.url))

async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + 60_000
  while (!await condition().catch(() => false)) {
    if (performance.now() > endMs) throw new Error(`${what} did not come about within 60 s`)
    await sleep(50)
  }
}

t.test('an agent that is stopped leaves, one that is killed does not; a server does neither; each finds the others again', { timeout: 240_000 }, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'splitbrain-leaving-'))
  const running = new Map<ChildProcess, Promise<number | null>>()
  t.teardown(async () => {
    for (const child of running.keys()) child.kill('SIGKILL')
    await Promise.all(running.values())
    rmSync(directory, { recursive: true, force: true })
  })
  const config = join(directory, 'fast.json')
  writeFileSync(config, JSON.stringify({ gossip_lan: { probe_interval: '300ms', probe_timeout: '150ms', gossip_interval: '50ms', suspicion_mult: 3 } }))
  const start = (name: string, http: number, serf: number, ...more: string[]) => {
    const child = spawn(process.execPath, [entry, '-node', name, '-config-file', config, '-data-dir', join(directory, name), '-dns-port', '-1', '-http-port', `${http}`, '-serf-lan-port', `${serf}`, ...more], { stdio: 'ignore' })
    running.set(child, once(child, 'exit').then(([code]) => code as number | null))
    return child
  }
  const end = async (child: ChildProcess, signal: NodeJS.Signals) => {
    child.kill(signal)
    return running.get(child)!
  }
  const [http, server, serf, agentHttp, agentSerf] = [await freePort(), await freePort(), await freePort(), await freePort(), await freePort()]
  const startServer = () => start('s1', http, serf, '-server', '-bootstrap-expect', '1', '-server-port', `${server}`)
  const startAgent = (...more: string[]) => start('c1', agentHttp, agentSerf, ...more)
  const get = async (path: string) => JSON.parse(await (await fetch(`http://127.0.0.1:${http}${path}`, { signal: AbortSignal.timeout(5000) })).text())
  const status = async () => (await get('/v1/agent/members')).find(({ Name }: { Name: string }) => Name === 'c1')?.Status
  const health = async () => (await get('/v1/health/node/c1'))[0]?.Status

  const s1 = startServer()
  await until('the server answers', async () => (await get('/v1/status/leader')) !== '')
  let c1 = startAgent('-retry-join', `127.0.0.1:${serf}`)
  await until('c1 passes', async () => await health() === 'passing')
  t.equal((await fetch(`http://127.0.0.1:${agentHttp}/v1/agent/service/register`, { method: 'PUT', body: '{"Name":"web"}' })).status, 200)
  await until('web is there', async () => (await get('/v1/catalog/service/web')).length === 1)

  // kill -9: it fails; started again, with nobody's address, it is back with its service.
  await end(c1, 'SIGKILL')
  await until('c1 is critical', async () => await health() === 'critical' && await status() === 4)
  c1 = startAgent()
  await until('c1 is back by its memory', async () => await health() === 'passing' && (await get('/v1/health/service/web?passing')).length === 1)

  // SIGTERM: it leaves. Then it joins nobody unless it is told to.
  t.equal(await end(c1, 'SIGTERM'), 0)
  t.equal(await status(), 3)
  await until('it is out of the catalog', async () => await get('/v1/catalog/node/c1') === null && (await get('/v1/catalog/service/web')).length === 0)
  c1 = startAgent()
  await until('it runs', async () => (await fetch(`http://127.0.0.1:${agentHttp}/v1/agent/self`)).status === 200)
  t.equal((await (await fetch(`http://127.0.0.1:${agentHttp}/v1/agent/members`)).json() as unknown[]).length, 1)
  t.equal(await (await fetch(`http://127.0.0.1:${agentHttp}/v1/kv/a`)).text(), 'No known Consul servers')
  t.equal(await end(c1, 'SIGINT'), 0)
  c1 = startAgent('-rejoin')
  await until('it has rejoined', async () => await health() === 'passing' && (await get('/v1/health/service/web?passing')).length === 1)

  // A server that is stopped does not leave: the agent waits for it.
  t.equal(await end(s1, 'SIGTERM'), 0)
  await until('the server has failed', async () => (await (await fetch(`http://127.0.0.1:${agentHttp}/v1/agent/members`)).json() as { Name: string, Status: number }[]).some(({ Name, Status }) => Name === 's1' && Status === 4))
  startServer()
  await until('requests are answered through the agent again', async () => await (await fetch(`http://127.0.0.1:${agentHttp}/v1/kv/a`, { method: 'PUT', body: 'x' })).text() === 'true')
})
