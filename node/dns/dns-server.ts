import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { createServer, isIPv6, type AddressInfo, type Server, type Socket } from 'node:net'
import { onAnyPort } from '../base/any-port.ts'
import type { Log } from '../base/log.ts'
import type { Random } from '../base/random.ts'
import { answerMessage, type DnsOptions } from './dns-message.ts'

export interface DnsServerOptions extends DnsOptions {
  readonly host: string
  /** Of UDP and TCP alike. 0: any free one. */
  readonly port: number
  readonly random: Random
  readonly wallMs: () => number
  readonly log: Log
  /** Answers in this server's stead. Absent: it answers from the zone. */
  readonly forward?: DnsForwarder
}

/** `done` is called once, perhaps late; null: no answer. */
export type DnsForwarder = (query: Uint8Array, over: 'udp' | 'tcp', done: (reply: Uint8Array | null) => void) => void

export interface RunningDnsServer {
  readonly port: number
  close(): Promise<void>
}

/** A client that says nothing for so long is disconnected. */
const idleMs = 10_000
const connectionsMax = 256

/** DNS on sockets. Rejects with the operating system's error if it cannot listen. */
export async function startDnsServer(options: DnsServerOptions): Promise<RunningDnsServer> {
  return options.port === 0 ? await onAnyPort(() => listenOnBoth(options)) : await listenOnBoth(options)
}

async function listenOnBoth(options: DnsServerOptions): Promise<RunningDnsServer> {
  const tcp = createServer((socket) => serveConnection(socket, options))
  tcp.maxConnections = connectionsMax
  const open = new Set<Socket>()
  tcp.on('connection', (socket) => {
    open.add(socket)
    socket.once('close', () => open.delete(socket))
  })
  const port = await listen(tcp, options)
  try {
    const udp = await bind(options, port)
    return { port, close: () => close(udp, tcp, open) }
  } catch (error) {
    await new Promise((resolve) => { tcp.close(resolve) })
    throw error
  }
}

function answer(query: Uint8Array, over: 'udp' | 'tcp', options: DnsServerOptions, done: (reply: Uint8Array | null) => void): void {
  if (options.forward === undefined) done(answerMessage(query, over, options, options.random, options.wallMs()))
  else options.forward(query, over, done)
}

function bind(options: DnsServerOptions, port: number): Promise<UdpSocket> {
  const { host, log } = options
  let closed = false
  const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4')
  socket.on('message', (bytes, { address, port: from }) => {
    answer(bytes, 'udp', options, (reply) => {
      // Lost answers are asked for again.
      if (reply !== null && !closed) socket.send(reply, from, address, () => {})
    })
  })
  socket.once('close', () => { closed = true })
  return new Promise((resolve, reject) => {
    socket.once('error', (error) => {
      socket.close()
      reject(error)
    })
    socket.bind({ address: host, port, exclusive: true }, () => {
      socket.removeAllListeners('error')
      socket.on('error', (error) => log.error('the DNS server failed', { reason: error.message }))
      resolve(socket)
    })
  })
}

/** Messages one behind another, each behind its length (RFC 1035 §4.2.2). */
function serveConnection(socket: Socket, options: DnsServerOptions): void {
  let received: Buffer = Buffer.alloc(0)
  socket.setTimeout(idleMs, () => socket.destroy())
  socket.on('error', () => socket.destroy())
  const answerReceived = () => {
    while (received.length >= 2) {
      const end = 2 + received.readUInt16BE(0)
      if (received.length < end) return
      const query = received.subarray(2, end)
      received = received.subarray(end)
      let taken = true
      answer(query, 'tcp', options, (reply) => {
        if (socket.destroyed) return
        if (reply === null) return void socket.destroy()
        const length = Buffer.alloc(2)
        length.writeUInt16BE(reply.length)
        taken = socket.write(Buffer.concat([length, reply]))
        // Who does not take the answers is not read from, nor answered what has come already: they must not pile up here.
        if (!taken) socket.pause()
      })
      if (!taken || socket.destroyed) return
    }
  }
  socket.on('data', (chunk: Buffer) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk])
    answerReceived()
  })
  socket.on('drain', () => {
    socket.resume()
    answerReceived()
  })
}

function listen(server: Server, { host, port, log }: DnsServerOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port, exclusive: true }, () => {
      server.removeListener('error', reject)
      server.on('error', (error) => log.error('the DNS server failed', { reason: error.message }))
      resolve((server.address() as AddressInfo).port)
    })
  })
}

async function close(udp: UdpSocket, tcp: Server, open: ReadonlySet<Socket>): Promise<void> {
  const closed = [new Promise<void>((resolve) => { udp.close(() => resolve()) }), new Promise<void>((resolve) => { tcp.close(() => resolve()) })]
  for (const socket of open) socket.destroy()
  await Promise.all(closed)
}
