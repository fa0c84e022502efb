/** A member as a process: its log as it comes, and its config files read again. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { freePort } from './testing/free-port.ts'

const entry = fileURLToPath(new URL('./main.ts', import.meta.url))

async function until<T>(what: string, attempt: () => Promise<T | null>): Promise<T> {
  const endMs = performance.now() + 60_000
  while (performance.now() < endMs) {
    const result = await attempt().catch(() => null)
    if (result !== null) return result
    await sleep(20)
  }
  throw new Error(`${what} did not come about within 60 s`)
}

async function member(config: object, directory: string) {
  const file = join(directory, 'member.json')
  const write = (content: object) => writeFileSync(file, JSON.stringify(content))
  write(config)
  const [http, server] = [await freePort(), await freePort()]
  const child = spawn(process.execPath, [entry, '-server', '-node', 'n1', '-bootstrap-expect', '1', '-http-port', String(http), '-server-port', String(server),
    '-serf-lan-port', '-1', '-dns-port', '-1', '-data-dir', join(directory, 'data'), '-config-file', file], { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => { output += chunk })
  const exited = once(child, 'exit')
  const url = `http://127.0.0.1:${http}`
  const call = async (method: string, target: string, body?: string) => {
    const response = await fetch(`${url}/v1/${target}`, { method, ...body === undefined ? {} : { body }, signal: AbortSignal.timeout(8000) })
    return { status: response.status, body: await response.text() }
  }
  await until('a leader', async () => (await call('PUT', 'kv/up', 'x')).status === 200 || null)
  return {
    http, child, write, call, output: () => output,
    services: async () => Object.keys(JSON.parse((await call('GET', 'agent/services')).body) as object).sort(),
    inCatalog: async () => Object.keys(JSON.parse((await call('GET', 'catalog/services')).body) as object).filter((name) => name !== 'consul').sort(),
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL')
      await exited
    },
  }
}

t.test('definitions in files: taken at the start and again on reload, by the API and by SIGHUP', { timeout: 180_000 }, async (t) => {
  const first = { services: [{ name: 'web', port: 80, check: { ttl: '1h', status: 'passing' } }], service: { id: 'db-1', name: 'db', tags: ['primary'] }, check: { id: 'disk', name: 'disk', ttl: '1h' } }
  await using one = await member(first, t.testdir())
  t.same(await one.services(), ['db-1', 'web'])
  await until('the catalog', async () => (await one.inCatalog()).join() === 'db,web' || null)
  t.same(Object.keys(JSON.parse((await one.call('GET', 'agent/checks')).body) as object).sort(), ['disk', 'service:web'])
  t.equal((await one.call('PUT', 'agent/check/warn/service:web?note=so')).status, 200)
  t.equal((await one.call('PUT', 'agent/service/register', '{"Name":"by-api"}')).status, 200)

  one.write({ services: [{ name: 'web', port: 81, check: { ttl: '1h', status: 'passing' } }, { name: 'new' }], log_level: 'debug' })
  t.same(await one.call('PUT', 'agent/reload'), { status: 200, body: '' })
  t.same(await one.services(), ['by-api', 'new', 'web'], 'what came by the API stays')
  t.match(JSON.parse((await one.call('GET', 'agent/service/web')).body), { Port: 81 })
  t.match(JSON.parse((await one.call('GET', 'agent/checks')).body), { 'service:web': { Status: 'warning', Output: 'so' } }, 'a check that is as it was goes on')
  await until('the catalog', async () => (await one.inCatalog()).join() === 'by-api,new,web' || null)

  one.write({ services: [{ name: '' }] })
  t.match(await one.call('PUT', 'agent/reload'), { status: 500, body: /Missing service name/ })
  one.write({ check: { name: 'x', ttl: '1h', service_id: 'nowhere' } })
  t.match(await one.call('PUT', 'agent/reload'), { status: 500, body: /ServiceID "nowhere" does not exist/ })
  t.same(await one.services(), ['by-api', 'new', 'web'], 'nothing of a file that is refused')

  one.write({ service: { name: 'last' } })
  one.child.kill('SIGHUP')
  await until('the signal', async () => (await one.services()).join() === 'by-api,last' || null)
})

t.test('what a file defines does not outlive the file; two definitions of one id are refused', { timeout: 180_000 }, async (t) => {
  const directory = t.testdir()
  {
    await using one = await member({ service: { name: 'web', check: { ttl: '1h' } } }, directory)
    await one.call('PUT', 'agent/service/register', '{"Name":"by-api"}')
    await one.call('PUT', 'agent/check/pass/service:web')
    t.same(await one.services(), ['by-api', 'web'])
  }
  await using again = await member({}, directory)
  t.same(await again.services(), ['by-api'])
  again.write({ services: [{ name: 'a' }, { name: 'a' }] })
  t.match(await again.call('PUT', 'agent/reload'), { status: 500, body: /Two definitions are of the service "a"/ })
})

t.test('the log as it comes, from the level that is asked for', { timeout: 180_000 }, async (t) => {
  await using one = await member({}, t.testdir())
  const read = async (query: string) => {
    const outgoing = request({ port: one.http, host: '127.0.0.1', path: `/v1/agent/monitor${query}`, headers: { 'Accept-Encoding': 'gzip' } })
    outgoing.end()
    const [incoming] = await once(outgoing, 'response') as [IncomingMessage]
    let text = ''
    incoming.on('data', (chunk) => { text += chunk }).on('error', () => {})
    return { incoming, text: () => text, end: () => outgoing.destroy() }
  }
  const [info, json, errors] = [await read(''), await read('?loglevel=debug&logjson'), await read('?loglevel=err')]
  t.equal(info.incoming.headers['content-type'], 'text/plain; charset=utf-8')
  t.equal(info.incoming.headers['content-encoding'], undefined)
  await one.call('PUT', 'agent/reload')
  await until('the line', async () => info.text().includes('reloaded the configuration') && json.text().includes('reloaded') || null)
  t.match(info.text(), /^\d{4}-\d\d-\d\dT[\d:.]+Z \[INFO\]  agent: reloaded the configuration/m)
  t.match(json.text().split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as object).at(-1), { '@level': 'info', '@module': 'agent' })
  t.equal(errors.text(), '')
  t.match(await one.call('GET', 'agent/monitor?loglevel=zzz'), { status: 400, body: 'Bad request: Unknown log level: zzz' })
  const host = JSON.parse((await one.call('GET', 'agent/host')).body) as { Memory: { total: number } }
  t.ok(host.Memory.total > 0)
  info.end()
  json.end()
  // The third is open still: the member must not wait for it.
  one.child.kill('SIGTERM')
  await until('the end', async () => one.child.exitCode)
  t.equal(one.child.exitCode, 0)
})
