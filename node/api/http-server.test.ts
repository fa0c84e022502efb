/** The API's edge on real sockets, before a handler that says what it was given. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { gunzipSync } from 'node:zlib'
import t from 'tap'
import { silentLog } from '../base/log.ts'
import type { ApiHandler } from './exchange.ts'
import { type RunningHttpServer, startHttpServer } from './http-server.ts'

const vary = { Vary: 'Accept-Encoding' }
const echo: ApiHandler = ({ method, target, body }, respond) => {
  if (target === '/large') return respond({ status: 200, headers: vary, body: 'x'.repeat(5000) })
  setImmediate(() => respond({ status: 200, headers: { ...vary, 'X-Consul-Index': '7' }, body: `${method} ${target} ${body.length}` }))
}

async function listening(t: { teardown(task: () => unknown): void }, handle: ApiHandler = echo): Promise<RunningHttpServer> {
  const server = await startHttpServer({ host: '127.0.0.1', port: 0, handle, log: silentLog })
  t.teardown(() => server.close())
  return server
}

/** A connection whose received bytes can be waited for. */
class Client {
  readonly socket: Socket
  received = Buffer.alloc(0)
  readonly closed: Promise<unknown>

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1')
    this.socket.on('data', (chunk: Buffer) => { this.received = Buffer.concat([this.received, chunk]) })
    this.socket.on('error', () => {})
    this.closed = new Promise((resolve) => this.socket.on('close', resolve))
  }

  async until(pattern: RegExp): Promise<string> {
    const endMs = performance.now() + 60_000
    while (!pattern.test(this.received.toString('latin1'))) {
      if (performance.now() > endMs) throw new Error(`${pattern} did not come; there is ${JSON.stringify(this.received.toString('latin1').slice(0, 500))}`)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    return this.received.toString('latin1')
  }
}

t.test('pipelined requests on one connection are answered in order, headers as Consul writes them', async (t) => {
  const { port } = await listening(t)
  const client = new Client(port)
  client.socket.write('PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcGET /b?c HTTP/1.1\r\nHost: x\r\n\r\n')
  const text = await client.until(/GET \/b\?c 0/)
  t.match(text, /PUT \/a 3[^]*GET \/b\?c 0/)
  t.match(text, /\r\nX-Consul-Index: 7\r\n/)
  client.socket.destroy()
})

t.test('a body above the limit is refused while it is on its way, and the answer arrives', async (t) => {
  const { port } = await listening(t)
  const client = new Client(port)
  client.socket.write(`PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: ${8 * 1024 * 1024}\r\n\r\n`)
  for (let i = 0; i < 128; i++) client.socket.write(Buffer.alloc(64 * 1024))
  const text = await client.until(/kv_max_value_size\.$/)
  t.match(text, /^HTTP\/1\.1 413 /)
  t.match(text, /\r\nConnection: close\r\n/)
  t.match(text, /Request body\(8388608 bytes\) too large/)
  await client.closed
})

t.test('who asks before sending such a body is not told to continue; others are', async (t) => {
  const { port } = await listening(t)
  const refused = new Client(port)
  refused.socket.write('PUT /a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 524289\r\n\r\n')
  t.match(await refused.until(/kv_max_value_size\.$/), /^HTTP\/1\.1 413 /)
  await refused.closed
  const taken = new Client(port)
  taken.socket.write('PUT /a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n')
  await taken.until(/^HTTP\/1\.1 100 Continue/)
  taken.socket.write('ab')
  await taken.until(/PUT \/a 2$/)
  taken.socket.destroy()
})

t.test('a body in chunks is bounded too', async (t) => {
  const { port } = await listening(t)
  const client = new Client(port)
  client.socket.write('PUT /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n')
  for (let i = 0; i < 9; i++) client.socket.write(Buffer.concat([Buffer.from('10000\r\n'), Buffer.alloc(65_536), Buffer.from('\r\n')]))
  t.match(await client.until(/kv_max_value_size\.$/), /^HTTP\/1\.1 413 /)
  client.socket.destroy()
})

t.test('gzip: for who wants it, where it is worth it', async (t) => {
  const { port } = await listening(t)
  const ask = async (target: string, accept: string) => {
    const client = new Client(port)
    client.socket.write(`GET ${target} HTTP/1.1\r\nHost: x\r\nAccept-Encoding: ${accept}\r\nConnection: close\r\n\r\n`)
    await client.closed
    const end = client.received.indexOf('\r\n\r\n')
    return { head: client.received.subarray(0, end).toString(), body: client.received.subarray(end + 4) }
  }
  const packed = await ask('/large', 'deflate, gzip')
  t.match(packed.head, /Content-Encoding: gzip/)
  t.equal(gunzipSync(packed.body).toString(), 'x'.repeat(5000))
  for (const accept of ['identity', 'gzip;q=0', 'gzip; q=0.0, br']) t.notMatch((await ask('/large', accept)).head, /Content-Encoding/, accept)
  t.notMatch((await ask('/small', 'gzip')).head, /Content-Encoding/, 'a few bytes')
})

t.test('targets may be long, and whole URLs; headers without end are refused', async (t) => {
  const { port } = await listening(t)
  const ask = async (text: string) => {
    const client = new Client(port)
    client.socket.write(text)
    await client.closed
    return client.received.toString()
  }
  const long = `/${'k'.repeat(500_000)}`
  t.ok((await ask(`GET ${long} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)).endsWith(`GET ${long} 0`))
  for (const [target, wanted] of [['http://other:80/v1/a?b=/c', '/v1/a?b=/c'], ['HTTPS://x/', '/'], ['/http://x/y', '/http://x/y']] as const) {
    t.ok((await ask(`GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)).endsWith(`GET ${wanted} 0`), target)
  }
  t.match(await ask(`GET / HTTP/1.1\r\nHost: x\r\nX-Long: ${'x'.repeat(1024 * 1024)}\r\n\r\n`), /^HTTP\/1\.1 431 /)
})

t.test('what is no HTTP gets 400 and the connection is closed', async (t) => {
  const { port } = await listening(t)
  const client = new Client(port)
  client.socket.write('NONSENSE\r\n\r\n')
  await client.closed
  t.match(client.received.toString(), /^HTTP\/1\.1 400 Bad Request/)
})

t.test('closing answers what is open, drops idle connections, and gives up on the rest', async (t) => {
  const asked = Promise.withResolvers<() => void>()
  const server = await listening(t, ({ target }, respond) => {
    if (target === '/soon') asked.resolve(() => respond({ status: 200, headers: {}, body: 'done' }))
  })
  const idle = new Client(server.port)
  const soon = new Client(server.port)
  const never = new Client(server.port)
  soon.socket.write('GET /soon HTTP/1.1\r\nHost: x\r\n\r\n')
  never.socket.write('GET /never HTTP/1.1\r\nHost: x\r\n\r\n')
  await once(idle.socket, 'connect')
  const answer = await asked.promise
  const beganMs = performance.now()
  const closed = server.close()
  answer()
  await soon.until(/done$/)
  await Promise.all([closed, idle.closed, never.closed])
  t.ok(performance.now() - beganMs < 3000)
  const late = new Client(server.port)
  await late.closed
  t.equal(late.received.length, 0)
})

t.test('a handler hears when its client has gone, before it has answered, and also behind the answer', async (t) => {
  const asked = Promise.withResolvers<void>()
  const gone: string[] = []
  const { port } = await listening(t, ({ target, onGone }, respond) => {
    onGone!(() => gone.push(target))
    if (target === '/answered') respond({ status: 200, headers: {}, body: 'done' })
    else asked.resolve()
  })
  const leaving = new Client(port)
  leaving.socket.write('GET /held HTTP/1.1\r\nHost: x\r\n\r\n')
  await asked.promise
  t.same(gone, [])
  leaving.socket.destroy()
  const staying = new Client(port)
  staying.socket.write('GET /answered HTTP/1.1\r\nHost: x\r\n\r\n')
  await staying.until(/done$/)
  const endMs = performance.now() + 60_000
  while (gone.length < 2 && performance.now() < endMs) await new Promise((resolve) => setTimeout(resolve, 5))
  t.same(gone.sort(), ['/answered', '/held'])
  staying.socket.destroy()
})

t.test('an archive of the state may be large, and comes in the pieces in which it was sent; another body at that size is refused', async (t) => {
  const taken: number[] = []
  const { port } = await listening(t, ({ method, body, pieces }, respond) => {
    for (const piece of pieces ?? []) taken.push(piece.length)
    respond({ status: 200, headers: vary, body: `${method} ${body.length} ${pieces?.length ?? 'none'}` })
  })
  const send = async (target: string) => {
    const answer = await fetch(`http://127.0.0.1:${port}${target}`, { method: 'PUT', body: Buffer.alloc(3_000_000) })
    return { status: answer.status, text: await answer.text() }
  }
  t.match(await send('/v1/snapshot?dc=dc1'), { status: 200, text: /^PUT 0 \d+$/ })
  t.equal(taken.reduce((sum, bytes) => sum + bytes, 0), 3_000_000)
  t.match(await send('/v1/snapshots').catch(() => ({ status: 413 })), { status: 413 })
  const client = new Client(port)
  client.socket.write(`PUT /v1/snapshot HTTP/1.1\r\nHost: x\r\nContent-Length: ${2 ** 40}\r\n\r\n`)
  t.match(await client.until(/too large/), /^HTTP\/1.1 413 /)
  client.socket.destroy()
})

t.test('a stream that fails breaks the connection off', async (t) => {
  const { Readable } = await import('node:stream')
  const { port } = await listening(t, (_request, respond) => respond({
    status: 200, headers: vary, body: '',
    source: Readable.from((async function* () { yield 'begin'; throw new Error('the disk') })()),
  }))
  const answer = await fetch(`http://127.0.0.1:${port}/`)
  await t.rejects(answer.text())
})
