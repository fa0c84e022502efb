import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { pipeline } from 'node:stream'
import { gzip } from 'node:zlib'
import type { Log } from '../base/log.ts'
import { ClientConnections } from '../base/client-connections.ts'
import { AnswerBudget } from './answer-budget.ts'
import type { ApiHandler, ApiRequest, ApiResponse } from './exchange.ts'
import { bodyTooLarge } from './kv.ts'
import { type ApiLimits, bodyBytesMax, defaultApiLimits } from './limits.ts'
import { ReadTurns } from './read-turns.ts'
import { RequestTurns } from './request-turns.ts'
import { archiveBytesMax, snapshotPath } from './snapshot.ts'

export interface HttpServerOptions {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  readonly handle: ApiHandler
  readonly log: Log
  /** Default: Consul's. */
  readonly limits?: Partial<ApiLimits>
  /** A request's line and headers must be there within this, its body too within six times this. */
  readonly headersTimeoutMs?: number
  /** What answers that clients do not read may take together; see `answer-budget.ts`. */
  readonly unreadAnswerBytesMax?: number
}

export interface RunningHttpServer {
  readonly port: number
  /** Stops accepting, lets open requests be answered for a moment, then closes what is left. */
  close(): Promise<void>
}

/** One body is an archive of the whole state, and is handed over in the pieces in which it came. */
function isArchive(request: IncomingMessage): boolean {
  return request.method === 'PUT' && targetOf(request).split('?', 1)[0] === snapshotPath
}

/** Below, packing costs more than it saves. (Consul packs everything, even 16 bytes.) */
const gzipBytesMin = 1024
const closeGraceMs = 500
/** What may wait for a slow reader of a stream, beside what the kernel holds. */
const streamBacklogBytesMax = 64 * 1024
/** As Go's server: keys may be longer than what Node takes by default (16 KiB). */
const headerBytesMax = 1024 * 1024
const longTextBytes = 256 * 1024
const headersTimeoutMsDefault = 20_000
const unreadAnswerBytesMaxDefault = 512 * 1024 * 1024
/** A client may send so much without waiting for answers. */
const pipelinedRequestsMax = 1024
const pipelinedBodyBytesMax = 4 * 1024 * 1024
/** Of one whose length is not told. */
const chunkedBytesAssumed = 64 * 1024
/** For a refused client to read why. */
const refusalMs = 200

/** What the requests of one server share. */
interface Edge {
  readonly handle: ApiHandler
  readonly limits: ApiLimits
  readonly turns: RequestTurns
  readonly reads: ReadTurns
  readonly budget: AnswerBudget
  /** Connections that were told that they are too many. */
  readonly refused: WeakSet<object>
}

/** The API on a socket. Rejects with the operating system's error if it cannot listen. */
export async function startHttpServer(options: HttpServerOptions): Promise<RunningHttpServer> {
  const headersTimeout = options.headersTimeoutMs ?? headersTimeoutMsDefault
  const limits = { ...defaultApiLimits, ...options.limits }
  const edge: Edge = {
    handle: options.handle, limits, turns: new RequestTurns(pipelinedRequestsMax, pipelinedBodyBytesMax), reads: new ReadTurns(),
    budget: new AnswerBudget(options.unreadAnswerBytesMax ?? unreadAnswerBytesMaxDefault), refused: new WeakSet(),
  }
  const timeouts = { keepAliveTimeout: 120_000, headersTimeout, requestTimeout: 6 * headersTimeout, connectionsCheckingInterval: Math.min(5000, headersTimeout / 4) }
  const server = createServer({ ...timeouts, maxHeaderSize: headerBytesMax }, (request, response) => serve(request, response, edge, false))
  // A client that asks first is spared sending what would be refused.
  server.on('checkContinue', (request, response) => serve(request, response, edge, true))
  limitConnections(server, edge, options.log)
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const status = error.code === 'HPE_HEADER_OVERFLOW' ? '431 Request Header Fields Too Large'
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? '408 Request Timeout' : '400 Bad Request'
    if (socket.writable) socket.end(`HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n${status}`)
    else socket.destroy()
  })
  await listen(server, options)
  return { port: (server.address() as AddressInfo).port, close: () => close(server) }
}

/**
 * Who has as many connections as it may is told so on the next, which is
 * closed. (Consul 1.8 closes it without a word, later ones answer as here.)
 */
function limitConnections(server: Server, { limits, refused }: Edge, log: Log): void {
  const clients = new ClientConnections(limits.connectionsPerClientMax)
  let refusedCount = 0
  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? ''
    const leave = clients.enter(address)
    if (leave !== null) return void socket.once('close', leave)
    refused.add(socket)
    refusedCount++
    // Powers of two: a flood of connections must not become a flood of lines.
    if ((refusedCount & (refusedCount - 1)) === 0) log.warn('HTTP connection refused', { client: address, connections: limits.connectionsPerClientMax, refusedSoFar: refusedCount })
    const body = 'Your IP is issuing too many concurrent connections, please rate limit your calls\n'
    socket.end(`HTTP/1.1 429 Too Many Requests\r\nContent-Type: text/plain\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`)
    const timer = setTimeout(() => socket.destroy(), refusalMs)
    socket.once('close', () => clearTimeout(timer))
  })
}

function serve(request: IncomingMessage, response: ServerResponse, edge: Edge, asksToContinue: boolean): void {
  const { socket } = request
  if (edge.refused.has(socket)) return
  // A client that goes away in the middle of its request asked for nothing.
  request.on('error', () => {})
  const declaredBytes = declaredBodyBytes(request)
  const heldBytes = declaredBytes > 0 ? declaredBytes : request.headers['transfer-encoding'] === undefined ? 0 : chunkedBytesAssumed
  edge.turns.take(socket, response, heldBytes, () => begin(request, response, edge, declaredBytes, asksToContinue))
}

function begin(request: IncomingMessage, response: ServerResponse, edge: Edge, declaredBytes: number, asksToContinue: boolean): void {
  const { handle, limits, reads } = edge
  const target = targetOf(request)
  const bytesMax = isArchive(request) ? archiveBytesMax : bodyBytesMax(target, limits)
  if (declaredBytes > bytesMax) return refuseBody(request, response, declaredBytes, bytesMax)
  if (asksToContinue) response.writeContinue()
  const respond = (answer: ApiResponse) => send(request, response, answer, edge)
  // Neither a length nor chunks: there is no body.
  if (declaredBytes === 0 && request.headers['transfer-encoding'] === undefined) {
    request.resume()
    const go = () => { if (!response.destroyed) handle(apiRequest(request, response, noBody), respond) }
    return request.method === 'GET' ? reads.take(go) : go()
  }
  const chunks: Buffer[] = []
  let bytes = 0
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > bytesMax) {
      // Consul does not limit chunked bodies; here nothing is unbounded.
      request.removeAllListeners('data').removeAllListeners('end')
      return refuseBody(request, response, bytes, bytesMax)
    }
    chunks.push(chunk)
  })
  if (isArchive(request)) request.on('end', () => handle({ ...apiRequest(request, response, noBody), pieces: chunks }, respond))
  else request.on('end', () => handle(apiRequest(request, response, chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)), respond))
}

const noBody = Buffer.alloc(0)

/** By the header; 0 without one. */
function declaredBodyBytes(request: IncomingMessage): number {
  return Number(request.headers['content-length'] ?? 0)
}

function apiRequest(request: IncomingMessage, response: ServerResponse, body: Buffer): ApiRequest {
  return {
    method: request.method ?? 'GET', target: targetOf(request),
    headers: request.headers as Readonly<Record<string, string | undefined>>, body,
    onGone: (gone) => {
      if (response.destroyed) gone()
      else response.once('close', gone)
    },
  }
}

/** Path and query. Who takes the server for a proxy sends the whole URL (RFC 9112, 3.2.2). */
function targetOf({ url = '/' }: IncomingMessage): string {
  return url.startsWith('/') ? url : url.replace(/^https?:\/\/[^/?]*(?=[/?])/i, '')
}

/**
 * Answers at once, then reads on for a moment before it closes: a connection
 * that is closed with bytes unread is reset, and the answer may be lost with it.
 */
function refuseBody(request: IncomingMessage, response: ServerResponse, bytes: number, bytesMax: number): void {
  const { status, headers, body } = bodyTooLarge(bytes, bytesMax, targetOf(request))
  response.writeHead(status, { ...headers, 'Content-Length': Buffer.byteLength(body) })
  response.write(body)
  const end = () => {
    clearTimeout(timer)
    response.end()
  }
  const timer = setTimeout(end, closeGraceMs)
  request.on('error', () => {}).once('end', end).once('close', end).resume()
}

function send(request: IncomingMessage, response: ServerResponse, answer: ApiResponse, { budget, reads }: Edge): void {
  if (answer.source !== undefined) {
    if (response.destroyed) return void answer.source.destroy()
    response.writeHead(answer.status, answer.headers)
    // An archive that breaks off breaks the connection: nobody takes it for whole.
    return void pipeline(answer.source, response, () => {})
  }
  if (response.destroyed) return
  if (answer.stream !== undefined) return sendStream(response, answer.status, answer.headers, answer.stream)
  const { body } = answer
  const bodyBytes = typeof body === 'string' ? Buffer.byteLength(body) : body.length
  reads.made(bodyBytes)
  if (bodyBytes >= gzipBytesMin) {
    budget.hold(response, bodyBytes)
    response.once('close', () => budget.release(response))
  }
  if (bodyBytes < gzipBytesMin || answer.headers['Vary'] === undefined || !acceptsGzip(request)) return write(response, answer, body, bodyBytes, null)
  gzip(body, (error, packed) => {
    if (error === null) write(response, answer, packed, packed.length, 'gzip')
    else write(response, answer, body, bodyBytes, null)
  })
}

/** Not packed: what waits in a packer cannot be read along. */
function sendStream(response: ServerResponse, status: number, headers: ApiResponse['headers'], stream: NonNullable<ApiResponse['stream']>): void {
  response.writeHead(status, { ...headers })
  response.flushHeaders()
  const stop = stream((text) => {
    if (response.destroyed || response.writableLength > streamBacklogBytesMax) return false
    response.write(text)
    return true
  })
  response.once('close', stop)
}

function acceptsGzip(request: IncomingMessage): boolean {
  const accepted = request.headers['accept-encoding']
  return typeof accepted === 'string' && /\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))/.test(accepted)
}

function write(response: ServerResponse, { status, headers }: ApiResponse, body: Uint8Array | string, bodyBytes: number, encoding: 'gzip' | null): void {
  response.writeHead(status, { ...headers, ...encoding === null ? {} : { 'Content-Encoding': encoding }, 'Content-Length': bodyBytes })
  // Text goes out in one piece with the headers; of long text only the bytes are kept until they are read.
  response.end(typeof body === 'string' && bodyBytes > longTextBytes ? Buffer.from(body) : body)
}

function listen(server: Server, { host, port, log }: HttpServerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port, exclusive: true, backlog: 4096 }, () => {
      server.removeListener('error', reject)
      server.on('error', (error) => log.error('the HTTP server failed', { reason: error.message }))
      resolve()
    })
  })
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const giveUp = setTimeout(() => server.closeAllConnections(), closeGraceMs)
    server.close(() => {
      clearTimeout(giveUp)
      resolve()
    })
    server.closeIdleConnections()
  })
}
