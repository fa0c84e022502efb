import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { seededRandom } from '../../../node/base/random.ts'
import { closedLoop } from './closed-loop.ts'
import { benchKey, kvRequestsOf, requestsOfConnections, ValuePool, type KvLoad } from './kv-requests.ts'
import { Latencies } from './latencies.ts'
import { LoadGenerator } from './load-generator.ts'
import type { LoadJob } from './load-job.ts'
import { paced } from './paced.ts'

async function serve(t: Test, answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server = createServer((request, response) => {
    request.resume().on('end', () => answer(request, response))
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  t.teardown(() => new Promise((resolve) => { server.close(resolve); server.closeAllConnections() }))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const load: KvLoad = { system: 'registry', operation: { kind: 'write' }, valueBytes: 16, keyCount: 5 }
const job = (url: string, more: Partial<LoadJob> = {}): LoadJob => ({ id: 0, urls: [url], connections: 2, seconds: 0.5, ratePerS: null, load, seed: 7, ...more })

t.test('coordinated omission: a system that stands still for a second shows in the corrected p99, and not in the uncorrected one', async (t) => {
  const [stallMs, seconds, ratePerS] = [1000, 2, 200]
  const total = seconds * ratePerS
  // A machine that stands still itself is seen by both: some try must be without that.
  let best = Infinity
  for (let attempt = 0; attempt < 8 && best >= stallMs / 2; attempt++) {
    let count = 0
    let stall: Promise<void> | undefined
    const url = await serve(t, (_, response) => {
      count += 1
      if (count === 100) stall = new Promise((resolve) => setTimeout(resolve, stallMs))
      void Promise.resolve(stall).then(() => response.end('true'))
    })
    // Of 400 requests some 200 are due while the server stands still, and one is under way.
    const outcome = await paced(job(url, { seconds, connections: 1 }), ratePerS)
    t.equal(outcome.ok + outcome.errors, total, JSON.stringify(outcome))
    const { corrected, uncorrected, requests } = outcome.latency!
    t.equal(requests, total, 'none is left out')
    t.ok(corrected.p99 > stallMs * 0.9 && corrected.max >= corrected.p99, `corrected p99 ${corrected.p99} ms`)
    t.ok(corrected.p90 > stallMs * 0.5, `half of the time was the stall, and a tenth of all requests waited for most of it: corrected p90 ${corrected.p90} ms`)
    t.ok(uncorrected.max >= stallMs * 0.9, 'the one that was under way')
    best = Math.min(best, uncorrected.p99)
  }
  t.ok(best < stallMs / 2, `uncorrected p99 ${best} ms`)
})

t.test('who waits for the end in vain has waited, and is not left out', { timeout: 120_000 }, async (t) => {
  let count = 0
  const url = await serve(t, (_, response) => { if (++count < 10) response.end('true') })
  const outcome = await paced(job(url, { connections: 1, seconds: 0.2 }), 100, 3000)
  t.match(outcome, { ok: 8, errors: 12, non2xx: 0, latency: { requests: 20, neverSent: 11 } }, 'one opened the connection, and one is under way')
  t.ok(outcome.latency!.corrected.max > 2900)
})

t.test('paced: at fixed times, over all members in turn, and nothing else than asked for', async (t) => {
  const seen = new Map<string, number>()
  const urls = await Promise.all(['a', 'b', 'c'].map((name) => serve(t, (request, response) => {
    seen.set(name, (seen.get(name) ?? 0) + 1)
    response.end(request.method === 'GET' && /^\/v1\/kv\/splitbrain-bench\/16\/\d\?stale$/.test(request.url!) ? 'x' : (response.statusCode = 400, 'no'))
  })))
  const outcome = await paced(job('', { urls, connections: 6, seconds: 0.5, load: { ...load, operation: { kind: 'read', consistency: 'stale' } } }), 120)
  t.match(outcome, { ok: 60, non2xx: 0, errors: 0 })
  t.ok(outcome.seconds >= 59 / 120, `${outcome.seconds} s: no burst`)
  t.same([...seen.values()], [22, 22, 22], 'a third each, and one to open each connection')
  t.ok(outcome.latency!.lateness!.p50 >= 0)
})

t.test('what is refused is counted, and is no latency; what is never answered has waited', async (t) => {
  const refusing = await serve(t, (_, response) => { response.writeHead(500).end('No cluster leader') })
  for (const outcome of [await paced(job(refusing), 40), await closedLoop(job(refusing))]) {
    t.ok(outcome.non2xx > 0, JSON.stringify(outcome))
    t.match(outcome, { ok: 0, latency: null })
  }
  let count = 0
  const breaking = await serve(t, (request, response) => { if (++count % 2 === 0) request.socket.destroy(); else response.end('true') })
  const broken = await paced(job(breaking), 40)
  t.equal(broken.ok + broken.errors, 20)
  t.ok(broken.ok > 0 && broken.errors > 0, JSON.stringify(broken))
})

t.test('a process of its own makes the load, with its own CPU time; it ends with its owner', async (t) => {
  const bodies = new Set<string>()
  const server = await serve(t, (request, response) => { bodies.add(request.url!); response.end('true') })
  const generator = new LoadGenerator()
  t.teardown(() => generator[Symbol.asyncDispose]())
  const closed = await generator.run(job(server))
  t.ok(closed.ok > 10 && closed.cpuMs > 0 && closed.seconds >= 0.4, JSON.stringify(closed))
  t.equal(closed.latency, null)
  t.ok(bodies.size > 1 && [...bodies].every((path) => /^\/v1\/kv\/splitbrain-bench\/16\/[0-4]$/.test(path)))
  t.equal((await generator.run(job(server, { ratePerS: 100 }))).ok, 50)
  await t.rejects(generator.run(job(server, { urls: ['no url'], ratePerS: 100 })), /the load generator failed/)
  await generator[Symbol.asyncDispose]()
  await generator[Symbol.asyncDispose]()
  await t.rejects(generator.run(job(server)), /the load generator has ended/)
})

t.test('requests: drawn from the seed, values of exactly so many bytes, few where they are large', async (t) => {
  for (const bytes of [1, 16, 1000, 65_536]) t.equal(Buffer.byteLength(new ValuePool(bytes, seededRandom(1)).draw(seededRandom(2))), bytes)
  const requests = (seed: number, valueBytes = 16) => requestsOfConnections({ ...load, valueBytes }, 3, seededRandom(seed))
  t.same(requests(3), requests(3))
  t.notSame(requests(3), requests(4))
  const bodies = requests(3).flat().map(({ body }) => body)
  t.equal(bodies.length, 3 * 64)
  t.ok(new Set(bodies).size > 185, 'hardly a write repeats what is stored')
  t.same(requests(3, 65_536).map(({ length }) => length), [4, 4, 4])
  t.same(requests(3, 524_288).map(({ length }) => length), [2, 2, 2])
})

t.test('etcd is asked by its own gateway', async (t) => {
  const { put, get } = kvRequestsOf.etcd
  const body = (request: { body?: string }) => JSON.parse(request.body!)
  const base64 = (text: string) => Buffer.from(text).toString('base64')
  t.match(put('k', 'v'), { method: 'POST', target: '/v3/kv/put', headers: { 'content-type': 'application/json' } })
  t.same(body(put('k', 'v')), { key: base64('k'), value: base64('v') })
  t.same(['stale', 'consistent'].map((mode) => body(get(benchKey(16, 2), mode as 'stale')).serializable), [true, false])
})

t.test('percentiles: three digits, and the largest as it was', async (t) => {
  const latencies = new Latencies()
  t.equal(latencies.percentiles(), null)
  for (let i = 1; i <= 1000; i++) latencies.record(i)
  latencies.record(123_456.789)
  const { p50, p90, p99, p999, max } = latencies.percentiles()!
  for (const [seen, expected] of [[p50, 501], [p90, 901], [p99, 991], [p999, 1000]] as const) t.ok(Math.abs(seen - expected) <= expected / 500, `${seen} for ${expected}`)
  t.equal(max, 123_456.789)
})
