import { spawn } from 'node:child_process'
import { subscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { RequestListener } from 'node:http'
import { connect, createServer as createTcpServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import t from 'tap'
import { httpRequester } from './http.ts'

type Teardown = { teardown(handler: () => unknown): void }

async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function httpServer(t: Teardown, handler: RequestListener) {
  const server = createServer(handler)
  const url = await listen(server)
  t.teardown(() => { server.closeAllConnections(); server.close() })
  return url
}

/** A TCP server that shows each connection's bytes as they come. */
async function rawServer(t: Teardown, onData: (socket: Socket, text: string) => void) {
  const sockets = new Set<Socket>()
  const server = createTcpServer((socket) => {
    sockets.add(socket)
    socket.on('data', (chunk) => onData(socket, chunk.toString('latin1')))
    socket.on('error', () => {})
  })
  const url = await listen(server)
  t.teardown(() => { for (const socket of sockets) socket.destroy(); server.close() })
  return { url, sockets }
}

t.test('an exchange carries method, target, headers and body, and reuses the connection', async (t) => {
  const ports = new Set<number | undefined>()
  const url = await httpServer(t, (request, response) => {
    ports.add(request.socket.remotePort)
    let body = ''
    request.on('data', (chunk) => { body += chunk }).on('end', () => {
      response.setHeader('X-Consul-Index', '17')
      response.end(`${request.method} ${request.url} ${request.headers['x-a'] ?? ''} ${body}`)
    })
  })
  const http = httpRequester(() => url)
  t.teardown(() => http.close())
  for (const body of ['one', 'two', 'three', 'four', 'five']) {
    const outcome = await http.request('n1', { method: 'PUT', target: '/v1/kv/a%20b?cas=3', headers: { 'x-a': 'b' }, body }, 5_000)
    if (outcome.kind !== 'response') return t.fail(`expected a response, got ${JSON.stringify(outcome)}`)
    t.equal(outcome.status, 200)
    t.equal(outcome.headers['x-consul-index'], '17')
    t.equal(Buffer.from(outcome.body).toString(), `PUT /v1/kv/a%20b?cas=3 b ${body}`)
  }
  // A request made at once when an answer is there may still find its connection busy.
  t.ok(ports.size <= 2, `${ports.size} connections for 5 requests`)
})

t.test('refused, unresolvable, malformed or closed: certainly not sent', async (t) => {
  const server = createTcpServer()
  const url = await listen(server)
  server.close()
  await once(server, 'close')
  const http = httpRequester((member) => {
    if (member === 'n9') throw new Error('no member n9')
    return url
  })
  const refused = await http.request('n1', { method: 'PUT', target: '/', body: 'x' }, 5_000)
  t.match(refused, { kind: 'not-sent', error: /ECONNREFUSED/ })
  t.match(await http.request('n9', { method: 'GET', target: '/' }, 5_000), { kind: 'not-sent', error: /no member n9/ })
  t.match(await http.request('n1', { method: 'GET', target: 'no slash' }, 5_000), { kind: 'not-sent' })
  await http.close()
  await http.close()
  t.match(await http.request('n1', { method: 'GET', target: '/' }, 5_000), { kind: 'not-sent', error: /closed/ })
})

t.test('a connection that never comes up: not sent', async (t) => {
  // 192.0.2.0/24 is for documentation: nothing answers there. Where the network
  // says "unreachable" at once, that is not sent as well.
  const http = httpRequester(() => 'http://192.0.2.1:9')
  t.teardown(() => http.close())
  t.match(await http.request('n1', { method: 'PUT', target: '/', body: 'x' }, 100), { kind: 'not-sent' })
})

/** Accepts nothing while it is stopped, and says what it saw. */
const stoppable = `
  const server = require('http').createServer((request, response) => { console.log(request.url); response.end() })
  server.listen(0, '127.0.0.1', 1, () => console.log(server.address().port))
`

t.test('not sent stays not sent, when the connection comes up later', { timeout: 15_000, skip: process.platform === 'linux' ? false : 'needs a listening queue that drops' }, async (t) => {
  const server = spawn(process.execPath, ['-e', stoppable], { stdio: ['ignore', 'pipe', 'inherit'], env: {} })
  t.teardown(() => server.kill('SIGKILL'))
  let output = ''
  server.stdout.on('data', (chunk) => { output += chunk })
  await once(server.stdout, 'data')
  const port = Number(output)
  server.kill('SIGSTOP')
  // These fill its queue of accepted connections; what comes after gets no answer.
  const fillers = Array.from({ length: 4 }, () => connect(port, '127.0.0.1').on('error', () => {}))
  t.teardown(() => { for (const filler of fillers) filler.destroy() })
  await Promise.all(fillers.slice(0, 2).map((filler) => once(filler, 'connect')))
  const http = httpRequester(() => `http://127.0.0.1:${port}`)
  t.teardown(() => http.close())
  t.match(await http.request('n1', { method: 'PUT', target: '/late', body: 'x' }, 100), { kind: 'not-sent', error: /no connection within 100 ms/ })
  const connected = Promise.withResolvers<void>()
  subscribe('undici:client:connected', () => connected.resolve())
  server.kill('SIGCONT')
  await connected.promise
  t.match(await http.request('n1', { method: 'PUT', target: '/after', body: 'x' }, 5_000), { kind: 'response' })
  // What it prints comes by another way than its answer.
  while (!output.includes('/after')) await once(server.stdout, 'data')
  t.notMatch(output, '/late')
})

t.test('handed to a socket and no whole answer: lost', async (t) => {
  const silent = await rawServer(t, () => {})
  const resets = await rawServer(t, (socket) => { socket.resetAndDestroy() })
  const ends = await rawServer(t, (socket) => { socket.end() })
  const truncates = await rawServer(t, (socket) => {
    socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort')
  })
  for (const [name, server, error] of [
    ['silence', silent, /no answer within 150 ms/],
    ['reset', resets, /ECONNRESET/],
    ['end', ends, /other side closed/],
    ['a truncated answer', truncates, /.+/],
  ] as const) {
    const http = httpRequester(() => server.url)
    t.teardown(() => http.close())
    t.match(await http.request('n1', { method: 'GET', target: '/' }, 150), { kind: 'lost', error }, name)
  }
})

t.test('a kept-alive connection that the member closed under the request is lost, and sent once only', async (t) => {
  const seen: string[] = []
  const server = await rawServer(t, (socket, text) => {
    seen.push(text.slice(0, text.indexOf(' HTTP')))
    if (seen.length === 1) socket.write('HTTP/1.1 200 OK\r\nconnection: keep-alive\r\ncontent-length: 0\r\n\r\n')
    else socket.resetAndDestroy()
  })
  const http = httpRequester(() => server.url)
  t.teardown(() => http.close())
  t.match(await http.request('n1', { method: 'GET', target: '/first' }, 5_000), { kind: 'response', status: 200 })
  t.match(await http.request('n1', { method: 'GET', target: '/second' }, 5_000), { kind: 'lost' })
  t.strictSame(seen, ['GET /first', 'GET /second'], 'a GET is not repeated either')
})

t.test('forget ends what is in flight as lost, and the next request connects anew', async (t) => {
  let answer = false
  const arrived = Promise.withResolvers<void>()
  const server = await rawServer(t, (socket) => {
    if (answer) socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n')
    arrived.resolve()
  })
  const http = httpRequester(() => server.url)
  t.teardown(() => http.close())
  const pending = http.request('n1', { method: 'PUT', target: '/', body: 'x' }, 10_000)
  await arrived.promise
  http.forget('n1')
  t.match(await pending, { kind: 'lost', error: /dropped/ })
  answer = true
  t.match(await http.request('n1', { method: 'PUT', target: '/', body: 'x' }, 5_000), { kind: 'response' })
  t.equal(server.sockets.size, 2)
})

t.test('many at once do not wait for each other', async (t) => {
  let open = 0
  let openMax = 0
  const waiting: (() => void)[] = []
  const url = await httpServer(t, (_request, response) => {
    openMax = Math.max(openMax, ++open)
    waiting.push(() => { open--; response.end() })
    if (waiting.length === 50) for (const release of waiting) release()
  })
  const http = httpRequester(() => url)
  t.teardown(() => http.close())
  const outcomes = await Promise.all(Array.from({ length: 50 }, () => http.request('n1', { method: 'GET', target: '/' }, 5_000)))
  t.ok(outcomes.every((outcome) => outcome.kind === 'response'))
  t.equal(openMax, 50)
})
