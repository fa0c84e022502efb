import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzip } from 'node:zlib'
import type { Log } from '../base/log.ts'
import type { ApiHandler, ApiRequest, ApiResponse } from './exchange.ts'
import { bodyTooLarge, valueBytesMax } from './kv.ts'

export interface HttpServerOptions {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  readonly handle: ApiHandler
  readonly log: Log
}

export interface RunningHttpServer {
  readonly port: number
  /** Stops accepting, lets open requests be answered for a moment, then closes what is left. */
  close(): Promise<void>
}

const bodyBytesMax = valueBytesMax
/** Below, packing costs more than it saves. (Consul packs everything, even 16 bytes.) */
const gzipBytesMin = 1024
const closeGraceMs = 500
/** What may wait for a slow reader of a stream, beside what the kernel holds. */
const streamBacklogBytesMax = 64 * 1024
/** As Go's server: keys may be longer than what Node takes by default (16 KiB). */
const headerBytesMax = 1024 * 1024

/** The API on a socket. Rejects with the operating system's error if it cannot listen. */
export async function startHttpServer(options: HttpServerOptions): Promise<RunningHttpServer> {
  const server = createServer({ keepAliveTimeout: 120_000, maxHeaderSize: headerBytesMax }, (request, response) => serve(request, response, options))
  server.on('checkContinue', (request, response) => {
    // A client that asks first is spared sending what would be refused.
    if (declaredBodyBytes(request) <= bodyBytesMax) response.writeContinue()
    serve(request, response, options)
  })
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const status = error.code === 'HPE_HEADER_OVERFLOW' ? '431 Request Header Fields Too Large' : '400 Bad Request'
    if (socket.writable) socket.end(`HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n${status}`)
    else socket.destroy()
  })
  await listen(server, options)
  return { port: (server.address() as AddressInfo).port, close: () => close(server) }
}

function serve(request: IncomingMessage, response: ServerResponse, { handle }: HttpServerOptions): void {
  const declaredBytes = declaredBodyBytes(request)
  if (declaredBytes > bodyBytesMax) return refuseBody(request, response, declaredBytes)
  const respond = (answer: ApiResponse) => send(request, response, answer)
  // Neither a length nor chunks: there is no body.
  if (declaredBytes === 0 && request.headers['transfer-encoding'] === undefined) {
    request.resume()
    return handle(apiRequest(request, response, noBody), respond)
  }
  const chunks: Buffer[] = []
  let bytes = 0
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > bodyBytesMax) {
      // Consul does not limit chunked bodies; here nothing is unbounded.
      request.removeAllListeners('data').removeAllListeners('end')
      return refuseBody(request, response, bytes)
    }
    chunks.push(chunk)
  })
  request.on('end', () => handle(apiRequest(request, response, chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)), respond))
  // A client that goes away in the middle of its request asked for nothing.
  request.on('error', () => {})
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
function refuseBody(request: IncomingMessage, response: ServerResponse, bytes: number): void {
  const { status, headers, body } = bodyTooLarge(bytes, targetOf(request))
  response.writeHead(status, { ...headers, 'Content-Length': Buffer.byteLength(body) })
  response.write(body)
  const end = () => {
    clearTimeout(timer)
    response.end()
  }
  const timer = setTimeout(end, closeGraceMs)
  request.on('error', () => {}).once('end', end).once('close', end).resume()
}

function send(request: IncomingMessage, response: ServerResponse, answer: ApiResponse): void {
  if (response.destroyed) return
  if (answer.stream !== undefined) return sendStream(response, answer.status, answer.headers, answer.stream)
  const { body } = answer
  const bodyBytes = typeof body === 'string' ? Buffer.byteLength(body) : body.length
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
  // Text goes out in one piece with the headers.
  response.end(body)
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
