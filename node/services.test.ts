/** A member as a process: services over HTTP and DNS, checks of a real server, what outlives kill -9. */
import { spawn, type ChildProcess } from 'node:child_process'
import { Resolver } from 'node:dns/promises'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import type { Server } from 'node:net'
import * as http from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { freePort } from './testing/free-port.ts'

const entry = fileURLToPath(new URL('./main.ts', import.meta.url))

async function listening(server: Server): Promise<number> {
  const port = await freePort()
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return port
}

async function until(what: string, attempt: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + 60_000
  while (performance.now() < endMs) {
    if (await attempt().catch(() => false)) return
    await sleep(20)
  }
  throw new Error(`${what} did not come about within 60 s`)
}

t.test('a service is found while its server answers, and is known after kill -9', { timeout: 120_000 }, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'splitbrain-services-'))
  const [httpPort, serverPort, dnsPort] = [await freePort(), await freePort(), await freePort()]
  let child: ChildProcess
  let exited: Promise<unknown>
  const start = () => {
    child = spawn(process.execPath, [entry, '-server', '-node', 'n1', '-bootstrap-expect', '1', '-data-dir', directory,
      '-http-port', String(httpPort), '-server-port', String(serverPort), '-dns-port', String(dnsPort)], { stdio: 'ignore' })
    exited = once(child, 'exit')
  }
  start()
  t.teardown(async () => {
    child.kill('SIGKILL')
    await exited
    rmSync(directory, { recursive: true, force: true })
  })
  const url = `http://127.0.0.1:${httpPort}/v1`
  const health = async () => (await (await fetch(`${url}/health/service/web?passing`)).json() as unknown[]).length
  const resolver = new Resolver({ timeout: 500, tries: 1 })
  resolver.setServers([`127.0.0.1:${dnsPort}`])
  const located = async () => (await resolver.resolveSrv('_web._v1.service.consul')).map(({ port }) => port)

  const backend = http.createServer((_request, response) => { response.end('fine') })
  const backendPort = await listening(backend)
  t.teardown(() => { backend.close() })
  await until('the service consul', async () => (await resolver.resolve4('consul.service.consul'))[0] === '127.0.0.1')
  const registered = await fetch(`${url}/agent/service/register`, { method: 'PUT', body: JSON.stringify({
    Name: 'web', Tags: ['v1'], Port: backendPort, Check: { HTTP: `http://127.0.0.1:${backendPort}/`, Interval: '1s', Timeout: '500ms' },
  }) })
  t.equal(registered.status, 200)
  await until('a passing check', async () => await health() === 1)
  t.strictSame(await located(), [backendPort])
  const [check] = await (await fetch(`${url}/health/checks/web`)).json() as { Output: string }[]
  t.equal(check!.Output, `HTTP GET http://127.0.0.1:${backendPort}/: 200 OK Output: fine`)

  backend.closeAllConnections()
  backend.close()
  await until('a failing check', async () => await health() === 0)
  await t.rejects(located(), { code: 'ENOTFOUND' })

  child!.kill('SIGKILL')
  await exited!
  backend.listen(backendPort, '127.0.0.1')
  await once(backend, 'listening')
  start()
  await until('the service after a restart', async () => await health() === 1)
  t.strictSame(await located(), [backendPort])
  t.strictSame(Object.keys(await (await fetch(`${url}/agent/services`)).json() as object), ['web'])
})
