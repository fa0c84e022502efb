import { createHash, randomBytes } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { Socket } from 'node:net'
import t from 'tap'
import { listenForBoth } from './both-protocols.ts'
import { Gate } from './gate.ts'
import { LinkProxy } from './link-proxy.ts'

type Tap = { teardown(handler: () => unknown): void }

const host = '127.0.0.1'

/** A server that keeps what came in, in front of it a proxy whose gates the test holds. */
async function link(t: Tap, udp = false) {
  const received: Buffer[] = []
  const served: Socket[] = []
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    served.push(socket)
    socket.on('data', (chunk: Buffer) => received.push(chunk)).on('error', () => {})
  })
  const datagrams = createSocket('udp4')
  const port = await listenForBoth(host, server, datagrams)
  datagrams.on('message', (data, from) => { received.push(data); datagrams.send(`re:${data}`, from.port, from.address) })
  const forward = new Gate()
  const backward = new Gate()
  const proxy = await LinkProxy.open({
    host, udp: udp ? { forward, backward } : null, target: { host, port }, forward, backward,
    probeMark: Buffer.from('PROBE'), probeTarget: { host, port: 1 },
  })
  const dialled: Socket[] = []
  t.teardown(() => {
    proxy.close()
    server.close()
    datagrams.close()
    for (const socket of [...served, ...dialled]) socket.destroy()
  })
  return {
    forward, backward, proxy, received, served, server,
    text: () => Buffer.concat(received).toString(),
    async dial() {
      const socket = connect({ ...proxy.endpoint, allowHalfOpen: true })
      dialled.push(socket)
      const answers: Buffer[] = []
      const events: string[] = []
      socket.on('data', (chunk: Buffer) => answers.push(chunk)).on('end', () => events.push('end'))
        .on('error', (error: NodeJS.ErrnoException) => events.push(error.code ?? '')).on('close', () => events.push('close'))
      await once(socket, 'connect')
      return { socket, events, text: () => Buffer.concat(answers).toString() }
    },
  }
}

async function until(what: string, condition: () => boolean, deadlineMs = 60_000): Promise<void> {
  const endMs = performance.now() + deadlineMs
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(`not within ${deadlineMs} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

/** Long enough for whatever is free to pass on loopback: an exchange over another link that began after it. */
async function settle(t: Tap): Promise<void> {
  const control = await link(t)
  for (let round = 0; round < 3; round++) {
    const { socket, text } = await control.dial()
    control.received.length = 0
    socket.write('control')
    await until('the control arrives', () => control.text() === 'control')
    control.served.at(-1)!.write('back')
    await until('the control returns', () => text() === 'back')
  }
}

t.test('bytes pass both ways, and a half-open connection stays half open', async (t) => {
  const { dial, served, text } = await link(t)
  const client = await dial()
  client.socket.end('question')
  await until('the question', () => text() === 'question')
  await until('the end', () => served[0]!.readableEnded)
  served[0]!.write('late ')
  served[0]!.end('answer')
  await until('the answer', () => client.text() === 'late answer' && client.events.includes('close'))
  t.same(client.events, ['end', 'close'])
})

t.test('many bytes arrive intact, both ways, through cuts and delays', async (t) => {
  const { dial, served, received, forward, backward } = await link(t)
  const sent = randomBytes(24 * 1024 * 1024)
  const digest = (data: Buffer) => createHash('sha256').update(data).digest('hex')
  const client = await dial()
  const answers: Buffer[] = []
  client.socket.on('data', (chunk: Buffer) => answers.push(chunk))
  client.socket.write('x')
  await until('a connection', () => served.length === 1)
  client.socket.write(sent)
  served[0]!.write(sent)
  const cut = Symbol()
  let cuts = 0
  for (const gate of [forward, backward, forward, backward]) {
    const before = gate.passedBytes
    await until('progress', () => gate.passedBytes > before || gate.passedBytes >= sent.length)
    gate.cut(cut)
    const atCut = gate.passedBytes
    if (atCut < sent.length) cuts++
    await settle(t)
    t.equal(gate.passedBytes, atCut, 'nothing passes a shut gate')
    gate.heal(cut)
    gate.delay(gate.delayMs === 0 ? 3 : 0)
  }
  t.ok(cuts > 0, `${cuts} cuts in the middle`)
  await until('all of it', () => forward.passedBytes === sent.length + 1 && backward.passedBytes === sent.length, 20_000)
  await until('all received', () => received.reduce((sum, chunk) => sum + chunk.length, 0) === sent.length + 1
    && answers.reduce((sum, chunk) => sum + chunk.length, 0) === sent.length)
  t.equal(digest(Buffer.concat(received).subarray(1)), digest(sent))
  t.equal(digest(Buffer.concat(answers)), digest(sent))
})

t.test('each direction is cut alone; what was held flows on after healing', async (t) => {
  const { dial, served, text, forward, backward } = await link(t)
  const client = await dial()
  client.socket.write('a')
  await until('a', () => text() === 'a')
  const cut = Symbol()

  forward.cut(cut)
  client.socket.write('b')
  served[0]!.write('1')
  await until('1 comes back while the way there is cut', () => client.text() === '1')
  await settle(t)
  t.equal(text(), 'a')
  forward.heal(cut)
  await until('b', () => text() === 'ab')

  backward.cut(cut)
  served[0]!.write('2')
  client.socket.write('c')
  await until('c arrives while the way back is cut', () => text() === 'abc')
  await settle(t)
  t.equal(client.text(), '1')
  backward.heal(cut)
  await until('2', () => client.text() === '12')
})

t.test('overlapping cuts heal separately', async (t) => {
  const { dial, text, forward } = await link(t)
  const client = await dial()
  const [first, second] = [Symbol(), Symbol()]
  forward.cut(first)
  forward.cut(second)
  client.socket.write('a')
  forward.heal(first)
  forward.heal(first)
  await settle(t)
  t.equal(text(), '', 'the second still holds it')
  forward.heal(second)
  await until('a', () => text() === 'a')
})

t.test('a connection made during a cut reaches nobody, and comes up after it', async (t) => {
  const { dial, served, text, forward, proxy } = await link(t)
  const cut = Symbol()
  forward.cut(cut)
  const patient = await dial()
  const hasty = await dial()
  patient.socket.write('hello')
  hasty.socket.write('never mind')
  await until('both are held', () => proxy.tcp.acceptedConnections === 2)
  hasty.socket.destroy()
  await settle(t)
  t.equal(served.length, 0)
  forward.heal(cut)
  await until('hello', () => text() === 'hello')
  await settle(t)
  t.equal(served.length, 1, 'who gave up during the cut was never there')
  t.equal(text(), 'hello')
})

t.test('the end and the death of a side do not cross a cut either', async (t) => {
  for (const [how, close, expected] of [
    ['end', (socket: Socket) => socket.end(), ['end']],
    ['reset', (socket: Socket) => socket.resetAndDestroy(), ['ECONNRESET', 'close']],
  ] as const) {
    const { dial, served, text, backward } = await link(t)
    const client = await dial()
    client.socket.write('a')
    await until('a', () => text() === 'a')
    const cut = Symbol()
    backward.cut(cut)
    close(served[0]!)
    await settle(t)
    t.same(client.events, [], `${how}: not yet`)
    backward.heal(cut)
    await until(how, () => client.events.length >= expected.length)
    t.same(client.events, expected)
  }
})

t.test('a dead target resets the connection', async (t) => {
  const { dial, server } = await link(t)
  server.close()
  await once(server, 'close')
  const client = await dial()
  client.socket.write('a')
  await until('a reset', () => client.events.includes('close'))
  t.same(client.events, ['ECONNRESET', 'close'])
})

t.test('delay holds every chunk back, in order', async (t) => {
  const { dial, served, text, forward, backward } = await link(t)
  const client = await dial()
  client.socket.write('0')
  await until('0', () => text() === '0')
  const delayMs = 300
  forward.delay(delayMs)
  backward.delay(delayMs)
  const startMs = performance.now()
  for (const digit of '123456789') {
    client.socket.write(digit)
    await new Promise((resolve) => setImmediate(resolve))
  }
  await until('all digits', () => text() === '0123456789')
  const oneWayMs = performance.now() - startMs
  t.ok(oneWayMs >= delayMs && oneWayMs < 6 * delayMs, `nine chunks together, not one after the other: ${oneWayMs} ms`)
  const backMs = performance.now()
  served[0]!.write('x')
  await until('x', () => client.text() === 'x')
  t.ok(performance.now() - backMs >= delayMs - 1)
})

t.test('behind a cut, backpressure reaches the sender', async (t) => {
  const { dial, text, forward } = await link(t)
  const client = await dial()
  client.socket.write('a')
  await until('a', () => text() === 'a')
  forward.cut(Symbol())
  const chunk = Buffer.alloc(1024 * 1024)
  for (let i = 0; i < 64; i++) client.socket.write(chunk)
  let lastLength = -1
  await until('the sender is stuck', () => {
    const stuck = client.socket.writableLength === lastLength
    lastLength = client.socket.writableLength
    return stuck
  })
  t.ok(client.socket.writableLength > 16 * chunk.length, `${client.socket.writableLength} bytes wait at the sender`)
})

t.test('datagrams: pass and are answered, are lost in a cut, take their delay', async (t) => {
  const { proxy, received, forward, backward } = await link(t, true)
  t.not(proxy.udp, null)
  const answers: string[] = []
  const client = createSocket('udp4').on('message', (data) => answers.push(String(data)))
  t.teardown(() => client.close())
  const send = (text: string) => client.send(text, proxy.endpoint.port, proxy.endpoint.host)
  const text = () => Buffer.concat(received).toString()
  send('a')
  await until('an answer', () => answers.join() === 're:a')
  const cut = Symbol()
  forward.cut(cut)
  send('b')
  await settle(t)
  forward.heal(cut)
  backward.cut(cut)
  send('c')
  await until('c', () => text() === 'ac')
  await settle(t)
  backward.heal(cut)
  t.equal(answers.join(), 're:a', 'neither what met the cut nor its answer')
  forward.delay(50)
  const startMs = performance.now()
  send('d')
  await until('d is answered', () => answers.join() === 're:a,re:d')
  t.ok(performance.now() - startMs >= 49)
  send('e')
  forward.cut(cut)
  await settle(t)
  await until('the delay is over', () => performance.now() - startMs > 150)
  t.equal(text(), 'acd', 'a datagram on its way when the cut came is lost')
})
