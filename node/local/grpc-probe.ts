/**
 * The standard health check of gRPC (grpc/doc/health-checking.md in gRPC's own
 * repository): one unary call of `grpc.health.v1.Health/Check` over HTTP/2. Its
 * two messages have one field each, so they are written and read by hand.
 */
import { connect, constants, type ClientHttp2Session } from 'node:http2'
import type { CheckResult, GrpcMethod } from './definitions.ts'

/** `ServingStatus` in the answer. */
const serving = 1
const notHealthy = 'gRPC application didn\'t report service healthy'
const answerBytesMax = 64 * 1024

/** By number, as Go writes them. */
const codeNames = [
  'OK', 'Canceled', 'Unknown', 'InvalidArgument', 'DeadlineExceeded', 'NotFound', 'AlreadyExists', 'PermissionDenied', 'ResourceExhausted',
  'FailedPrecondition', 'Aborted', 'OutOfRange', 'Unimplemented', 'Internal', 'Unavailable', 'DataLoss', 'Unauthenticated',
]

/** `method.target`: `host:port`, or `host:port/service` to ask for one service of several. Never rejects. */
export function probeGrpc({ target, useTls, tlsSkipVerify, timeoutMs }: GrpcMethod, cancelled: AbortSignal): Promise<CheckResult> {
  const slash = target.indexOf('/')
  const [authority, service] = slash < 0 ? [target, ''] : [target.slice(0, slash), target.slice(slash + 1)]
  return new Promise((resolve) => {
    let session: ClientHttp2Session | null = null
    let ended = false
    const end = (result: CheckResult) => {
      if (ended) return
      ended = true
      clearTimeout(timer)
      session?.destroy()
      resolve(result)
    }
    const fail = (code: string, description: string) => end({ status: 'critical', output: `rpc error: code = ${code} desc = ${description}` })
    const timer = setTimeout(() => fail('DeadlineExceeded', 'context deadline exceeded'), timeoutMs)
    cancelled.addEventListener('abort', () => fail('Canceled', 'context canceled'), { once: true })
    const unreachable = (error: Error) => fail('Unavailable', error.message)
    try {
      session = connect(`${useTls ? 'https' : 'http'}://${authority}`, { rejectUnauthorized: !tlsSkipVerify })
    } catch (error) {
      return unreachable(error as Error)
    }
    session.on('error', unreachable)
    const stream = session.request({
      [constants.HTTP2_HEADER_METHOD]: 'POST', [constants.HTTP2_HEADER_PATH]: '/grpc.health.v1.Health/Check',
      'content-type': 'application/grpc', te: 'trailers', 'user-agent': 'Consul Health Check',
    })
    const chunks: Buffer[] = []
    let bytes = 0
    let httpStatus = 0
    /** Of the headers where there is no body, else of the trailers. */
    let grpcStatus: string | null = null
    let grpcMessage = ''
    const note = (headers: Readonly<Record<string, unknown>>) => {
      if (headers['grpc-status'] === undefined) return
      grpcStatus = String(headers['grpc-status'])
      grpcMessage = decodeMessage(String(headers['grpc-message'] ?? ''))
    }
    stream.on('response', (headers) => {
      httpStatus = Number(headers[constants.HTTP2_HEADER_STATUS])
      note(headers)
    })
    stream.on('trailers', note)
    stream.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes > answerBytesMax) return fail('ResourceExhausted', `the answer has more than ${answerBytesMax} bytes`)
      chunks.push(chunk)
    })
    stream.on('error', unreachable)
    stream.on('close', () => {
      if (grpcStatus === null) return fail('Unavailable', httpStatus === 0 ? 'the stream was closed without an answer' : `unexpected HTTP status code received from server: ${httpStatus}`)
      if (grpcStatus !== '0') return fail(codeNames[Number(grpcStatus)] ?? `Code(${grpcStatus})`, grpcMessage)
      const status = statusIn(Buffer.concat(chunks))
      end(status === serving ? { status: 'passing', output: `gRPC check ${target}: success` } : { status: 'critical', output: notHealthy })
    })
    stream.end(framed(requestFor(service)))
  })
}

/** One message, not packed: a zero byte and the length stand before it. */
function framed(message: Buffer): Buffer {
  const head = Buffer.alloc(5)
  head.writeUInt32BE(message.length, 1)
  return Buffer.concat([head, message])
}

/** Field 1, text. An empty one is left out: it asks for the server as a whole. */
function requestFor(service: string): Buffer {
  const name = Buffer.from(service)
  return name.length === 0 ? name : Buffer.concat([Buffer.from([0x0a]), varint(name.length), name])
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  for (; value > 0x7f; value >>>= 7) bytes.push((value & 0x7f) | 0x80)
  return Buffer.from([...bytes, value])
}

/** Field 1, a number; 0 (unknown) if it is not there; null for what is no such message. Fields that are not known are passed over. */
function statusIn(answer: Buffer): number | null {
  if (answer.length < 5 || answer[0] !== 0 || answer.length - 5 !== answer.readUInt32BE(1)) return null
  let at = 5
  let status = 0
  const number = (): number => {
    let value = 0
    for (let shift = 0; at < answer.length; shift += 7) {
      const byte = answer[at++]!
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value
    }
    at = Infinity
    return value
  }
  while (at < answer.length) {
    const key = number()
    switch (key & 7) {
      case 0: {
        const value = number()
        if (key >>> 3 === 1) status = value
        break
      }
      case 1: at += 8; break
      case 2: {
        const length = number()
        at += length
        break
      }
      case 5: at += 4; break
      default: return null
    }
  }
  return at === answer.length ? status : null
}

/** Percent-encoded, as gRPC's trailers have it. */
function decodeMessage(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
