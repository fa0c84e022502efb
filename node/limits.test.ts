/** A real member under more clients than it has writers: idle ones, waiting ones, ones that do not read. Writes go on. */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { freePort } from './testing/free-port.ts'

const entry = fileURLToPath(new URL('./main.ts', import.meta.url))
const idleCount = 10_000
const waiterCount = 5000

/** Of this process and, by inheritance, of the member. */
const filesMax = Number(execFileSync('sh', ['-c', 'ulimit -n'], { encoding: 'utf8' }).trim())
const tooFewFiles = filesMax < idleCount + 500 ? `needs ${idleCount + 500} open files, and this process may have ${filesMax} (ulimit -n)` : false

interface Member {
  readonly port: number
  /** Megabytes that the process has in memory; null where that is not told. */
  memoryMb(): number | null
}

async function member(t: { teardown(task: () => unknown): void }, limits: object): Promise<Member> {
  const directory = mkdtempSync(join(tmpdir(), 'splitbrain-limits-'))
  const [http, server] = [await freePort(), await freePort()]
  const config = join(directory, 'config.json')
  writeFileSync(config, JSON.stringify({ limits }))
  const child = spawn(process.execPath, [entry, '-server', '-node', 'n1', '-bootstrap-expect', '1', '-http-port', String(http), '-server-port', String(server),
    '-serf-lan-port', '-1', '-dns-port', '-1', '-data-dir', join(directory, 'data'), '-config-file', config], { stdio: ['ignore', 'ignore', 'pipe'] })
  let errors = ''
  child.stderr.on('data', (chunk) => { errors = `${errors}${chunk}`.slice(-4000) })
  t.teardown(async () => {
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
    rmSync(directory, { recursive: true, force: true })
  })
  const running: Member = {
    port: http,
    memoryMb: () => {
      if (child.exitCode !== null) throw new Error(`the member has ended: ${errors}`)
      try {
        return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))![1]) / 1000
      } catch {
        return null
      }
    },
  }
  await until('a member that writes', async () => await put(running, 'first', 'x').catch(() => false))
  return running
}

async function until(what: string, holds: () => boolean | Promise<boolean>, timeoutMs = 60_000): Promise<void> {
  const endMs = performance.now() + timeoutMs
  while (!await holds()) {
    if (performance.now() > endMs) throw new Error(`not within ${timeoutMs} ms: ${what}`)
    await sleep(10)
  }
}

async function put({ port }: Member, key: string, value: string | Uint8Array<ArrayBuffer>): Promise<boolean> {
  const response = await fetch(`http://127.0.0.1:${port}/v1/kv/${key}`, { method: 'PUT', body: value, signal: AbortSignal.timeout(60_000) })
  return await response.text() === 'true'
}

/** So many writes, one behind another, as far as they come within the deadline. */
async function write(to: Member, prefix: string, count: number): Promise<number> {
  const startMs = performance.now()
  let written = 0
  while (written < count && performance.now() - startMs < 150_000) if (await put(to, `${prefix}/${written}`, 'v')) written++
  return written
}

class Client {
  readonly socket: Socket
  bytes = 0
  text = ''
  closed = false

  constructor(port: number, i: number) {
    // Thousands from one address would also be short of ports.
    this.socket = connect({ port, host: '127.0.0.1', localAddress: `127.0.1.${1 + i % 50}` })
    this.socket.on('data', (chunk: Buffer) => {
      this.bytes += chunk.length
      if (this.text.length < 4000) this.text += chunk.toString('latin1')
    })
    this.socket.on('error', () => {})
    this.socket.on('close', () => { this.closed = true })
  }

  get(target: string): this {
    this.socket.write(`GET ${target} HTTP/1.1\r\nHost: x\r\n\r\n`)
    return this
  }

  get answered(): boolean {
    return this.text.includes('HTTP/1.1 200') || this.text.includes('HTTP/1.1 404')
  }
}

/** Some at a time: a flood would fill the listening socket's queue. */
async function clients(count: number, port: number, target: (i: number) => string, ready: (client: Client) => boolean): Promise<Client[]> {
  const all: Client[] = []
  for (let i = 0; i < count; i += 250) {
    const batch = Array.from({ length: Math.min(250, count - i) }, (_, j) => new Client(port, i + j).get(target(i + j)))
    all.push(...batch)
    await until(`connections up to ${i + 250}`, () => batch.every(ready))
  }
  return all
}

const end = (all: readonly Client[]) => { for (const { socket } of all) socket.destroy() }

t.test('10,000 idle connections do not stop writes', { skip: tooFewFiles, timeout: 300_000 }, async (t) => {
  const n1 = await member(t, { http_max_conns_per_client: 0 })
  const idle = await clients(idleCount, n1.port, () => '/v1/status/leader', (client) => client.answered)
  t.teardown(() => end(idle))
  t.equal(await write(n1, 'idle', 100), 100)
  t.equal(idle.filter(({ closed }) => closed).length, 0, 'all are still connected')
  idle[7]!.text = ''
  idle[7]!.get('/v1/kv/idle/99')
  await until('an idle one is served again', () => idle[7]!.answered)
  const memoryMb = n1.memoryMb()
  t.ok(memoryMb === null || memoryMb < 700, `${memoryMb} MB`)
})

t.test('5,000 blocking queries do not stop writes, and only those are woken that wait for what changed', { skip: tooFewFiles, timeout: 300_000 }, async (t) => {
  const n1 = await member(t, { http_max_conns_per_client: 0 })
  // Who waits for a key that is not there waits for any, as in Consul.
  const keys = ['shared', ...Array.from({ length: waiterCount / 2 }, (_, i) => `own/${2 * i + 1}`)]
  for (let at = 0; at < keys.length; at += 64) {
    const operations = keys.slice(at, at + 64).map((Key) => ({ KV: { Verb: 'set', Key, Value: 'YQ==' } }))
    t.equal((await fetch(`http://127.0.0.1:${n1.port}/v1/txn`, { method: 'PUT', body: JSON.stringify(operations) })).status, 200)
  }
  const index = (await fetch(`http://127.0.0.1:${n1.port}/v1/kv/own/?keys`)).headers.get('x-consul-index')
  const connected = (client: Client) => client.socket.readyState === 'open'
  // Half wait for one key, half each for its own.
  const waiters = await clients(waiterCount, n1.port, (i) => `/v1/kv/${i % 2 === 0 ? 'shared' : `own/${i}`}?index=${index}&wait=5m`, connected)
  t.teardown(() => end(waiters))
  t.equal(await write(n1, 'others', 100), 100)
  t.equal(waiters.filter(({ bytes }) => bytes > 0).length, 0, 'nobody was woken by other keys')
  t.equal(await put(n1, 'own/4001', 'x'), true)
  await until('the one who waits for it', () => waiters[4001]!.answered)
  t.equal(await put(n1, 'shared', 'x'), true)
  t.equal(await write(n1, 'meanwhile', 20), 20)
  const shared = waiters.filter((_, i) => i % 2 === 0)
  await until('all who wait for the shared key', () => shared.every(({ answered }) => answered))
  t.equal(waiters.filter(({ bytes }) => bytes > 0).length, waiterCount / 2 + 1, 'and nobody else')
  t.equal(waiters.filter(({ closed }) => closed).length, 0)
  const memoryMb = n1.memoryMb()
  t.ok(memoryMb === null || memoryMb < 700, `${memoryMb} MB`)
})

t.test('clients that ask for much and read nothing, or a byte now and then, do not stop writes nor fill the memory', { timeout: 300_000 }, async (t) => {
  const n1 = await member(t, {})
  const value = new Uint8Array(500_000).fill(120)
  for (let i = 0; i < 30; i++) t.equal(await put(n1, `large/${i}`, value), true)
  const slow = Array.from({ length: 60 }, (_, i) => new Client(n1.port, i))
  t.teardown(() => end(slow))
  for (const client of slow) {
    client.socket.pause()
    client.get('/v1/kv/large/?recurse')
  }
  const trickle = setInterval(() => { for (const { socket } of slow) socket.read(1) }, 1000)
  t.teardown(() => clearInterval(trickle))
  const pipelining = new Client(n1.port, 60)
  t.teardown(() => end([pipelining]))
  pipelining.socket.pause()
  pipelining.socket.write('GET /v1/kv/large/?recurse HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(800))
  let memoryMb = 0
  let ended: unknown = null
  const watch = setInterval(() => {
    try {
      memoryMb = Math.max(memoryMb, n1.memoryMb() ?? 0)
    } catch (error) {
      ended = error
    }
  }, 50)
  t.teardown(() => clearInterval(watch))
  t.equal(await write(n1, 'slow', 30), 30)
  // Those asked for in one packet would be 16 GB more.
  await sleep(3000)
  t.equal(await write(n1, 'slow', 30), 30)
  t.equal(ended, null, 'the member goes on')
  // 61 answers of 27 MB in base64, each as text and as bytes until the collector comes: 3.3 GB where it comes late.
  t.ok(memoryMb < 4000, `${memoryMb} MB at most`)
  t.comment(`${memoryMb} MB at most`)
  const reader = new Client(n1.port, 61).get('/v1/kv/large/?recurse')
  t.teardown(() => end([reader]))
  await until('who reads gets all', () => reader.bytes > 20_000_000)
})

t.test('the 201st connection from one address is refused with a 429, as Consul refuses it; other addresses are served', async (t) => {
  const n1 = await member(t, {})
  const many = Array.from({ length: 200 }, () => new Client(n1.port, 3).get('/v1/status/leader'))
  t.teardown(() => end(many))
  await until('200 answers', () => many.every(({ answered }) => answered))
  const last = new Client(n1.port, 3).get('/v1/status/leader')
  await until('the last one is closed', () => last.closed)
  t.match(last.text, /^HTTP\/1\.1 429 /)
  t.equal(await put(n1, 'other', 'x'), true)
})

t.test('sizes that are set hold, with Consul\'s words, and what is refused is not stored', async (t) => {
  const n1 = await member(t, { kv_max_value_size: 10, txn_max_req_len: 1000 })
  const say = async (path: string, body: string) => {
    const response = await fetch(`http://127.0.0.1:${n1.port}${path}`, { method: 'PUT', body })
    return `${await response.text()} ${response.status}`
  }
  const set = (Value: string) => JSON.stringify([{ KV: { Verb: 'set', Key: 'fits', Value: 'YQ==' } }, { KV: { Verb: 'set', Key: 'k', Value } }])
  t.equal(await say('/v1/kv/a', '12345678901'), 'Request body(11 bytes) too large, max size: 10 bytes. See https://www.consul.io/docs/agent/options.html#kv_max_value_size. 413')
  t.equal(await say('/v1/kv/b', '1234567890'), 'true 200')
  t.equal(await say('/v1/txn', set('MTIzNDU2Nzg5MDEyMzQ=')), 'Value for key "k" is too large (14 > 10 bytes) 413')
  t.match(await say('/v1/txn', set('A'.repeat(1100))), /^Request body\(\d+ bytes\) too large, max size: 1000 bytes\. See .*#txn_max_req_len\. 413$/)
  t.match(await say('/v1/session/create', JSON.stringify({ Name: 'A'.repeat(110_000) })), / 200$/, 'other bodies are not bounded by these')
  t.equal(await (await fetch(`http://127.0.0.1:${n1.port}/v1/kv/?keys`)).text(), '["b","first"]')
})
