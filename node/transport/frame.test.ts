import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { decodeGreeting, encodeFrame, encodeGreeting, frameBodyBytes, FrameReader } from './frame.ts'

const limit = 1_000_000

/** Feeds `bytes` in pieces cut at the given places. */
function feed(reader: FrameReader, bytes: Buffer, cuts: readonly number[]): unknown[] {
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  return places.slice(1).flatMap((end, i) => reader.read(bytes.subarray(places[i]!, end)))
}

const message = fc.record({ kind: fc.string(), term: fc.maxSafeNat(), data: fc.uint8Array({ maxLength: 300 }), nested: fc.array(fc.record({ ok: fc.boolean(), from: fc.option(fc.string()) })) })
const plain = (value: unknown) => JSON.stringify(value, (_key, inner: unknown) =>
  inner instanceof Uint8Array ? [...inner] : (inner as { type?: string, data?: unknown } | null)?.type === 'Buffer' ? (inner as { data: unknown }).data : inner)

t.test('frames come out as they went in, however the stream is cut', async (t) => {
  fc.assert(fc.property(fc.array(fc.array(message, { maxLength: 4 }), { maxLength: 6, size: 'max' }), fc.array(fc.nat(), { maxLength: 12, size: 'max' }), (frames, cuts) => {
    const stream = Buffer.concat(frames.map((messages) => encodeFrame(messages)))
    assert.equal(plain(feed(new FrameReader(limit), stream, cuts)), plain(frames.flat()))
  }), { numRuns: 300 })
  t.pass()
})

t.test('binary data come back as bytes, also large ones', async (t) => {
  const data = new Uint8Array(700_000).fill(5)
  const frame = encodeFrame([{ data }, { data: Buffer.from('x') }])
  t.equal(frame.readUInt32LE(0), frameBodyBytes(frame))
  const [large, small] = new FrameReader(limit).read(frame) as { data: Uint8Array }[]
  t.ok(large!.data instanceof Uint8Array && Buffer.compare(large!.data, data) === 0)
  t.ok(small!.data instanceof Uint8Array)
})

t.test('a frame that is kept does not change when later ones are encoded', async (t) => {
  const first = encodeFrame([{ text: 'first' }])
  const copy = Buffer.from(first)
  for (let i = 0; i < 1000; i++) encodeFrame([{ text: 'x'.repeat(i) }])
  t.ok(first.equals(copy))
})

t.test('a frame above the limit is refused by its length alone', async (t) => {
  const header = Buffer.alloc(4)
  header.writeUInt32LE(limit + 1)
  t.throws(() => new FrameReader(limit).read(header), { name: 'ProtocolError', message: /1000001 bytes is above the limit of 1000000/ })
})

t.test('what is no list of messages is refused', async (t) => {
  const body = Buffer.from([0x81, 0xa1, 0x61, 0x01])
  t.throws(() => new FrameReader(limit).read(Buffer.concat([Buffer.from([4, 0, 0, 0]), body])), { name: 'ProtocolError', message: /no list|not a list/ })
  t.throws(() => new FrameReader(limit).read(Buffer.from([2, 0, 0, 0, 0x92, 0x01])), { name: 'ProtocolError', message: /no msgpack/ })
})

t.test('random frames end in messages or a ProtocolError, never another error', async (t) => {
  const reader = () => new FrameReader(limit)
  const survives = (bytes: Buffer, cuts: readonly number[]) => {
    try {
      feed(reader(), bytes, cuts)
    } catch (error) {
      assert.equal((error as Error).name, 'ProtocolError', String(error))
    }
    // The codec is shared: garbage must not spoil it for others.
    assert.equal(plain(reader().read(encodeFrame([{ a: 1 }]))), plain([{ a: 1 }]))
  }
  fc.assert(fc.property(fc.uint8Array({ minLength: 1, maxLength: 80, size: 'max' }), fc.array(fc.nat()), (body, cuts) => {
    const header = Buffer.alloc(4)
    header.writeUInt32LE(body.length)
    survives(Buffer.concat([header, body]), cuts)
  }), { numRuns: 3000 })
  fc.assert(fc.property(fc.array(message, { minLength: 1 }), fc.nat(), fc.nat(255), (messages, at, byte) => {
    const frame = Buffer.from(encodeFrame(messages))
    frame[at % frame.length] = byte
    survives(frame, [])
  }), { numRuns: 1000 })
  t.pass()
})

t.test('greetings', async (t) => {
  const bytes = encodeGreeting({ cluster: 'c', address: '10.0.0.1:8300' })
  t.same(bytes.keys().filter((cut) => decodeGreeting(bytes.subarray(0, cut)) !== null).toArray(), [], 'no part is taken for the whole')
  t.same(decodeGreeting(Buffer.concat([bytes, Buffer.from('more')])), { greeting: { cluster: 'c', address: '10.0.0.1:8300' }, sizeBytes: bytes.length })
  t.throws(() => decodeGreeting(Buffer.from('GET / HTTP/1.1\r\n')), { name: 'ProtocolError', message: /no greeting.*GET/ })
  const other = Buffer.from(bytes)
  other[8] = 9
  t.throws(() => decodeGreeting(other), { message: /protocol version 9/ })
  other[8] = 1
  other.writeUInt16LE(60_000, 9)
  t.throws(() => decodeGreeting(other), { message: /60000 bytes/ })
  t.throws(() => encodeGreeting({ cluster: 'c'.repeat(2000), address: 'a' }), { name: 'ProtocolError' })
})
