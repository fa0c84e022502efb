/** What no server sends to another: random, cut and spliced frames, lengths that lie, msgpack of wrong types and kinds. */
import { once } from 'node:events'
import { connect } from 'node:net'
import fc from 'fast-check'
import t from 'tap'
import { silentLog } from '../base/log.ts'
import { parseEnvelope } from '../driver/envelope.ts'
import { encodeCommand } from '../state/commands.ts'
import { fuzz } from '../testing/fuzz/property.ts'
import { mutate, mutations } from '../testing/fuzz/mutations.ts'
import { oddChange, withOdd } from '../testing/fuzz/odd-values.ts'
import { VirtualCluster } from '../testing/virtual-cluster.ts'
import { decodeGreeting, encodeFrame, encodeGreeting, FrameReader, ProtocolError } from './frame.ts'
import { tcpTransport } from './tcp-transport.ts'

const runs = 100_000
const frameBytesMax = 4096

const raft = (message: object) => ({ channel: 'raft', message: { from: 'id-n2', to: 'id-n1', term: 1, ...message } })
const rpc = (fields: object) => ({ channel: 'rpc', callId: 7, from: 'n2:8300', ...fields })
const server = (name: string) => ({ id: `id-${name}`, name, address: `${name}:8300` })
const samples: readonly object[] = [
  raft({ kind: 'append-request', prevLogIndex: 0, prevLogTerm: 0, commitIndex: 0, entries: [{ index: 1, term: 1, kind: 'command', data: Buffer.from('abc') }] }),
  raft({ kind: 'append-response', outcome: { accepted: true, matchIndex: 0 } }),
  raft({ kind: 'append-response', outcome: { accepted: false, rejectedIndex: 1, conflictTerm: null, conflictIndex: 1 } }),
  raft({ kind: 'heartbeat-request', round: 1, commitIndex: 0 }), raft({ kind: 'heartbeat-response', round: 0 }),
  raft({ kind: 'pre-vote-request', lastLogIndex: 0, lastLogTerm: 0 }), raft({ kind: 'vote-request', lastLogIndex: 0, lastLogTerm: 0, transfer: false }),
  raft({ kind: 'pre-vote-response', granted: false }), raft({ kind: 'vote-response', granted: false }),
  raft({ kind: 'snapshot-response', image: { lastIndex: 1, lastTerm: 1, sizeBytes: 1, checksum: 1 }, receivedBytes: 0 }),
  rpc({ kind: 'apply', command: encodeCommand({ kind: 'set', key: 'k', value: Buffer.from('v'), flags: 0n }) }),
  rpc({ kind: 'apply', command: encodeCommand({ kind: 'delete', key: 'k' }) }),
  rpc({ kind: 'apply', command: encodeCommand({ kind: 'session-destroy', id: 'none' }) }),
  rpc({ kind: 'read-index', mode: 'lease' }), rpc({ kind: 'read-index', mode: 'quorum' }),
  rpc({ kind: 'answer', answer: { kind: 'applied', index: 4, succeeded: true, txn: Buffer.from('t') } }),
  rpc({ kind: 'answer', answer: { kind: 'invalid', problem: 'x' } }), rpc({ kind: 'answer', answer: { kind: 'confirmed', readIndex: 1 } }),
  rpc({ kind: 'answer', answer: { kind: 'lost' } }),
  { channel: 'join', from: server('n2'), bootstrapExpect: 3, formed: true, known: [server('n1'), server('n2')], wantsAnswer: true },
]
const frames = [...samples.map((sample) => encodeFrame([sample])), encodeFrame(samples), encodeFrame([])]

/** The messages of a stream given in pieces, or null for what was refused. Throws anything else. */
function read(bytes: Buffer, pieceBytes: number): unknown[] | null {
  const reader = new FrameReader(frameBytesMax)
  const messages: unknown[] = []
  try {
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      messages.push(...reader.read(bytes.subarray(at, at + pieceBytes)))
      if (reader.bufferedBytes > frameBytesMax + 4 + pieceBytes) throw new Error(`${reader.bufferedBytes} bytes are kept`)
    }
  } catch (error) {
    if (error instanceof ProtocolError && error.message !== '') return null
    throw error
  }
  return messages
}

const pieces = fc.constantFrom(1, 3, 7, 64, 5000)

t.test('random bytes as frames, and inside a frame of the right length', async (t) => {
  fuzz(t, runs, fc.property(fc.uint8Array({ maxLength: 96 }), fc.boolean(), pieces, (bytes, framed, pieceBytes) => {
    const head = Buffer.alloc(4)
    head.writeUInt32LE(bytes.length)
    for (const message of read(framed ? Buffer.concat([head, bytes]) : Buffer.from(bytes), pieceBytes) ?? []) parseEnvelope(message)
  }))
})

t.test('frames of every kind, changed', async (t) => {
  let understood = 0
  fuzz(t, runs, fc.property(fc.nat(frames.length - 1), fc.nat(frames.length - 1), mutations, pieces, (which, donor, changes, pieceBytes) => {
    for (const message of read(mutate(frames[which]!, changes, frames[donor]!), pieceBytes) ?? []) if (parseEnvelope(message).ok) understood++
  }))
  t.ok(understood > runs / 20, `${understood} messages were understood all the same`)
})

t.test('greetings, random and changed', async (t) => {
  const greeting = encodeGreeting({ cluster: 'dc1', address: 'n2:8300' })
  fuzz(t, runs, fc.property(mutations, fc.uint8Array({ maxLength: 24 }), fc.boolean(), (changes, bytes, random) => {
    try {
      const decoded = decodeGreeting(random ? Buffer.concat([greeting.subarray(0, 8), bytes]) : mutate(greeting, changes, Buffer.from(bytes)))
      if (decoded !== null && typeof decoded.greeting.cluster !== 'string') throw new Error('a cluster that is no text')
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
    }
  }))
})

t.test('deep, wide and huge msgpack in a small frame is refused without the memory that it claims', async (t) => {
  const body = (bytes: Uint8Array) => {
    const head = Buffer.alloc(4)
    head.writeUInt32LE(bytes.length)
    return Buffer.concat([head, bytes])
  }
  const claims = (type: number) => Buffer.concat(Array.from({ length: 700 }, () => Buffer.of(type, 0x00, 0xff, 0xff, 0xff)))
  const before = process.memoryUsage().rss
  for (let i = 0; i < 50; i++) {
    for (const bytes of [claims(0xdd), claims(0xdf), claims(0xdb), claims(0xc6), claims(0xc9), Buffer.alloc(4000, 0x91), Buffer.alloc(4000, 0x81)]) t.equal(read(body(bytes), 5000), null)
  }
  const reader = new FrameReader(frameBytesMax)
  t.throws(() => reader.read(Buffer.of(0xff, 0xff, 0xff, 0xff)), ProtocolError, 'an oversized length is refused before anything is kept')
  t.ok(process.memoryUsage().rss - before < 200e6, `${(process.memoryUsage().rss - before) / 1e6} MB more`)
})

t.test('a cluster under messages of wrong types and kinds goes on, and all of it agrees', async (t) => {
  const cluster = new VirtualCluster(3)
  const leader = cluster.elect()
  t.equal(cluster.ask(leader, 'PUT', '/v1/kv/before', 'kept').status, 200)
  const names = [...cluster.nodes.keys()]
  let delivered = 0
  fuzz(t, runs, fc.property(fc.nat(samples.length - 1), oddChange, fc.nat(2), (which, change, to) => {
    cluster.deliver(names[to]!, withOdd(samples[which]!, change))
    if (++delivered % 100 === 0) {
      cluster.time.run(5)
      cluster.sent.length = 0
      cluster.traces.length = 0
    }
  }))
  cluster.time.run(15_000)
  const survivor = cluster.elect()
  t.equal(cluster.ask(survivor, 'PUT', '/v1/kv/after', 'x').status, 200)
  cluster.time.run(1000)
  const states = names.map((name) => String(cluster.ask(name, 'GET', '/v1/kv/?recurse&stale').body))
  t.equal(new Set(states).size, 1, 'all members have the same state')
  const keys = (JSON.parse(states[0]!) as { Key: string, Value: string }[]).map(({ Key }) => Key)
  t.same(keys.filter((key) => key !== 'k'), ['after', 'before'])
  t.ok(cluster.status(survivor).configuration.voters.length === 3, 'nobody was taken in')
})

t.test('who names ever new servers does not fill the memory, and is answered with what can be read', async (t) => {
  const cluster = new VirtualCluster(1)
  cluster.elect()
  for (let i = 0; i < 5000; i++) {
    cluster.deliver('n1', { channel: 'join', from: server(`x${i}`), bootstrapExpect: 0, formed: true, known: [server(`y${i}`)], wantsAnswer: i === 4999 })
    cluster.time.run(1)
  }
  const answer = cluster.sent.at(-1)!
  t.equal(answer.to, 'x4999:8300')
  t.ok(parseEnvelope(answer.message).ok, 'the answer can be read')
  t.ok(answer.message.known.length <= 1000, `${answer.message.known.length} servers are known`)
})

t.test('on sockets: strangers, lies and garbage are closed, links are bounded, and a server is heard all the same', async (t) => {
  const transport = await tcpTransport({ bindHost: '127.0.0.1', bindPort: 0, log: silentLog, cluster: 'dc1', connectionsPerClientMax: 8, greetingTimeoutMs: 300 })
  t.teardown(() => transport.close())
  const heard: unknown[] = []
  transport.onMessage((message) => { heard.push(message) })
  const port = Number(transport.address.split(':')[1])
  const greeting = encodeGreeting({ cluster: 'dc1', address: '127.0.0.1:1' })
  const inputs = fc.sample(fc.tuple(fc.nat(frames.length - 1), mutations, fc.boolean()), { numRuns: 400, seed: 3 })
  for (const [which, changes, greets] of inputs) {
    const socket = connect(port, '127.0.0.1')
    const closed = new Promise((resolve) => socket.on('close', resolve))
    socket.on('error', () => {}).resume()
    socket.end(Buffer.concat([greets ? greeting : Buffer.alloc(0), mutate(frames[which]!, changes, frames[0]!)]))
    await closed
  }
  const idle = Array.from({ length: 20 }, () => connect(port, '127.0.0.1').on('error', () => {}).resume())
  await Promise.all(idle.map((socket) => socket.closed ? null : once(socket, 'close')))
  t.ok(transport.stats().connectionsRefused >= 20, 'too many at a time, and who says nothing')
  heard.length = 0
  const peer = await tcpTransport({ bindHost: '127.0.0.1', bindPort: 0, log: silentLog, cluster: 'dc1' })
  t.teardown(() => peer.close())
  peer.send(transport.address, { hello: 1 })
  const endMs = performance.now() + 60_000
  while (heard.length === 0 && performance.now() < endMs) await new Promise((resolve) => setTimeout(resolve, 5))
  t.same(heard, [{ hello: 1 }])
})
