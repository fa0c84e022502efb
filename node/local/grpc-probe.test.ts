/** Against servers that speak the health protocol's bytes, and some that do not. */
import { once } from 'node:events'
import { createServer, type ServerHttp2Stream } from 'node:http2'
import { createServer as createTcpServer, type AddressInfo } from 'node:net'
import t from 'tap'
import type { CheckResult, GrpcMethod } from './definitions.ts'
import { processProbes } from './process-probes.ts'

const probe = async (change: Partial<GrpcMethod>): Promise<CheckResult> => {
  await using probes = processProbes()
  return await new Promise((resolve) => {
    probes.probe({ kind: 'grpc', target: '', useTls: false, tlsSkipVerify: false, intervalMs: 1000, timeoutMs: 5000, ...change }, 4096, resolve)
  })
}

/** What each service of the server answers. */
const message = (...bytes: number[]) => Buffer.from([0, 0, 0, 0, bytes.length, ...bytes])
const answers: Readonly<Record<string, { readonly body?: Buffer, readonly trailers: Record<string, string> }>> = {
  '': { body: message(0x08, 1), trailers: { 'grpc-status': '0' } },
  up: { body: message(0x12, 2, 7, 7, 0x08, 1), trailers: { 'grpc-status': '0' } },
  down: { body: message(0x08, 2), trailers: { 'grpc-status': '0' } },
  unknown: { body: message(), trailers: { 'grpc-status': '0' } },
  garbage: { body: message(0x0f, 0xff), trailers: { 'grpc-status': '0' } },
}

async function healthServer(t: { teardown(end: () => void): void }) {
  const requests: { path: string | undefined, type: string | undefined, service: string }[] = []
  const server = createServer()
  server.on('stream', (stream: ServerHttp2Stream, headers) => {
    const chunks: Buffer[] = []
    stream.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', () => {})
    stream.on('end', () => {
      const body = Buffer.concat(chunks)
      const service = body.length === 5 ? '' : body.toString('utf8', 7)
      requests.push({ path: headers[':path'], type: headers['content-type'], service })
      if (service === 'silent') return
      const answer = answers[service]
      if (answer === undefined) return void stream.respond({ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '5', 'grpc-message': 'unknown%20service' }, { endStream: true })
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
      stream.on('wantTrailers', () => stream.sendTrailers(answer.trailers))
      stream.end(answer.body)
    })
  })
  const sessions = new Set<{ destroy(): void }>()
  server.on('session', (session) => sessions.add(session))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const session of sessions) session.destroy()
    server.close()
  })
  return { requests, at: `127.0.0.1:${(server.address() as AddressInfo).port}` }
}

t.test('serving or not, of the server and of one service', async (t) => {
  const { at, requests } = await healthServer(t)
  t.same(await probe({ target: at }), { status: 'passing', output: `gRPC check ${at}: success` })
  t.same(await probe({ target: `${at}/up` }), { status: 'passing', output: `gRPC check ${at}/up: success` })
  for (const service of ['down', 'unknown', 'garbage']) {
    t.same(await probe({ target: `${at}/${service}` }), { status: 'critical', output: 'gRPC application didn\'t report service healthy' }, service)
  }
  t.same(await probe({ target: `${at}/nowhere` }), { status: 'critical', output: 'rpc error: code = NotFound desc = unknown service' })
  const long = 's'.repeat(300)
  await probe({ target: `${at}/${long}` })
  t.same(requests[0], { path: '/grpc.health.v1.Health/Check', type: 'application/grpc', service: '' })
  t.equal(requests[1]!.service, 'up')
  t.ok(requests.at(-1)!.service.endsWith(long.slice(1)), 'a name whose length takes two bytes')
})

t.test('nobody there, nobody who answers in time, somebody who speaks something else', async (t) => {
  const { at } = await healthServer(t)
  t.same(await probe({ target: `${at}/silent`, timeoutMs: 100 }), { status: 'critical', output: 'rpc error: code = DeadlineExceeded desc = context deadline exceeded' })
  t.match(await probe({ target: '127.0.0.1:1' }), { status: 'critical', output: /^rpc error: code = Unavailable desc = .*ECONNREFUSED/ })
  t.match(await probe({ target: 'no address' }), { status: 'critical', output: /^rpc error: code = Unavailable/ })
  const other = createTcpServer((socket) => socket.on('error', () => {}).end('HTTP/1.1 400 Bad Request\r\n\r\n')).listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.teardown(() => other.close())
  t.match(await probe({ target: `127.0.0.1:${(other.address() as AddressInfo).port}` }), { status: 'critical', output: /^rpc error: code = Unavailable/ })
  t.match(await probe({ target: at, useTls: true }), { status: 'critical', output: /^rpc error: code = Unavailable/ }, 'TLS to a server without')
})
