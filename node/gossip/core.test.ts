import t from 'tap'
import { seededRandom } from '../base/random.ts'
import { nackDelayMs, suspicionTimeoutMsMax, suspicionTimeoutMsMin } from './bounds.ts'
import { lanProfile } from './config.ts'
import { GossipCore } from './core.ts'
import type { PacketMessage, StreamMessage } from './message.ts'
import type { GossipEvent, MemberView } from './ready.ts'
import { encodeMessage, encodePacket, encodeStream, labelSeed, parsePacket, parseStream } from './wire.ts'

const seed = labelSeed('test')
const config = { ...lanProfile, pushPullIntervalMs: 0 }

/** One core, alone with the test: what it sends is read, what it hears is made up. */
class Bench {
  nowMs = 0
  readonly events: GossipEvent[] = []
  readonly sent: { readonly to: string, readonly message: PacketMessage, readonly atMs: number }[] = []
  readonly streams: { readonly id: number, readonly to: string, readonly message: StreamMessage, readonly atMs: number }[] = []
  readonly core = new GossipCore({ name: 'self', address: 'self:1', tags: {}, label: 'test', config, random: seededRandom(1), nowMs: 0 })

  /** Knows members a, b, c … that many. */
  constructor(others: number) {
    this.core.start(0)
    for (const name of 'abcdefgh'.slice(0, others)) this.hear({ kind: 'alive', name, address: `${name}:1`, incarnation: 1, tags: {} })
  }

  hear(message: PacketMessage, from = 'a:1'): void {
    this.core.receivePacket(this.nowMs, from, encodePacket([encodeMessage(message)], seed))
    this.#collect()
  }

  /** Lets time pass; `answer` decides what pings get acks. */
  run(durationMs: number, answer: (to: string) => boolean = () => true): void {
    const endMs = this.nowMs + durationMs
    let next = this.core.nextTimerMs()
    while (next !== null && next <= endMs) {
      this.nowMs = Math.max(this.nowMs, next)
      const before = this.sent.length
      this.core.tick(this.nowMs)
      this.#collect()
      for (const { to, message } of this.sent.slice(before)) if (message.kind === 'ping' && answer(to)) this.hear({ kind: 'ack', sequence: message.sequence }, to)
      next = this.core.nextTimerMs()
    }
    this.nowMs = endMs
  }

  view(name: string): MemberView | undefined {
    return this.core.members().find((member) => member.name === name)
  }

  sentOf<K extends PacketMessage['kind']>(kind: K) {
    return this.sent.flatMap(({ to, message, atMs }) => message.kind === kind ? [{ to, atMs, ...message as Extract<PacketMessage, { kind: K }> }] : [])
  }

  #collect(): void {
    const { packets, streams, events } = this.core.takeReady()
    for (const { address, bytes } of packets) {
      const parsed = parsePacket(bytes, seed)
      if (!parsed.ok) throw new Error(parsed.error)
      for (const message of parsed.value) this.sent.push({ to: address, message, atMs: this.nowMs })
    }
    for (const { id, address, bytes } of streams) {
      const parsed = parseStream(bytes, seed)
      if (!parsed.ok) throw new Error(parsed.error)
      this.streams.push({ id, to: address, message: parsed.value, atMs: this.nowMs })
    }
    this.events.push(...events)
  }
}

t.test('each round probes every member once, in an order of its own', async (t) => {
  const bench = new Bench(5)
  bench.run(40_500)
  const targets = bench.sentOf('ping').map(({ target }) => target)
  t.ok(targets.length === 40 || targets.length === 41, 'one in each second')
  const rounds = Array.from({ length: 8 }, (_, i) => targets.slice(i * 5, i * 5 + 5))
  for (const round of rounds) t.same([...round].sort(), ['a', 'b', 'c', 'd', 'e'])
  t.ok(new Set(rounds.map((round) => round.join(''))).size > 1)
})

t.test('a ping for another name is not answered', async (t) => {
  const bench = new Bench(1)
  bench.hear({ kind: 'ping', sequence: 5, target: 'somebody' })
  t.same(bench.sentOf('ack'), [])
  bench.hear({ kind: 'ping', sequence: 6, target: 'self' }, 'x:9')
  t.match(bench.sentOf('ack'), [{ to: 'x:9', sequence: 6 }])
})

t.test('a silent member is pinged through others and on a stream, then suspected', async (t) => {
  const bench = new Bench(5)
  bench.run(20_000, (to) => to !== 'c:1')
  const ping = bench.sentOf('ping').find(({ target }) => target === 'c')!
  const requests = bench.sentOf('ping-request').filter(({ sequence }) => sequence === ping.sequence)
  t.equal(requests.length, config.indirectChecks)
  t.ok(requests.every(({ atMs, target, targetAddress, to }) => atMs === ping.atMs + config.probeTimeoutMs && target === 'c' && targetAddress === 'c:1' && to !== 'c:1'))
  t.match(bench.streams.find(({ atMs }) => atMs === ping.atMs + config.probeTimeoutMs), { to: 'c:1', message: { kind: 'stream-ping', target: 'c' } })
  const suspicion = bench.sentOf('suspect')[0]!
  t.match(suspicion, { name: 'c', incarnation: 1, from: 'self' })
  t.ok(suspicion.atMs >= ping.atMs + config.probeIntervalMs)
  // Relays that say nothing at all: the fault may be here.
  t.equal(bench.core.healthScore, 2, 'three relays were silent, one probe was answered since')
})

t.test('nacks keep the prober confident; an ack through a relay ends the probe', async (t) => {
  for (const [kind, suspicions] of [['nack', 1], ['ack', 0]] as const) {
    const bench = new Bench(4)
    for (let elapsedMs = 0; elapsedMs < 5000; elapsedMs += 10) {
      const before = bench.sent.length
      bench.run(10, (to) => to !== 'b:1')
      for (const { to, message } of bench.sent.slice(before)) if (message.kind === 'ping-request') bench.hear({ kind, sequence: message.sequence }, to)
    }
    t.equal(bench.core.healthScore, 0, kind)
    t.equal(bench.events.filter(({ kind }) => kind === 'member-suspect').length, suspicions, kind)
  }
})

t.test('a relay pings in another\'s stead, passes the ack on, and says nack in time', async (t) => {
  const bench = new Bench(2)
  bench.hear({ kind: 'ping-request', sequence: 900, target: 'x', targetAddress: 'x:1' }, 'a:1')
  const ping = bench.sentOf('ping').find(({ to }) => to === 'x:1')!
  t.equal(ping.target, 'x')
  bench.run(nackDelayMs(config) - 1)
  t.same(bench.sentOf('nack'), [])
  bench.run(1)
  t.match(bench.sentOf('nack'), [{ to: 'a:1', sequence: 900 }])
  bench.hear({ kind: 'ack', sequence: ping.sequence }, 'x:1')
  t.match(bench.sentOf('ack'), [{ to: 'a:1', sequence: 900 }], 'late, but still worth something')
  bench.hear({ kind: 'ack', sequence: ping.sequence }, 'x:1')
  t.equal(bench.sentOf('ack').length, 1, 'once')
})

t.test('a suspect is told with every ping', async (t) => {
  const bench = new Bench(3)
  bench.hear({ kind: 'suspect', name: 'b', incarnation: 1, from: 'a' })
  // By now gossip has sent the suspicion as often as it may.
  bench.run(3000, (to) => to !== 'b:1')
  const before = bench.sent.length
  bench.run(6000, (to) => to !== 'b:1')
  const later = bench.sent.slice(before)
  const pinged = later.filter(({ to, message }) => to === 'b:1' && message.kind === 'ping')
  t.ok(pinged.length > 0)
  for (const { atMs } of pinged) t.ok(later.some(({ to, message, atMs: at }) => at === atMs && to === 'b:1' && message.kind === 'suspect'))
})

t.test('independent confirmations bring the end of a suspicion nearer, repeated ones do not', async (t) => {
  const members = 7
  const failedAfterMs = (accusers: string[]) => {
    const bench = new Bench(members - 1)
    const startMs = bench.nowMs
    for (const from of accusers) bench.hear({ kind: 'suspect', name: 'b', incarnation: 1, from })
    // It answers pings here, so that this member does not confirm.
    while (bench.view('b')!.status === 'alive') bench.run(100)
    return bench.nowMs - startMs
  }
  const minMs = suspicionTimeoutMsMin(config, members)
  const maxMs = suspicionTimeoutMsMax(config, members)
  t.equal(failedAfterMs(['a']), maxMs)
  t.equal(failedAfterMs(['a', 'a', 'a']), maxMs)
  const one = failedAfterMs(['a', 'c'])
  t.ok(one > minMs && one < maxMs, `${one} ms`)
  t.equal(failedAfterMs(['a', 'c', 'd']), minMs)
})

t.test('an accused member refutes with an incarnation above the accuser\'s', async (t) => {
  const bench = new Bench(3)
  bench.hear({ kind: 'suspect', name: 'self', incarnation: 8, from: 'a' })
  t.equal(bench.core.self.incarnation, 9)
  t.equal(bench.core.healthScore, 1)
  bench.hear({ kind: 'suspect', name: 'self', incarnation: 8, from: 'b' })
  t.equal(bench.core.self.incarnation, 9, 'that was refuted already')
  bench.hear({ kind: 'dead', name: 'self', incarnation: 9, from: 'b' })
  t.equal(bench.core.self.incarnation, 10)
  bench.run(1000)
  t.ok(bench.sentOf('alive').some(({ name, incarnation }) => name === 'self' && incarnation === 10))
})

t.test('who comes with an accusation that was refuted long ago missed the refutation: it is said again', async (t) => {
  for (const kind of ['suspect', 'dead'] as const) {
    const bench = new Bench(3)
    bench.hear({ kind: 'suspect', name: 'self', incarnation: 8, from: 'a' })
    bench.run(10_000)
    const before = bench.sent.length
    bench.run(10_000)
    const saysSo = (from: number) => bench.sent.slice(from).some(({ message }) => message.kind === 'alive' && message.name === 'self')
    t.notOk(saysSo(before), 'by now it has been said as often as it may')
    bench.hear({ kind, name: 'self', incarnation: 8, from: 'b' })
    bench.run(1000)
    t.ok(saysSo(before))
    t.equal(bench.core.self.incarnation, 9, 'with the same incarnation: nothing is new')
    t.equal(bench.core.healthScore, 0, 'nobody accuses it of what it is now')
  }
})

t.test('incarnations order claims', async (t) => {
  const bench = new Bench(3)
  const alive = (incarnation: number) => bench.hear({ kind: 'alive', name: 'b', address: 'b:1', incarnation, tags: {} })
  const state = () => bench.view('b')!.state
  alive(5)
  bench.hear({ kind: 'suspect', name: 'b', incarnation: 4, from: 'a' })
  t.equal(state(), 'alive', 'an old suspicion')
  bench.hear({ kind: 'suspect', name: 'b', incarnation: 5, from: 'a' })
  t.equal(state(), 'suspect')
  alive(5)
  t.equal(state(), 'suspect', 'the same incarnation refutes nothing')
  alive(6)
  t.equal(state(), 'alive')
  bench.hear({ kind: 'dead', name: 'b', incarnation: 5, from: 'a' })
  t.equal(state(), 'alive', 'an old death')
  bench.hear({ kind: 'dead', name: 'b', incarnation: 6, from: 'a' })
  t.equal(state(), 'dead')
  bench.hear({ kind: 'suspect', name: 'b', incarnation: 7, from: 'a' })
  t.equal(state(), 'dead')
  bench.hear({ kind: 'dead', name: 'b', incarnation: 6, from: 'b' })
  t.equal(state(), 'left', 'it went by its own will')
  alive(6)
  t.equal(state(), 'left')
  alive(7)
  t.equal(state(), 'alive')
})

t.test('who is said to be dead by another\'s state is suspected first', async (t) => {
  const bench = new Bench(3)
  const record = { address: 'b:1', incarnation: 1, tags: {}, leaving: false, intentTime: 0 }
  const request = encodeStream({ kind: 'push-pull', join: false, intentClock: 1, eventClock: 1, events: [], members: [
    { ...record, name: 'b', state: 'dead' }, { ...record, name: 'unknown', state: 'dead' },
  ] }, seed)
  const answer = bench.core.answerStream(bench.nowMs, request)
  t.equal(bench.view('b')!.state, 'suspect')
  t.equal(bench.view('unknown'), undefined)
  const parsed = parseStream(answer!, seed)
  t.ok(parsed.ok && parsed.value.kind === 'push-pull' && parsed.value.members.length === 4)
})

t.test('a name comes free at another address only after its member is gone for long enough', async (t) => {
  const bench = new Bench(3)
  const elsewhere = () => bench.hear({ kind: 'alive', name: 'b', address: 'new:1', incarnation: 1, tags: {} })
  bench.hear({ kind: 'dead', name: 'b', incarnation: 1, from: 'a' })
  elsewhere()
  t.equal(bench.view('b')!.address, 'b:1')
  bench.run(config.deadNodeReclaimMs)
  elsewhere()
  t.match(bench.view('b'), { address: 'new:1', state: 'alive' })
  t.equal(bench.events.filter(({ kind }) => kind === 'name-conflict').length, 1)
})

t.test('a member that doubts itself goes on probing when its answers come late', async (t) => {
  const bench = new Bench(3)
  for (let i = 0; i < 7; i++) bench.hear({ kind: 'suspect', name: 'self', incarnation: bench.core.self.incarnation, from: 'a' })
  t.equal(bench.core.healthScore, 7)
  const late: { atMs: number, sequence: number }[] = []
  let read = 0
  for (let elapsedMs = 0; elapsedMs < 10_000; elapsedMs += 10) {
    bench.run(10, () => false)
    while (late[0] !== undefined && late[0].atMs <= bench.nowMs) bench.hear({ kind: 'ack', sequence: late.shift()!.sequence })
    for (const { message } of bench.sent.slice(read)) if (message.kind === 'ping') late.push({ atMs: bench.nowMs + 1500, sequence: message.sequence })
    read = bench.sent.length
  }
  t.ok(bench.sentOf('ping').length >= 6, `${bench.sentOf('ping').length} pings`)
  t.same(bench.events.filter(({ kind }) => kind === 'member-suspect'), [], 'it waits longer than an interval')
})

t.test('answers that waited while the member was paused count before its timers', async (t) => {
  const bench = new Bench(1)
  while (bench.sentOf('ping').length === 0) bench.run(10, () => false)
  const { sequence } = bench.sentOf('ping')[0]!
  bench.nowMs += 60_000
  bench.hear({ kind: 'ack', sequence })
  bench.run(500)
  t.same(bench.events.filter(({ kind }) => kind === 'member-suspect'), [])
})

t.test('garbage is counted and harmless', async (t) => {
  const bench = new Bench(1)
  const random = seededRandom(5)
  for (let i = 0; i < 200; i++) {
    const bytes = Uint8Array.from({ length: random.between(0, 100) }, () => random.between(0, 256))
    bench.core.receivePacket(bench.nowMs, 'x:1', bytes)
    t.equal(bench.core.answerStream(bench.nowMs, bytes), null)
  }
  t.match(bench.core.counters, { packetsRefused: 200, streamsRefused: 200 })
})

t.test('names, addresses and tags have limits', async (t) => {
  const make = (name: string, tags = {}) => () => new GossipCore({ name, address: 'a:1', tags, label: '', config, random: seededRandom(1), nowMs: 0 })
  t.throws(make(''), RangeError)
  t.throws(make('x'.repeat(129)), RangeError)
  t.throws(make('x', { a: 'x'.repeat(600) }), RangeError)
  t.doesNotThrow(make('x'.repeat(128), { a: 'x'.repeat(500) }))
})
