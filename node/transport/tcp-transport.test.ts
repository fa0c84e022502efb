import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { silentLog, type Log } from '../base/log.ts'
import { freePort } from '../testing/free-port.ts'
import { encodeFrame, encodeGreeting, welcome } from './frame.ts'
import { tcpTransport, type TcpTransport, type TcpTransportOptions } from './tcp-transport.ts'

/** Waits for a condition; fails with what was waited for. */
async function until(what: string, condition: () => boolean, timeoutMs = 60_000): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs
  while (!condition()) {
    if (performance.now() > deadlineMs) throw new Error(`waited ${timeoutMs} ms in vain until ${what}`)
    await delay(5)
  }
}

interface Peer {
  readonly transport: TcpTransport
  readonly received: unknown[]
  readonly lost: string[]
  readonly unsent: unknown[]
  readonly warnings: string[]
}

async function start(t: Test, options: Partial<TcpTransportOptions> = {}): Promise<Peer> {
  const warnings: string[] = []
  const log: Log = { ...silentLog, warn: (message, fields) => warnings.push(`${message}: ${String(fields?.reason ?? fields?.answer)}`), error: (message) => warnings.push(message) }
  const transport = await tcpTransport({ bindHost: '127.0.0.1', bindPort: 0, log, ...options })
  t.teardown(() => transport.close())
  const received: unknown[] = []
  const lost: string[] = []
  transport.onMessage((message) => received.push(message))
  transport.onPeerLost((address) => lost.push(address))
  const unsent: unknown[] = []
  transport.onUnsent((_address, messages) => unsent.push(...messages))
  return { transport, received, lost, unsent, warnings }
}

/** A listener on a free port that does what the test says. */
async function listener(t: Test, onSocket: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>()
  const server: Server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    onSocket(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** A raw connection to a transport, and whether that has closed it. */
function raw(t: Test, address: string): { socket: Socket, closed: () => boolean } {
  const socket = connect(Number(address.split(':')[1]), '127.0.0.1')
  let closed = false
  socket.on('error', () => {})
  socket.on('close', () => { closed = true })
  socket.resume()
  t.teardown(() => socket.destroy())
  return { socket, closed: () => closed }
}

t.test('two transports exchange messages, in order, one connection each way', async (t) => {
  const [a, b] = [await start(t), await start(t)]
  for (let i = 0; i < 100; i++) a.transport.send(b.transport.address, { i, data: new Uint8Array([i]) })
  b.transport.send(a.transport.address, 'hello')
  await until('all have come', () => b.received.length === 100 && a.received.length === 1)
  t.same(b.received.map((message) => (message as { i: number }).i), Array.from({ length: 100 }, (_, i) => i))
  const { data } = b.received[7] as { data: Uint8Array }
  t.ok(data instanceof Uint8Array && data[0] === 7)
  t.match(a.transport.stats(), { connectionsDialled: 1, connectionsAccepted: 1, messagesSent: 100, messagesReceived: 1, messagesDropped: 0 })
  const large = new Uint8Array(5_000_000).fill(3)
  a.transport.send(b.transport.address, large)
  await until('a large message has come', () => b.received.length === 101)
  t.equal(Buffer.compare(b.received[100] as Uint8Array, large), 0)
})

t.test('what one tick sends is one frame', async (t) => {
  const chunks: Buffer[] = []
  const address = await listener(t, (socket) => {
    socket.write(welcome)
    socket.on('data', (chunk) => chunks.push(chunk as Buffer))
  })
  const a = await start(t)
  a.transport.send(address, 'dial')
  await until('it is connected', () => chunks.length > 0)
  await delay(0)
  chunks.length = 0
  for (const message of ['one', 'two', 'three']) a.transport.send(address, message)
  const expected = encodeFrame(['one', 'two', 'three'])
  await until('the frame has come', () => Buffer.concat(chunks).length >= expected.length)
  t.ok(Buffer.concat(chunks).equals(expected))
})

t.test('each direction stands alone', async (t) => {
  // A proxy in front of b that can be cut; a is reached directly.
  let cut = false
  const b = await start(t, { backoffMsMax: 100 })
  const proxied = new Set<Socket>()
  const proxy = await listener(t, (socket) => {
    if (cut) return void socket.destroy()
    const onward = connect(Number(b.transport.address.split(':')[1]), '127.0.0.1')
    t.teardown(() => onward.destroy())
    onward.on('error', () => {})
    proxied.add(socket)
    socket.pipe(onward).pipe(socket)
    socket.on('close', () => onward.destroy())
  })
  const a = await start(t, { dialMap: { [b.transport.address]: proxy }, backoffMsMax: 100 })
  a.transport.send(b.transport.address, 1)
  b.transport.send(a.transport.address, 2)
  await until('both have heard', () => a.received.length === 1 && b.received.length === 1)
  // A message may come before its sender is welcomed; who is not welcomed has nothing to lose.
  await until('both are welcome', () => a.transport.stats().connectionsWelcomed === 1 && b.transport.stats().connectionsWelcomed === 1)
  cut = true
  for (const socket of proxied) socket.destroy()
  await until('both know', () => a.lost.length > 0 && b.lost.length > 0)
  t.same([a.lost, b.lost], [[b.transport.address], [a.transport.address]])
  a.transport.send(b.transport.address, 'lost')
  b.transport.send(a.transport.address, 'still there')
  await until('the other direction works', () => a.received.includes('still there'))
  t.equal(b.received.length, 1)
  cut = false
  await until('the healed direction works again', () => {
    a.transport.send(b.transport.address, 'again')
    return b.received.includes('again')
  })
})

t.test('a peer that restarts is found again, and its death is told', async (t) => {
  const a = await start(t)
  // Of a port of the system's own, another connection could have it before the second does.
  const bindPort = await freePort()
  const first = await start(t, { bindPort })
  const { address } = first.transport
  a.transport.send(address, 'before')
  first.transport.send(a.transport.address, 'hi')
  await until('they know each other', () => first.received.length === 1 && a.received.length === 1)
  first.transport.close()
  await until('the death is told', () => a.lost.length > 0)
  t.ok(a.lost.every((lost) => lost === address))
  t.same(first.lost, [], 'not for the own close')
  a.transport.send(address, 'nobody is there')
  const second = await start(t, { bindPort })
  await until('it is reached', () => {
    a.transport.send(address, 'after')
    return second.received.includes('after')
  })
})

t.test('a peer that is not there costs bounded memory and is not dialled without need', async (t) => {
  let dials = 0
  const gone = await listener(t, (socket) => {
    dials++
    socket.destroy()
  })
  const a = await start(t, { queueMessagesMax: 10, backoffMsMin: 20, backoffMsMax: 40 })
  for (let i = 0; i < 100; i++) a.transport.send(gone, i)
  t.equal(a.transport.stats().messagesDropped, 90, 'the newest are dropped at once')
  await until('the rest is dropped with the connection', () => a.transport.stats().messagesDropped + a.transport.stats().messagesSent === 100)
  const before = dials
  await delay(150)
  t.equal(dials, before, 'with nothing to send nobody dials')
  await until('it is tried again for something new', () => {
    a.transport.send(gone, 'x')
    return dials > before
  })
  t.same(a.lost, [], 'it was never established')
  a.transport.send('no address', 'x')
  t.match(a.warnings.join(), /not host:port/)
})

t.test('says of each dropped message that it was never sent, and of no other', async (t) => {
  const closed = await start(t)
  const address = closed.transport.address
  closed.transport.close()
  const a = await start(t, { queueMessagesMax: 3 })
  for (const message of ['a', 'b', 'c', 'd']) a.transport.send(address, message)
  t.same(a.unsent, ['d'], 'no room')
  await until('the dial failed', () => a.unsent.length === 4)
  t.same(a.unsent, ['d', 'a', 'b', 'c'])
  a.transport.send(address, 'e')
  t.same(a.transport.takeUnsent(address), ['e'])
  t.same(a.transport.takeUnsent(address), [])
  const there = await start(t)
  a.transport.send(there.transport.address, 'f')
  await until('it has come', () => there.received.includes('f'))
  there.transport.close()
  await until('the connection is lost', () => a.lost.length > 0)
  t.notOk(a.unsent.includes('e') || a.unsent.includes('f'), 'what was taken back or sent is not told')
  t.same(a.transport.takeUnsent('nobody:1'), [])
})

t.test('a connection on which nothing arrives any more is given up', async (t) => {
  const sockets: Socket[] = []
  const silent = await listener(t, (socket) => {
    sockets.push(socket)
    socket.write(welcome)
  })
  const a = await start(t, { stallTimeoutMs: 50 })
  a.transport.send(silent, 'x')
  await until('it is given up', () => a.lost.length === 1)
  t.equal(a.transport.stats().connectionsStalled, 1)
  a.transport.send(silent, 'y')
  await until('it is dialled anew', () => sockets.length === 2)

  const mute = await listener(t, () => {})
  const b = await start(t, { connectTimeoutMs: 50 })
  b.transport.send(mute, 'x')
  await until('without a welcome too', () => b.transport.stats().messagesSent === 1)
  const dialled = () => b.transport.stats().connectionsDialled
  await until('it is dialled anew', () => {
    b.transport.send(mute, 'y')
    return dialled() > 1
  })
  t.same(b.lost, [])
})

t.test('a connection with reports lives on, busy or idle', async (t) => {
  const b = await start(t, { receivedReportMs: 10 })
  const a = await start(t, { stallTimeoutMs: 200 })
  for (let i = 0; i < 60; i++) {
    a.transport.send(b.transport.address, i)
    await delay(5)
  }
  // Longer than a stall, twice over.
  await delay(500)
  a.transport.send(b.transport.address, 60)
  await until('all have come', () => b.received.length === 61)
  t.match(a.transport.stats(), { connectionsDialled: 1, connectionsStalled: 0 })
})

t.test('a process that was paused longer than a stall keeps its connections', async (t) => {
  const b = await start(t, { receivedReportMs: 10 })
  const a = await start(t, { stallTimeoutMs: 100 })
  a.transport.send(b.transport.address, 1)
  await until('it has come', () => b.received.length === 1)
  a.transport.send(b.transport.address, 2)
  await delay(0)
  const untilMs = performance.now() + 300
  while (performance.now() < untilMs);
  await until('it has come too', () => b.received.length === 2)
  await delay(50)
  t.match(a.transport.stats(), { connectionsDialled: 1, connectionsStalled: 0 })
})

t.test('strangers are turned away with a line in the log', async (t) => {
  const b = await start(t, { frameBytesMax: 1000, greetingTimeoutMs: 100 })
  const greeting = encodeGreeting({ cluster: 'splitbrain', address: '127.0.0.1:1' })
  const oversized = Buffer.alloc(4)
  oversized.writeUInt32LE(1001)
  const cases: [what: string, bytes: Buffer, warning: RegExp][] = [
    ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\n\r\n'), /no greeting of a server/],
    ['another cluster', encodeGreeting({ cluster: 'other', address: 'x:1' }), /belongs to cluster "other"/],
    ['nothing at all', Buffer.alloc(0), /no greeting within 100 ms/],
    ['an oversized frame', Buffer.concat([greeting, oversized]), /1001 bytes is above the limit/],
    ['a frame of garbage', Buffer.concat([greeting, Buffer.from([2, 0, 0, 0, 0x92, 0x01])]), /no msgpack/],
  ]
  for (const [what, bytes, warning] of cases) {
    const { socket, closed } = raw(t, b.transport.address)
    socket.write(bytes)
    await until(`${what} is turned away`, closed)
    t.match(b.warnings.at(-1), warning, what)
  }
  t.equal(b.transport.stats().connectionsRefused, cases.length)
  t.same(b.received, [])

  const stranger = await listener(t, (socket) => void socket.write('220 mail.example ESMTP\r\n'))
  b.transport.send(stranger, 'x')
  await until('a stranger that is dialled is noticed', () => b.warnings.some((line) => line.includes('220 mail')))
})

t.test('a message above the limit is dropped, and those around it arrive', async (t) => {
  const [a, b] = [await start(t, { frameBytesMax: 1000 }), await start(t, { frameBytesMax: 1000 })]
  for (const message of ['one', 'x'.repeat(2000), 'two', 'y'.repeat(900), 'z'.repeat(900)]) a.transport.send(b.transport.address, message)
  await until('the others have come', () => b.received.length === 4)
  t.same(b.received.map((message) => (message as string).slice(0, 3)), ['one', 'two', 'yyy', 'zzz'])
  t.match(a.warnings.join(), /above the frame limit/)
})

t.test('a peer that dials again replaces its older connection, and is not called lost', async (t) => {
  const b = await start(t)
  const greeting = encodeGreeting({ cluster: 'splitbrain', address: '127.0.0.1:9' })
  const older = raw(t, b.transport.address)
  older.socket.write(greeting)
  older.socket.write(encodeFrame(['old']))
  await until('the first is greeted', () => b.received.length === 1)
  const newer = raw(t, b.transport.address)
  newer.socket.write(Buffer.concat([greeting, encodeFrame(['new'])]))
  await until('the older is closed', older.closed)
  t.same(b.lost, [])
  newer.socket.destroy()
  await until('then it is lost', () => b.lost.length === 1)
  t.same(b.lost, ['127.0.0.1:9'])
})

t.test('random bytes never crash a transport', async (t) => {
  const b = await start(t, { frameBytesMax: 10_000 })
  const greeting = encodeGreeting({ cluster: 'splitbrain', address: '127.0.0.1:1' })
  await fc.assert(fc.asyncProperty(fc.boolean(), fc.boolean(), fc.uint8Array({ maxLength: 200, size: 'max' }), async (greeted, framed, bytes) => {
    const { socket, closed } = raw(t, b.transport.address)
    const header = Buffer.alloc(4)
    header.writeUInt32LE(bytes.length)
    socket.end(Buffer.concat([...greeted ? [greeting] : [], ...framed ? [header] : [], bytes]))
    await until('the connection is over', closed)
  }), { numRuns: 100 })
  b.received.length = 0
  const a = await start(t)
  a.transport.send(b.transport.address, 'alive')
  await until('it still works', () => b.received.includes('alive'))
})
