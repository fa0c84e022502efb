/** The cluster of compose.yaml as a person starts it, on a loopback address and a project name of its own. */
import { execFile } from 'node:child_process'
import { Resolver } from 'node:dns/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { connectEngine, type Engine } from '../harness/environments/docker/engine.ts'
import { ensureMemberImage } from '../harness/environments/docker/image/member-image.ts'

const run = promisify(execFile)
const host = '127.79.5.1'
const project = `splitbrain-compose-test-${process.pid}`
const file = fileURLToPath(new URL('./compose.yaml', import.meta.url))

/** The program and its first words; or, in a sentence, why there is none. */
async function findCompose(): Promise<readonly string[] | string> {
  if (process.platform !== 'linux') return 'needs all of 127.0.0.0/8 on loopback'
  for (const words of [['docker-compose'], ['docker', 'compose']]) {
    const found = await run(words[0]!, [...words.slice(1), 'version']).then(() => true, () => false)
    if (found) return words
  }
  return 'neither docker-compose nor docker compose is installed'
}

const compose = await findCompose()
const engine: Engine | string = typeof compose === 'string' ? compose : await connectEngine().catch((error: Error) => `no Docker engine: ${error.message}`)
const skip = typeof engine === 'string' ? engine : false

async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + 120_000
  while (!await condition().catch(() => false)) {
    if (performance.now() > endMs) throw new Error(`waited 120 s in vain until ${what}`)
    await sleep(200)
  }
}

t.test('three servers elect a leader, two client agents find them, each takes and gives values, and nothing is left behind', { skip, timeout: 400_000 }, async (t) => {
  if (typeof compose === 'string' || typeof engine === 'string') return
  const image = await ensureMemberImage(engine, (line) => t.comment(line))
  const env = { ...process.env, SPLITBRAIN_IMAGE: image, SPLITBRAIN_PUBLISH: host }
  const call = (...args: readonly string[]) => run(compose[0]!, [...compose.slice(1), '-p', project, '-f', file, ...args], { env })
  const down = () => call('down', '--volumes', '--timeout', '2')
  t.teardown(down)
  await call('up', '-d')
  const urls = [8500, 8510, 8520, 8530, 8540].map((port) => `http://${host}:${port}`)

  const leaders = new Set<string>()
  for (const url of urls) {
    await until(`${url} knows a leader`, async () => {
      const leader = await (await fetch(`${url}/v1/status/leader`)).json() as string
      if (leader !== '') leaders.add(leader)
      return leader !== ''
    })
  }
  t.equal(leaders.size, 1, `one leader: ${[...leaders].join(' ')}`)
  t.match([...leaders][0], /^10\.213\.85\.1[123]:8300$/)
  t.same((await (await fetch(`${urls[0]}/v1/status/peers`)).json() as string[]).sort(), ['10.213.85.11:8300', '10.213.85.12:8300', '10.213.85.13:8300'])

  for (const [i, url] of urls.entries()) t.equal(await (await fetch(`${url}/v1/kv/k${i}`, { method: 'PUT', body: `from ${i}` })).text(), 'true')
  for (const url of urls) {
    for (const i of urls.keys()) t.equal(await (await fetch(`${url}/v1/kv/k${i}?raw`)).text(), `from ${i}`)
  }
  const { stdout } = await call('exec', '-T', 'server2', 'sh', '-c', 'node node/client-main.[jt]s kv get k0')
  t.equal(stdout, 'from 0\n', 'the image has the command line too')

  const resolver = new Resolver({ timeout: 2000, tries: 2 })
  resolver.setServers([`${host}:8600`])
  await until('DNS names all servers', async () => (await resolver.resolve4('consul.service.consul')).length === 3)

  const [server1, , , client1, client2] = urls as [string, string, string, string, string]
  const json = async <T>(url: string, init?: RequestInit): Promise<T> => await (await fetch(url, init)).json() as T
  type Check = { readonly CheckID: string, readonly Status: string }
  const serfHealth = async (node: string) => (await json<Check[]>(`${server1}/v1/health/node/${node}`)).find(({ CheckID }) => CheckID === 'serfHealth')?.Status
  for (const node of ['client1', 'client2']) await until(`${node} passes`, async () => await serfHealth(node) === 'passing')
  t.equal((await json<unknown[]>(`${client1}/v1/agent/members`)).length, 5)

  t.equal((await fetch(`${client1}/v1/agent/service/register`, { method: 'PUT', body: '{"Name":"web","Port":80}' })).status, 200)
  await until('web is in the catalog of a server', async () => (await json<unknown[]>(`${server1}/v1/catalog/service/web`)).length === 1)
  for (const port of [8600, 8630, 8640]) {
    const asked = new Resolver({ timeout: 5000, tries: 3 })
    asked.setServers([`${host}:${port}`])
    t.same(await asked.resolve4('web.service.consul'), ['10.213.85.21'], `DNS at port ${port}`)
    t.match(await asked.resolveSrv('web.service.consul'), [{ port: 80 }])
  }

  const { ID } = await json<{ ID: string }>(`${client2}/v1/session/create`, { method: 'PUT', body: '{"LockDelay":"0s"}' })
  t.equal(await json(`${client2}/v1/kv/lock?acquire=${ID}`, { method: 'PUT', body: 'client2' }), true)
  await call('kill', 'client2')
  await until('client2 is critical', async () => await serfHealth('client2') === 'critical')
  t.same(await json(`${server1}/v1/session/info/${ID}`), [], 'its session has ended')

  await call('stop', 'client1')
  await until('client1 has left', async () => await json(`${server1}/v1/catalog/node/client1`) === null)
  t.same(await json(`${server1}/v1/catalog/service/web`), [])
  await call('start', 'client1')
  await until('its service is back', async () => (await json<unknown[]>(`${server1}/v1/health/service/web?passing`)).length === 1)

  await down()
  const left = { filters: { label: [`com.docker.compose.project=${project}`] } }
  t.same(await engine.docker.listContainers({ all: true, ...left }), [])
  t.same(await engine.docker.listNetworks(left), [])
  t.same((await engine.docker.listVolumes(left)).Volumes ?? [], [])
})
