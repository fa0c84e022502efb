/** What one client may take of the API's edge: connections, time, requests without waiting, answers without reading. */
import { connect, type Socket } from 'node:net'
import t from 'tap'
import { silentLog } from '../base/log.ts'
import { AnswerBudget } from './answer-budget.ts'
import type { ApiHandler } from './exchange.ts'
import { type HttpServerOptions, type RunningHttpServer, startHttpServer } from './http-server.ts'

const hello: ApiHandler = (_request, respond) => respond({ status: 200, headers: {}, body: 'hello' })

async function listening(t: { teardown(task: () => unknown): void }, handle: ApiHandler, options: Partial<HttpServerOptions>): Promise<RunningHttpServer> {
  const server = await startHttpServer({ host: '127.0.0.1', port: 0, handle, log: silentLog, ...options })
  t.teardown(() => server.close())
  return server
}

async function until(what: string, holds: () => boolean, timeoutMs = 60_000): Promise<void> {
  const endMs = performance.now() + timeoutMs
  while (!holds()) {
    if (performance.now() > endMs) throw new Error(`not within ${timeoutMs} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

class Client {
  readonly socket: Socket
  text = ''
  closed = false

  constructor(port: number, localAddress = '127.0.0.1') {
    this.socket = connect({ port, host: '127.0.0.1', localAddress })
    this.socket.on('data', (chunk: Buffer) => { this.text += chunk.toString('latin1') })
    this.socket.on('error', () => {})
    this.socket.on('close', () => { this.closed = true })
  }

  get(target: string): void {
    this.socket.write(`GET ${target} HTTP/1.1\r\nHost: x\r\n\r\n`)
  }
}

t.test('one address has so many connections; one that ends makes room, and other addresses have their own', async (t) => {
  const { port } = await listening(t, hello, { limits: { connectionsPerClientMax: 3 } })
  const clients = [1, 2, 3].map(() => new Client(port))
  for (const client of clients) client.get('/')
  await until('three answers', () => clients.every(({ text }) => text.includes('hello')))
  const fourth = new Client(port)
  fourth.get('/')
  await until('the fourth is closed', () => fourth.closed)
  t.match(fourth.text, /^HTTP\/1\.1 429 Too Many Requests\r\n/)
  t.match(fourth.text, /\r\n\r\nYour IP is issuing too many concurrent connections, please rate limit your calls\n$/)
  const other = new Client(port, '127.0.0.9')
  other.get('/')
  await until('an answer to another address', () => other.text.includes('hello'))
  clients[0]!.socket.destroy()
  let last = new Client(port)
  await until('room again', () => {
    if (last.closed) last = new Client(port)
    if (last.text === '' && !last.socket.destroyed && last.socket.readyState === 'open') last.get('/')
    return last.text.includes('hello')
  })
  for (const { socket } of [...clients, other, last]) socket.destroy()
})

t.test('who sends headers byte by byte is cut off', async (t) => {
  const { port } = await listening(t, hello, { headersTimeoutMs: 400 })
  const slow = new Client(port)
  slow.socket.write('GET / HTTP/1.1\r\nHost: x\r\nX: ')
  const drip = setInterval(() => slow.socket.write('a'), 20)
  t.teardown(() => clearInterval(drip))
  await until('the slow one is closed', () => slow.closed)
  t.match(slow.text, /^HTTP\/1\.1 408 Request Timeout\r\n/)
  const body = new Client(port)
  body.socket.write('PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n')
  const bodyDrip = setInterval(() => body.socket.write('a'), 20)
  t.teardown(() => clearInterval(bodyDrip))
  await until('the slow body is closed', () => body.closed)
})

t.test('requests sent without reading are begun one after another', async (t) => {
  const large = 'x'.repeat(4 * 1024 * 1024)
  let begun = 0
  const handle: ApiHandler = (_request, respond) => {
    begun++
    respond({ status: 200, headers: {}, body: large })
  }
  const { port } = await listening(t, handle, {})
  const client = new Client(port)
  client.socket.pause()
  client.socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(1000))
  await until('the first is begun', () => begun > 0)
  // Another client's requests go through meanwhile, several turns of the server.
  for (let i = 0; i < 5; i++) {
    const other = new Client(port)
    other.get('/')
    await until('another answer', () => other.text.length > large.length)
    other.socket.destroy()
  }
  t.ok(begun <= 5 + 3, `${begun} answers made, where 1000 were asked for without reading`)
  client.socket.resume()
  await until('what was asked for is answered as it is read', () => begun > 20)
  client.socket.destroy()
})

t.test('a flood of requests behind one that waits ends the connection', async (t) => {
  let begun = 0
  const { port } = await listening(t, () => { begun++ }, {})
  const client = new Client(port)
  for (let i = 0; i < 100; i++) client.socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(100))
  await until('the connection is closed', () => client.closed)
  t.equal(begun, 1)
})

t.test('answers that nobody reads have a budget; the oldest go first', async (t) => {
  // More than the system's buffers take.
  const large = 'x'.repeat(32 * 1024 * 1024)
  const { port } = await listening(t, (_request, respond) => respond({ status: 200, headers: {}, body: large }), { unreadAnswerBytesMax: 3 * large.length })
  const clients: Client[] = []
  for (let i = 0; i < 6; i++) {
    const client = new Client(port)
    clients.push(client)
    client.get('/')
    await until('the answer begins', () => client.text.length > 0)
    client.socket.pause()
  }
  for (const { socket } of clients) socket.resume()
  const whole = () => clients.map(({ text }) => text.length > large.length)
  await until('each is whole or closed', () => clients.every((client, i) => client.closed || whole()[i]))
  t.notOk(whole()[0], 'the oldest did not get all')
  t.ok(whole()[5], 'the newest did')
  for (const { socket } of clients) socket.destroy()
})

t.test('large answers that are asked for together leave room for others between them', async (t) => {
  const large = 'x'.repeat(2 * 1024 * 1024)
  const order: string[] = []
  const { port } = await listening(t, ({ method, target }, respond) => {
    if (target !== '/hello') order.push(method)
    respond({ status: 200, headers: {}, body: target === '/large' ? large : 'hello' })
  }, {})
  const readers = Array.from({ length: 40 }, () => new Client(port))
  const writer = new Client(port)
  for (const client of [...readers, writer]) client.get('/hello')
  await until('all are served', () => [...readers, writer].every(({ text }) => text.includes('hello')))
  for (const reader of readers) {
    reader.socket.pause()
    reader.get('/large')
  }
  writer.socket.write('PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\na')
  await until('all are answered', () => order.length === 41)
  t.ok(order.indexOf('PUT') < 30, `the write came after ${order.indexOf('PUT')} reads`)
  for (const { socket } of [...readers, writer]) socket.destroy()
})

t.test('the budget counts what is held', async (t) => {
  const gone: string[] = []
  const holder = (name: string) => ({ destroy: () => void gone.push(name) })
  const [a, b, c] = [holder('a'), holder('b'), holder('c')]
  const budget = new AnswerBudget(100)
  budget.hold(a, 60)
  budget.hold(b, 40)
  t.same([budget.bytes, gone], [100, []])
  budget.hold(c, 10)
  t.same([budget.bytes, gone], [50, ['a']])
  budget.release(a)
  t.equal(budget.bytes, 50)
  budget.hold(c, 500)
  t.same([budget.bytes, gone], [500, ['a', 'b']])
  budget.release(c)
  t.equal(budget.bytes, 0)
})
