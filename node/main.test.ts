/** Whole members as processes on loopback: what a person who runs one relies on. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { freePort } from './testing/free-port.ts'

const entry = fileURLToPath(new URL('./main.ts', import.meta.url))

interface Member {
  readonly child: ChildProcess
  readonly output: () => string
  readonly url: string
  readonly exited: Promise<number | null>
}

class Members implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'splitbrain-members-'))
  readonly ports: { readonly http: number, readonly server: number }[] = []
  readonly members: Member[] = []

  static async start(count: number): Promise<Members> {
    const cluster = new Members()
    for (let i = 0; i < count; i++) cluster.ports.push({ http: await freePort(), server: await freePort() })
    for (let i = 0; i < count; i++) cluster.start(i)
    await cluster.healthy()
    return cluster
  }

  start(i: number, extra: readonly string[] = []): Member {
    const { http, server } = this.ports[i]!
    const child = spawn(process.execPath, [entry, '-server', '-node', `n${i + 1}`, '-bootstrap-expect', String(this.ports.length),
      '-http-port', String(http), '-server-port', String(server), '-serf-lan-port', '-1', '-data-dir', join(this.directory, `n${i + 1}`),
      ...this.ports.flatMap((ports) => ['-retry-join', `127.0.0.1:${ports.server}`]), ...extra], { stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    child.stdout!.on('data', (chunk) => { output += chunk })
    child.stderr!.on('data', (chunk) => { output += chunk })
    const member = { child, output: () => output, url: `http://127.0.0.1:${http}`, exited: once(child, 'exit').then(([code]) => code) }
    this.members[i] = member
    return member
  }

  async until<T>(what: string, attempt: () => Promise<T | null>): Promise<T> {
    const endMs = performance.now() + 60_000
    while (performance.now() < endMs) {
      const result = await attempt().catch(() => null)
      if (result !== null) return result
      await sleep(20)
    }
    throw new Error(`${what} did not come about within 60 s:\n${this.members.map((member) => member.output().slice(-1000)).join('\n---\n')}`)
  }

  /** A write through each member succeeds. */
  healthy(): Promise<true> {
    return this.until('a healthy cluster', async () => {
      for (const member of this.members) if (await this.put(member, 'health', 'x') !== true) return null
      return true
    })
  }

  async put(member: Member, key: string, value: string): Promise<boolean> {
    const response = await fetch(`${member.url}/v1/kv/${key}`, { method: 'PUT', body: value, signal: AbortSignal.timeout(8000) })
    return response.status === 200 && await response.text() === 'true'
  }

  async get(member: Member, key: string): Promise<string | null> {
    const response = await fetch(`${member.url}/v1/kv/${key}?raw&consistent`, { signal: AbortSignal.timeout(8000) })
    return response.status === 200 ? response.text() : null
  }

  async leader(): Promise<number> {
    return this.until('a leader', async () => {
      const address = JSON.parse(await (await fetch(`${this.members[0]!.url}/v1/status/leader`)).text()) as string
      const i = this.ports.findIndex((ports) => address.endsWith(`:${ports.server}`))
      return i < 0 ? null : i
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { child } of this.members) child.kill('SIGKILL')
    await Promise.all(this.members.map((member) => member.exited))
    rmSync(this.directory, { recursive: true, force: true })
  }
}

t.test('kill -9 of the leader during writes, then of all: no acknowledged write is lost', { timeout: 120_000 }, async (t) => {
  await using cluster = await Members.start(3)
  const acknowledged: string[] = []
  let running = true
  const writers = cluster.members.map(async (_, i) => {
    for (let n = 0; running; n++) {
      const ok = await cluster.put(cluster.members[i]!, `k${i}-${n}`, `v${i}-${n}`).catch(() => false)
      if (ok) acknowledged.push(`${i}-${n}`)
      else await sleep(20)
    }
  })
  await cluster.until('some writes', async () => acknowledged.length > 100 || null)
  const leader = await cluster.leader()
  cluster.members[leader]!.child.kill('SIGKILL')
  await cluster.members[leader]!.exited
  const before = acknowledged.length
  await cluster.until('writes without the old leader', async () => acknowledged.length > before + 100 || null)
  running = false
  await Promise.all(writers)
  for (const { child } of cluster.members) child.kill('SIGKILL')
  await Promise.all(cluster.members.map((member) => member.exited))
  for (let i = 0; i < 3; i++) cluster.start(i)
  await cluster.healthy()
  const lost: string[] = []
  for (const name of acknowledged) if (await cluster.get(cluster.members[1]!, `k${name}`) !== `v${name}`) lost.push(name)
  t.same(lost, [], `${acknowledged.length} acknowledged writes`)
})

t.test('SIGTERM ends it with 0; what it kept is there after a start; a torn tail is cut off', { timeout: 180_000 }, async (t) => {
  await using cluster = await Members.start(1)
  t.ok(await cluster.put(cluster.members[0]!, 'a', 'kept'))
  cluster.members[0]!.child.kill('SIGTERM')
  t.equal(await cluster.members[0]!.exited, 0, cluster.members[0]!.output())
  const folder = join(cluster.directory, 'n1', 'raft')
  const segment = readdirSync(folder).filter((name) => !name.startsWith('.')).sort().at(-1)!
  appendFileSync(join(folder, segment), Buffer.from('half a record'))
  cluster.start(0)
  t.equal(await cluster.until('the value', () => cluster.get(cluster.members[0]!, 'a')), 'kept')
})

t.test('what is in the way is said, and nothing else is touched', { timeout: 180_000 }, async (t) => {
  await using cluster = await Members.start(1)
  const { child, exited } = cluster.members[0]!
  const refused = async (extra: readonly string[]) => {
    const first = cluster.members[0]!
    const second = cluster.start(0, extra)
    cluster.members[0] = first
    const code = await second.exited
    return { code, output: second.output() }
  }
  const sameDirectory = await refused(['-http-port', String(await freePort()), '-server-port', String(await freePort())])
  t.equal(sameDirectory.code, 1)
  t.match(sameDirectory.output, /data directory .* in use by process \d+/)
  const samePort = await refused(['-data-dir', join(cluster.directory, 'other'), '-server-port', String(await freePort())])
  t.equal(samePort.code, 1)
  t.match(samePort.output, /Cannot listen on HTTP address.*Another process/s)
  t.equal((await refused(['-frobnicate'])).code, 1)
  t.ok(await cluster.put(cluster.members[0]!, 'a', 'x'), 'the first goes on')
  child.kill('SIGINT')
  t.equal(await exited, 0)
})

t.test('over a real socket: a large body is refused, a bad request answered, gzip when asked for', { timeout: 180_000 }, async (t) => {
  await using cluster = await Members.start(1)
  const { url } = cluster.members[0]!
  const large = await fetch(`${url}/v1/kv/big`, { method: 'PUT', body: 'x'.repeat(524_289) })
  t.equal(large.status, 413)
  t.match(await large.text(), /^Request body\(524289 bytes\) too large/)
  t.equal((await fetch(`${url}/v1/kv/big`, { method: 'PUT', body: 'x'.repeat(524_288) })).status, 200)
  const packed = await fetch(`${url}/v1/kv/big?raw`, { headers: { 'Accept-Encoding': 'gzip' } })
  t.equal(packed.headers.get('content-encoding'), 'gzip')
  t.equal((await packed.text()).length, 524_288)
  t.equal((await fetch(`${url}/v1/kv/foo`, { method: 'POST', body: 'x' })).status, 405)
})

t.test('sessions, locks, transactions and waiting, each at another member; who waits is told when its member ends', { timeout: 180_000 }, async (t) => {
  await using cluster = await Members.start(3)
  const leader = await cluster.leader()
  const [follower, other] = cluster.members.filter((_, i) => i !== leader) as [Member, Member]
  const put = async (member: Member, target: string, body = '') => {
    const response = await fetch(`${member.url}/v1/${target}`, { method: 'PUT', body, signal: AbortSignal.timeout(8000) })
    return { status: response.status, body: JSON.parse(await response.text()) }
  }
  const session = async (member: Member) => (await put(member, 'session/create', '{"TTL":"10s","LockDelay":"1s"}')).body.ID as string
  const [first, second] = [await session(follower), await session(other)]
  t.not(first, second)
  t.equal((await put(follower, `kv/lock?acquire=${first}`, 'first')).body, true)
  t.equal((await put(other, `kv/lock?acquire=${second}`, 'second')).body, false)
  t.match((await put(follower, `session/renew/${first}`)).body, [{ ID: first, Node: `n${cluster.members.indexOf(follower) + 1}` }])

  const guarded = JSON.stringify([
    { KV: { Verb: 'check-session', Key: 'lock', Session: first } }, { KV: { Verb: 'set', Key: 'x', Value: 'aGk=', Flags: 7 } }, { KV: { Verb: 'get', Key: 'x' } },
  ])
  const done = await put(follower, 'txn', guarded)
  t.equal(done.status, 200)
  t.match(done.body.Results.map((result: { KV: object }) => result.KV), [{ Key: 'lock', Session: first }, { Key: 'x', Flags: 7, Value: null }, { Key: 'x', Value: 'aGk=' }])

  const index = (await fetch(`${other.url}/v1/kv/lock`)).headers.get('x-consul-index')
  const waiting = fetch(`${other.url}/v1/kv/lock?index=${index}&wait=30s`, { signal: AbortSignal.timeout(20_000) })
  t.equal((await put(follower, `session/destroy/${first}`)).body, true)
  t.notMatch(await (await waiting).text(), /"Session"/)
  const refused = await put(follower, 'txn', guarded)
  t.match(refused, { status: 409, body: { Errors: [{ OpIndex: 0, What: /^failed session check for key "lock", current session ""/ }] } })
  t.equal((await put(other, `kv/lock?acquire=${second}`, 'second')).body, false, 'the lock-delay')
  await cluster.until('the lock', async () => (await put(other, `kv/lock?acquire=${second}`, 'second')).body === true || null)

  const gone = new AbortController()
  const target = `${other.url}/v1/kv/none?index=${2 ** 40}&stale`
  const left = fetch(target, { signal: gone.signal }).catch(() => 'left')
  const told = fetch(target, { signal: AbortSignal.timeout(20_000) })
  // Behind those two in the member's turn of events, as far as one can tell from outside.
  for (let i = 0; i < 5; i++) await fetch(`${other.url}/v1/status/leader`)
  gone.abort()
  t.equal(await left, 'left')
  other.child.kill('SIGTERM')
  const last = await told.then(async (response) => `${response.status} ${await response.text()}`, String)
  t.equal(last, '500 this server is shutting down')
  t.equal(await other.exited, 0)
})

t.test('what it measures: as JSON by interval, and for Prometheus where that is enabled', { timeout: 180_000 }, async (t) => {
  await using cluster = new Members()
  cluster.ports.push({ http: await freePort(), server: await freePort() })
  const config = join(cluster.directory, 'telemetry.json')
  writeFileSync(config, JSON.stringify({ telemetry: { prometheus_retention_time: '1h' } }))
  const { url } = cluster.start(0, ['-config-file', config])
  await cluster.healthy()
  for (let i = 0; i < 5; i++) await fetch(`${url}/v1/kv/measured`, { method: 'PUT', body: String(i) })
  const text = await cluster.until('all is measured', async () => {
    const answer = await (await fetch(`${url}/v1/agent/metrics?format=prometheus`)).text()
    return /^consul_raft_leader 1$/m.test(answer) && /^consul_runtime_alloc_bytes [1-9]/m.test(answer) ? answer : null
  })
  t.ok(Number(/^consul_http_PUT_v1_kv___count (\d+)$/m.exec(text)?.[1]) >= 5, text)
  t.ok(Number(/^consul_rpc_write_applied (\d+)$/m.exec(text)?.[1]) >= 5)
  t.ok(Number(/^consul_raft_apply (\d+)$/m.exec(text)?.[1]) >= 5)
  const summary = await (await fetch(`${url}/v1/agent/metrics`)).json() as { Timestamp: string, Samples: { Name: string }[] }
  t.match(summary.Timestamp, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d0 \+0000 UTC$/)
})
