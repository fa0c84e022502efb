import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzip } from 'node:zlib'
import type { Log } from '../base/log.ts'
import type { ApiHandler, ApiResponse } from './exchange.ts'
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

/** Above the largest body that is accepted, so that a client learns why before the connection closes. */
const bodyBytesMax = valueBytesMax
const closeGraceMs = 500

/** The API on a socket. Rejects with the operating system's error if it cannot listen. */
export async function startHttpServer(options: HttpServerOptions): Promise<RunningHttpServer> {
  const server = createServer({ keepAliveTimeout: 120_000, requestTimeout: 0 }, (request, response) => {
    serve(request, response, options)
  })
  server.on('clientError', (_error, socket) => {
    if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n400 Bad Request')
    else socket.destroy()
  })
  await listen(server, options)
  return { port: (server.address() as AddressInfo).port, close: () => close(server) }
}

function serve(request: IncomingMessage, response: ServerResponse, { handle }: HttpServerOptions): void {
  const respond = (answer: ApiResponse) => send(request, response, answer)
  const declared = request.headers['content-length']
  if (declared !== undefined && Number(declared) > bodyBytesMax) return refuseBody(request, respond, Number(declared))
  if (declared === '0' || (declared === undefined && request.headers['transfer-encoding'] === undefined)) {
    request.resume()
    return handle(apiRequest(request, noBody), respond)
  }
  const chunks: Buffer[] = []
  let bytes = 0
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > bodyBytesMax) {
      // Consul does not limit chunked bodies; here nothing is unbounded.
      request.removeAllListeners('data').removeAllListeners('end')
      return refuseBody(request, respond, bytes)
    }
    chunks.push(chunk)
  })
  request.on('end', () => handle(apiRequest(request, chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)), respond))
  // A client that goes away in the middle of its request asked for nothing.
  request.on('error', () => {})
}

const noBody = Buffer.alloc(0)

function apiRequest(request: IncomingMessage, body: Buffer) {
  return {
    method: request.method ?? 'GET', target: request.url ?? '/',
    headers: request.headers as Readonly<Record<string, string | undefined>>, body,
  }
}

function refuseBody(request: IncomingMessage, respond: (answer: ApiResponse) => void, bytes: number): void {
  request.resume()
  respond(bodyTooLarge(bytes))
}

function send(request: IncomingMessage, response: ServerResponse, answer: ApiResponse): void {
  if (response.destroyed) return
  const body = typeof answer.body === 'string' ? Buffer.from(answer.body) : answer.body
  const acceptsGzip = request.headers['accept-encoding']?.includes('gzip') === true
  if (acceptsGzip && body.length > 0 && answer.headers['Vary'] !== undefined) {
    gzip(body, (error, packed) => {
      if (error === null) write(response, answer, packed, { 'Content-Encoding': 'gzip' })
      else write(response, answer, body, {})
    })
    return
  }
  write(response, answer, body, {})
}

function write(response: ServerResponse, answer: ApiResponse, body: Uint8Array, extra: Readonly<Record<string, string>>): void {
  response.writeHead(answer.status, { ...answer.headers, ...extra, 'Content-Length': body.length })
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
