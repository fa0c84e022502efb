/** Checks over real sockets and processes on loopback. */
import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import type { CheckResult } from './definitions.ts'
import type { ProbeMethod } from './probes.ts'
import { processProbes } from './process-probes.ts'

const probes = processProbes()
t.teardown(() => probes[Symbol.asyncDispose]())

const probe = (method: ProbeMethod, outputBytesMax = 4096) => new Promise<CheckResult>((resolve) => { probes.probe(method, outputBytesMax, resolve) })
const times = { intervalMs: 1000, timeoutMs: 5000 }
const http = (url: string, parts: object = {}) => ({ kind: 'http' as const, url, method: '', headers: {}, body: '', tlsSkipVerify: false, ...times, ...parts })

t.test('HTTP: by the status, with the beginning of the body', async (t) => {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.headers['user-agent']} ${request.headers['x-a']}`)
    if (request.url === '/echo') return void request.pipe(response)
    if (request.url === '/never') return
    if (request.url === '/moved') response.writeHead(302, { Location: '/200' }).end()
    else response.writeHead(Number(request.url!.slice(1))).end('x'.repeat(10_000))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => { server.closeAllConnections(); server.close() })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  t.strictSame(await probe(http(`${url}/200`), 3), { status: 'passing', output: `HTTP GET ${url}/200: 200 OK Output: xxx` })
  t.match(await probe(http(`${url}/429`)), { status: 'warning' })
  t.match(await probe(http(`${url}/500`, { method: 'POST', headers: { 'X-A': ['b'] } })), { status: 'critical', output: /^HTTP POST .*: 500 Internal Server Error Output: x{4096}$/ })
  t.match(await probe(http(`${url}/echo`, { method: 'PUT', body: 'are you well?' })), { status: 'passing', output: /Output: are you well\?$/ })
  t.match(await probe(http(`${url}/moved`)), { status: 'passing' })
  t.match(await probe(http(`${url}/never`, { timeoutMs: 50 })), { status: 'critical', output: /context deadline exceeded/ })
  t.strictSame(asked.slice(0, 3), ['GET Consul Health Check undefined', 'GET Consul Health Check undefined', 'POST Consul Health Check b'])
})

t.test('TCP: whether something listens', async (t) => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const target = `127.0.0.1:${(server.address() as AddressInfo).port}`
  t.strictSame(await probe({ kind: 'tcp', target, ...times }), { status: 'passing', output: `TCP connect ${target}: Success` })
  server.close()
  await once(server, 'close')
  t.strictSame(await probe({ kind: 'tcp', target, ...times }), { status: 'critical', output: `dial tcp ${target}: connect: connection refused` })
})

t.test('scripts: by the exit code, killed with all they started when their time is over', async (t) => {
  const script = (text: string, parts: object = {}) => probe({ kind: 'script', args: ['sh', '-c', text], ...times, ...parts }, 10)
  t.strictSame(await script('echo hi'), { status: 'passing', output: 'hi\n' })
  t.strictSame(await script('echo no >&2; exit 1'), { status: 'warning', output: 'no\n' })
  t.match(await script('exit 2'), { status: 'critical' })
  t.strictSame(await script('printf 0123456789abcdef'), { status: 'passing', output: 'Captured 10 of 16 bytes\n...\n6789abcdef' })
  t.strictSame(await script('sleep 60 & sleep 60', { timeoutMs: 100 }), { status: 'critical', output: 'Timed out (100ms) running check' })
  t.match(await probe({ kind: 'script', args: ['/no/such/file'], ...times }), { status: 'critical', output: /ENOENT/ })
})
