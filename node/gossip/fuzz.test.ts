/** Gossip that nobody sent, or that somebody damaged, forged or spliced: nothing throws, and what the member believes stays sound. */
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import t from 'tap'
import { seededRandom } from '../base/random.ts'
import { fuzz } from '../testing/fuzz/property.ts'
import { mutate, mutations } from '../testing/fuzz/mutations.ts'
import { lanProfile } from './config.ts'
import { GossipCore } from './core.ts'
import { limits, type MemberRecord, type PacketMessage, type StreamMessage } from './message.ts'
import { encodeMessage, encodePacket, encodeStream, labelSeed, parsePacket, parseStream, streamSizeBytes } from './wire.ts'

const label = 'fuzz'
const seed = labelSeed(label)
const runs = 100_000

const samples: readonly PacketMessage[] = [
  { kind: 'ping', sequence: 300, target: 'self' },
  { kind: 'ping-request', sequence: 7, target: 'a', targetAddress: 'a:1' },
  { kind: 'ack', sequence: 2 ** 32 - 1 },
  { kind: 'nack', sequence: 0 },
  { kind: 'suspect', name: 'a', incarnation: 3, from: 'b' },
  { kind: 'suspect', name: 'self', incarnation: 3, from: 'b' },
  { kind: 'alive', name: 'c', address: 'c:1', incarnation: 9, tags: { role: 'consul', dc: 'dc1' } },
  { kind: 'alive', name: 'self', address: 'self:1', incarnation: limits.counterMax, tags: {} },
  { kind: 'dead', name: 'b', incarnation: 4, from: 'b' },
  { kind: 'join-intent', name: 'a', time: 5 },
  { kind: 'leave-intent', name: 'b', time: 6, prune: true },
  { kind: 'user-event', time: 2, origin: 'a', name: 'deploy', payload: Buffer.from('1.6.5') },
]
const record = (name: string, more: Partial<MemberRecord>): MemberRecord => (
  { name, address: `${name}:1`, incarnation: 2, state: 'alive', tags: { role: 'consul' }, leaving: false, intentTime: 3, ...more })
const streams: readonly StreamMessage[] = [
  { kind: 'push-pull', join: true, intentClock: 9, eventClock: 4, members: [record('a', {}), record('d', { state: 'suspect' }), record('self', { state: 'dead' })],
    events: [{ kind: 'user-event', time: 1, origin: 'a', name: 'e', payload: Buffer.alloc(3) }] },
  { kind: 'stream-ping', target: 'self' },
  { kind: 'stream-ack' },
]
const bodies = samples.map((message) => encodeMessage(message).slice())
const packets = [...bodies.map((body) => encodePacket([body], seed)), encodePacket(bodies, seed)]
const whole = streams.map((message) => encodeStream(message, seed).slice())

/** Passes a packet's checksum, as forged ones would. */
const seal = (body: Uint8Array) => encodePacket([body], seed)

function newCore(): GossipCore {
  const core = new GossipCore({ name: 'self', address: 'self:1', tags: { role: 'consul' }, label, config: lanProfile, random: seededRandom(1), nowMs: 0 })
  core.start(0)
  return core
}

/** Throws what is unsound. */
function check(core: GossipCore): void {
  const members = core.members()
  const names = new Set(members.map(({ name }) => name))
  if (names.size !== members.length) throw new Error('a name is there twice')
  if (members[0]!.name !== 'self' || members[0]!.address !== 'self:1' || members[0]!.state !== 'alive') throw new Error(`of itself it believes ${JSON.stringify(members[0])}`)
  if (members.length > limits.membersMax) throw new Error(`${members.length} members`)
  for (const { name, address, incarnation, tags } of members) {
    if (name === '' || Buffer.byteLength(name) > limits.nameBytesMax) throw new Error(`a member is named ${JSON.stringify(name)}`)
    if (Buffer.byteLength(address) > limits.addressBytesMax) throw new Error(`an address of ${address.length}`)
    if (!Number.isSafeInteger(incarnation) || incarnation < 0) throw new Error(`incarnation ${incarnation}`)
    if (JSON.stringify(tags).length > 8 * limits.tagsBytesMax) throw new Error('tags above their limit')
  }
}

/** Cores that live through many inputs, each long enough to come into odd states. */
class Victims {
  #core = newCore()
  #nowMs = 0
  #inputs = 0

  take(input: (core: GossipCore, nowMs: number) => void): void {
    if (++this.#inputs % 500 === 0) {
      check(this.#core)
      this.#core = newCore()
      this.#nowMs = 0
    }
    this.#nowMs += 7
    input(this.#core, this.#nowMs)
    const next = this.#core.nextTimerMs()
    if (next !== null && next <= this.#nowMs) this.#core.tick(this.#nowMs)
    for (const { bytes } of this.#core.takeReady().packets) {
      const sent = parsePacket(bytes, seed)
      if (!sent.ok) throw new Error(`it sent a packet that nobody can read: ${sent.error}: ${Buffer.from(bytes).toString('latin1')}`)
    }
    if (this.#inputs % 16 === 0) check(this.#core)
  }
}

t.test('random packets and streams', async (t) => {
  const victims = new Victims()
  fuzz(t, runs, fc.property(fc.uint8Array({ maxLength: 128 }), fc.nat(2), (bytes, how) => {
    victims.take((core, nowMs) => {
      if (how === 0) core.receivePacket(nowMs, 'x:1', bytes)
      else if (how === 1) core.receivePacket(nowMs, 'x:1', seal(bytes))
      else core.answerStream(nowMs, bytes)
    })
  }))
})

t.test('packets of every kind, changed outside and inside the checksum', async (t) => {
  const victims = new Victims()
  fuzz(t, runs, fc.property(fc.nat(packets.length - 1), fc.nat(bodies.length - 1), mutations, fc.boolean(), (which, donor, changes, inside) => {
    const bytes = inside ? seal(mutate(bodies[which % bodies.length]!, changes, bodies[donor]!)) : mutate(packets[which]!, changes, packets[donor]!)
    victims.take((core, nowMs) => core.receivePacket(nowMs, 'x:1', bytes))
  }))
})

t.test('streams of every kind, changed outside and inside the checksum', async (t) => {
  const victims = new Victims()
  fuzz(t, runs, fc.property(fc.nat(whole.length - 1), fc.nat(whole.length - 1), mutations, fc.boolean(), (which, donor, changes, inside) => {
    const bytes = mutate(whole[which]!, changes, whole[donor]!)
    const size = streamSizeBytes(bytes)
    if (!size.ok && size.error === '') throw new Error('refused without a reason')
    if (inside) reseal(bytes)
    victims.take((core, nowMs) => {
      core.answerStream(nowMs, bytes)
      core.streamResult(nowMs, 1, bytes)
    })
  }))
})

/** Gives a changed stream message its length and checksum again. */
function reseal(bytes: Buffer): void {
  if (bytes.length < 10) return
  bytes[0] = 0xe6
  bytes[1] = 1
  bytes.writeUInt32LE(bytes.length - 10, 6)
  bytes.writeUInt32LE(crc32(bytes.subarray(6), seed), 2)
}

t.test('packets of many messages, packets inside messages, lengths that lie', async (t) => {
  const victims = new Victims()
  const nested = fc.array(fc.nat(bodies.length - 1), { maxLength: 12 })
  fuzz(t, runs, fc.property(nested, fc.nat(3), fc.nat(0xffff), (kinds, depth, at) => {
    let packet = encodePacket(kinds.map((kind) => bodies[kind]!), seed).slice()
    for (let i = 0; i < depth; i++) packet = encodePacket([packet, bodies[i]!], seed).slice()
    // The length of some message says more or less than there is.
    const body = Buffer.from(packet.subarray(6))
    if (body.length > 0) body[at % body.length] = at >> 8
    const lying = Buffer.concat([packet.subarray(0, 6), body])
    lying.writeUInt32LE(crc32(body, seed), 2)
    victims.take((core, nowMs) => core.receivePacket(nowMs, 'x:1', lying))
  }))
})

t.test('a flood of members that do not exist fills the table and no more', async (t) => {
  const core = newCore()
  for (let i = 0; i < limits.membersMax + 1000; i++) {
    core.receivePacket(i, 'x:1', seal(encodeMessage({ kind: 'alive', name: `m${i}`, address: 'x:1', incarnation: 1, tags: {} })))
    core.takeReady()
  }
  t.equal(core.members().length, limits.membersMax)
  check(core)
})

t.test('no single message makes a member mute by a count that nobody reads on from', async (t) => {
  const max = limits.counterMax
  const claims: PacketMessage[] = [
    { kind: 'suspect', name: 'self', incarnation: max, from: 'b' }, { kind: 'dead', name: 'self', incarnation: max, from: 'b' },
    { kind: 'alive', name: 'self', address: 'self:1', incarnation: max, tags: {} }, { kind: 'alive', name: 'new', address: 'new:1', incarnation: max, tags: {} },
    { kind: 'join-intent', name: 'self', time: max }, { kind: 'leave-intent', name: 'self', time: max, prune: false },
    { kind: 'user-event', time: max, origin: 'a', name: 'e', payload: Buffer.alloc(0) },
  ]
  for (const claim of claims) {
    const core = newCore()
    core.receivePacket(1, 'x:1', seal(bodies[6]!))
    core.receivePacket(2, 'x:1', seal(encodeMessage(claim)))
    core.setTags(3, { role: 'other' })
    core.userEvent(3, 'mine', Buffer.alloc(1))
    core.leave(3)
    let told = 0
    for (let nowMs = 3; nowMs < 20_000; nowMs += 50) {
      core.tick(nowMs)
      for (const { bytes } of core.takeReady().packets) {
        const sent = parsePacket(bytes, seed)
        if (!sent.ok) t.fail(`behind ${claim.kind}: ${sent.error}`)
        else told += sent.value.length
      }
    }
    t.ok(told > 3, `behind ${claim.kind} ${told} messages were told`)
    t.ok(parseStream(core.answerStream(20_000, whole[0]!)!, seed).ok)
  }
})

t.test('what was not changed is read: the inputs above are not all refused', async (t) => {
  for (const packet of packets) t.ok(parsePacket(packet, seed).ok)
  for (const stream of whole) t.ok(parseStream(stream, seed).ok)
  let read = 0
  fc.assert(fc.property(fc.nat(bodies.length - 1), mutations, (which, changes) => {
    if (parsePacket(seal(mutate(bodies[which]!, changes, bodies[0]!)), seed).ok) read++
  }), { numRuns: 2000, seed: 1 })
  t.ok(read > 100, `${read} of 2000 changed messages still make sense to the parser`)
})
