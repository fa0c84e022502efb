import fc from 'fast-check'
import t from 'tap'
import { limits, type MemberRecord, type PacketMessage, type StreamMessage, type Tags, type UserEvent } from './message.ts'
import { encodeMessage, encodePacket, encodeStream, labelSeed, packetHeaderBytes, parsePacket, parseStream, streamHeaderBytes, streamSizeBytes, tagsBytes, WireError } from './wire.ts'

const seed = labelSeed('dc1')
const name = fc.string({ unit: 'binary', minLength: 1, maxLength: 30 })
const address = fc.oneof(fc.constant('10.0.0.1:8301'), fc.string({ unit: 'binary', maxLength: 30 }))
const counter = fc.oneof(fc.nat(300), fc.integer({ min: 0, max: limits.counterMax }))
const sequence = fc.integer({ min: 0, max: 2 ** 32 - 1 })
const tags: fc.Arbitrary<Tags> = fc.array(fc.tuple(fc.oneof(fc.constant('__proto__'), fc.string({ maxLength: 8 })), fc.string({ unit: 'binary', maxLength: 16 })), { maxLength: 5 })
  .map((entries) => Object.fromEntries(entries))
const event: fc.Arbitrary<UserEvent> = fc.record({ kind: fc.constant('user-event' as const), time: counter, origin: name, name, payload: fc.uint8Array({ maxLength: 512 }) })
const member: fc.Arbitrary<MemberRecord> = fc.record({
  name, address, incarnation: counter, state: fc.constantFrom('alive' as const, 'suspect' as const, 'dead' as const, 'left' as const),
  tags, leaving: fc.boolean(), intentTime: counter,
})
const packetMessage: fc.Arbitrary<PacketMessage> = fc.oneof(
  fc.record({ kind: fc.constant('ping' as const), sequence, target: name }),
  fc.record({ kind: fc.constant('ping-request' as const), sequence, target: name, targetAddress: address }),
  fc.record({ kind: fc.constantFrom('ack' as const, 'nack' as const), sequence }),
  fc.record({ kind: fc.constantFrom('suspect' as const, 'dead' as const), name, incarnation: counter, from: name }),
  fc.record({ kind: fc.constant('alive' as const), name, address, incarnation: counter, tags }),
  fc.record({ kind: fc.constant('join-intent' as const), name, time: counter }),
  fc.record({ kind: fc.constant('leave-intent' as const), name, time: counter, prune: fc.boolean() }),
  event,
)
const streamMessage: fc.Arbitrary<StreamMessage> = fc.oneof(
  fc.record({
    kind: fc.constant('push-pull' as const), join: fc.boolean(), intentClock: counter, eventClock: counter,
    members: fc.array(member, { maxLength: 6 }), events: fc.array(event, { maxLength: 4 }),
  }),
  fc.record({ kind: fc.constant('stream-ping' as const), target: name }),
  fc.constant({ kind: 'stream-ack' as const }),
)

/** As plain as both sides of a comparison can be: typed arrays in hex, keys in order. */
function plain(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => {
    if (inner instanceof Uint8Array) return `bytes ${Buffer.from(inner).toString('hex')}`
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => a < b ? -1 : 1))
  })
}

t.test('packets come back as they were', async (t) => {
  fc.assert(fc.property(fc.array(packetMessage, { maxLength: 8 }), (messages) => {
    const bytes = encodePacket(messages.map(encodeMessage), seed)
    const parsed = parsePacket(bytes, seed)
    return parsed.ok && plain(parsed.value) === plain(messages)
  }))
  t.pass()
})

t.test('stream messages come back as they were, in pieces of any size', async (t) => {
  fc.assert(fc.property(streamMessage, fc.nat(), (message, cut) => {
    const bytes = encodeStream(message, seed)
    const start = bytes.subarray(0, cut % bytes.length)
    const size = streamSizeBytes(start)
    if (!size.ok || size.value !== (start.length < streamHeaderBytes ? null : bytes.length)) return false
    const parsed = parseStream(bytes, seed)
    return parsed.ok && plain(parsed.value) === plain(message)
  }))
  t.pass()
})

t.test('no bytes are too odd to be refused', async (t) => {
  const sealedPacket = (body: Uint8Array) => encodePacket([body], seed)
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
    for (const parsed of [parsePacket(bytes, seed), parseStream(bytes, seed), streamSizeBytes(bytes)]) {
      if (!parsed.ok && parsed.error.length === 0) return false
    }
    // The same inside a checksum that matches, so that it is read to its end.
    parsePacket(sealedPacket(bytes), seed)
    return true
  }), { numRuns: 1000 })
  t.pass()
})

t.test('valid messages with some bytes changed are refused or read, never more', async (t) => {
  const edits = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 })
  fc.assert(fc.property(packetMessage, streamMessage, edits, (message, stream, changes) => {
    const body = encodeMessage(message).slice()
    for (const [at, value] of changes) body[at % body.length] = value
    parsePacket(encodePacket([body], seed), seed)
    const bytes = encodeStream(stream, seed).slice()
    const original = bytes.slice()
    for (const [at, value] of changes) bytes[at % bytes.length] = value
    const changed = Buffer.compare(bytes, original) !== 0
    return parseStream(bytes, seed).ok === !changed
  }), { numRuns: 1000 })
  t.pass()
})

t.test('a datagram of another cluster, of another version or with a flipped bit is refused with the reason', async (t) => {
  const bytes = encodePacket([encodeMessage({ kind: 'ping', sequence: 1, target: 'n1' })], seed)
  const refused = (changed: Uint8Array) => {
    const parsed = parsePacket(changed, seed)
    return parsed.ok ? 'read' : parsed.error
  }
  t.match(refused(encodePacket([], labelSeed('dc2')).slice()), /of another cluster/)
  t.match(refused(Uint8Array.from(bytes, (byte, i) => i === 1 ? 9 : byte)), /version 9/)
  t.match(refused(Uint8Array.from(bytes, (byte, i) => i === 0 ? 0 : byte)), /no gossip/)
  t.match(refused(bytes.subarray(0, 3)), /too short/)
  for (let bit = 16; bit < bytes.length * 8; bit++) {
    const flipped = Uint8Array.from(bytes)
    flipped[bit >> 3]! ^= 1 << (bit & 7)
    if (parsePacket(flipped, seed).ok) t.fail(`bit ${bit} may flip`)
  }
})

t.test('unknown kinds are skipped, what else is in the datagram is read', async (t) => {
  const ack: PacketMessage = { kind: 'ack', sequence: 7 }
  t.same(parsePacket(encodePacket([Uint8Array.of(99, 1, 2), encodeMessage(ack)], seed), seed), { ok: true, value: [ack] })
})

t.test('tags and events that were said before are read once, and are nobody\'s to change', async (t) => {
  const event: UserEvent = { kind: 'user-event', time: 3, origin: 'n1', name: 'deploy', payload: Uint8Array.of(1, 2) }
  const state: StreamMessage = {
    kind: 'push-pull', join: false, intentClock: 1, eventClock: 4, events: [event],
    members: [{ name: 'n1', address: 'a:1', incarnation: 1, state: 'alive', tags: { role: 'consul' }, leaving: false, intentTime: 0 }],
  }
  const read = () => {
    const bytes = encodeStream(state, seed)
    const parsed = parseStream(bytes, seed)
    bytes.fill(0)
    if (!parsed.ok || parsed.value.kind !== 'push-pull') return t.fail('not read') as never
    return parsed.value
  }
  const [once, again] = [read(), read()]
  t.equal(again.events[0], once.events[0])
  t.equal(again.members[0]!.tags, once.members[0]!.tags)
  t.equal(plain(again), plain(state), 'the bytes that it was read from do not matter any more')
  t.ok(Object.isFrozen(again.members[0]!.tags))
})

t.test('what is above the limits is not sent', async (t) => {
  t.throws(() => encodeMessage({ kind: 'ping', sequence: 1, target: 'x'.repeat(129) }), WireError)
  t.throws(() => encodeMessage({ kind: 'alive', name: 'n', address: 'a', incarnation: 1, tags: { a: 'x'.repeat(600) } }), WireError)
  t.equal(tagsBytes({ a: 'bc' }), 5)
})

t.test('probes are small', async (t) => {
  const ping = encodePacket([encodeMessage({ kind: 'ping', sequence: 100_000, target: 'node-1' })], seed)
  t.ok(ping.length <= packetHeaderBytes + 12, `${ping.length} bytes`)
})
