/** Checks over the operating system's sockets and processes. */
import { spawn } from 'node:child_process'
import { connect } from 'node:net'
import { Agent, fetch } from 'undici'
import { unreachable } from '../base/assert.ts'
import { parseAddress } from '../transport/address.ts'
import type { CheckResult, HttpMethod } from './definitions.ts'
import { probeGrpc } from './grpc-probe.ts'
import type { ProbeMethod, Probes } from './probes.ts'

/** Must be closed: it holds connections. */
export function processProbes(): Probes & AsyncDisposable {
  // A check asks whether something answers now: a kept connection would tell of an earlier moment.
  const strict = new Agent({ pipelining: 0 })
  const lax = new Agent({ pipelining: 0, connect: { rejectUnauthorized: false } })
  return {
    probe: (method, outputBytesMax, done) => {
      const abort = new AbortController()
      const run = start(method, outputBytesMax, method.kind === 'http' && method.tlsSkipVerify ? lax : strict, abort.signal)
      run.then((result) => { if (!abort.signal.aborted) done(result) })
      return () => abort.abort()
    },
    [Symbol.asyncDispose]: async () => { await Promise.all([strict.destroy(), lax.destroy()]) },
  }
}

function start(method: ProbeMethod, outputBytesMax: number, dispatcher: Agent, cancelled: AbortSignal): Promise<CheckResult> {
  switch (method.kind) {
    case 'http': return probeHttp(method, outputBytesMax, dispatcher, cancelled)
    case 'tcp': return probeTcp(method.target, method.timeoutMs, cancelled)
    case 'grpc': return probeGrpc(method, cancelled)
    case 'script': return runScript(method.args, method.timeoutMs, outputBytesMax, cancelled)
    default: return unreachable(method)
  }
}

async function probeHttp(check: HttpMethod, outputBytesMax: number, dispatcher: Agent, cancelled: AbortSignal): Promise<CheckResult> {
  const method = check.method === '' ? 'GET' : check.method
  try {
    const headers: [string, string][] = [['user-agent', 'Consul Health Check'], ['accept', 'text/plain, text/*, */*']]
    const given = Object.entries(check.headers).flatMap(([name, values]) => values.map((value): [string, string] => [name, value]))
    const names = new Set(given.map(([name]) => name.toLowerCase()))
    const response = await fetch(check.url, {
      method, dispatcher, redirect: 'follow', signal: AbortSignal.any([cancelled, AbortSignal.timeout(check.timeoutMs)]),
      headers: [...headers.filter(([name]) => !names.has(name)), ...given], ...check.body === '' ? {} : { body: check.body },
    })
    const body = await beginning(response.body, outputBytesMax)
    const status = response.ok ? 'passing' : response.status === 429 ? 'warning' : 'critical'
    return { status, output: `HTTP ${method} ${check.url}: ${response.status} ${response.statusText} Output: ${body}` }
  } catch (error) {
    return { status: 'critical', output: `${method} ${JSON.stringify(check.url)}: ${reason(error)}` }
  }
}

/** The rest is not read. */
async function beginning(body: AsyncIterable<Uint8Array> | null, bytesMax: number): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of body ?? []) {
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes >= bytesMax) break
  }
  return Buffer.concat(chunks).subarray(0, bytesMax).toString('utf8')
}

function probeTcp(target: string, timeoutMs: number, cancelled: AbortSignal): Promise<CheckResult> {
  const address = parseAddress(target)
  if (address === null) return Promise.resolve({ status: 'critical', output: `dial tcp: address ${target}: missing port in address` })
  return new Promise((resolve) => {
    const socket = connect(address)
    const end = (result: CheckResult) => {
      socket.destroy()
      resolve(result)
    }
    socket.setTimeout(timeoutMs, () => end({ status: 'critical', output: `dial tcp ${target}: i/o timeout` }))
    socket.once('connect', () => end({ status: 'passing', output: `TCP connect ${target}: Success` }))
    socket.once('error', (error) => end({ status: 'critical', output: `dial tcp ${target}: connect: ${reason(error)}` }))
    cancelled.addEventListener('abort', () => socket.destroy(), { once: true })
  })
}

function runScript(args: readonly string[], timeoutMs: number, outputBytesMax: number, cancelled: AbortSignal): Promise<CheckResult> {
  return new Promise((resolve) => {
    const [file, ...rest] = args
    // A group of its own, so that what the script started ends with it.
    const child = spawn(file ?? '', rest, { stdio: ['ignore', 'pipe', 'pipe'], detached: true })
    let kept = Buffer.alloc(0)
    let bytes = 0
    const take = (chunk: Buffer) => {
      bytes += chunk.length
      kept = Buffer.concat([kept, chunk]).subarray(-outputBytesMax)
    }
    child.stdout.on('data', take)
    child.stderr.on('data', take)
    const kill = () => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
      } catch {
        // It has ended already.
      }
    }
    const timer = setTimeout(() => {
      kill()
      resolve({ status: 'critical', output: `Timed out (${timeoutMs}ms) running check` })
    }, timeoutMs)
    cancelled.addEventListener('abort', kill, { once: true })
    const end = (result: CheckResult) => {
      clearTimeout(timer)
      cancelled.removeEventListener('abort', kill)
      resolve(result)
    }
    child.once('error', (error) => end({ status: 'critical', output: error.message }))
    child.once('close', (code) => {
      const text = kept.toString('utf8')
      end({
        status: code === 0 ? 'passing' : code === 1 ? 'warning' : 'critical',
        output: bytes > outputBytesMax ? `Captured ${outputBytesMax} of ${bytes} bytes\n...\n${text}` : text,
      })
    })
  })
}

/** In Go's words where it has some. */
function reason(error: unknown): string {
  const cause = ((error as { cause?: unknown }).cause ?? error) as NodeJS.ErrnoException
  switch (cause.code) {
    case 'ECONNREFUSED': return 'connection refused'
    case 'ECONNRESET': return 'connection reset by peer'
    case 'EHOSTUNREACH': return 'no route to host'
    case 'ENOTFOUND': return 'no such host'
  }
  return cause.name === 'TimeoutError' ? 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)' : cause.message
}
