import { request } from 'node:http'

/** What a server answered, as it came. */
export interface Answer {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** One request on a connection of its own, the target as it is written: nothing is cleaned or followed. */
export async function send(host: string, method: string, target: string, body?: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
  for (let triesLeft = refusedTries; ; triesLeft--) {
    try {
      return await sendOnce(host, method, target, body, headers)
    } catch (error) {
      // Whoever refuses a large body without reading it may reset the connection
      // before its answer is read (Consul does). What is refused may be asked again.
      const reset = ['ECONNRESET', 'EPIPE'].includes((error as NodeJS.ErrnoException).code ?? '')
      if (!reset || triesLeft <= 1 || (body?.length ?? 0) < largeBytes) throw error
    }
  }
}

const refusedTries = 10
/** Below, a body is with the server before anything can be refused. */
const largeBytes = 512 * 1024

function sendOnce(host: string, method: string, target: string, body: string | undefined, headers: Readonly<Record<string, string>>): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host, port: 8500, method, path: target, headers, agent: false, timeout: 20_000 }, (incoming) => {
      const chunks: Buffer[] = []
      incoming.on('data', (chunk) => chunks.push(chunk))
      incoming.on('error', reject)
      incoming.on('end', () => resolve({
        status: incoming.statusCode!,
        headers: Object.fromEntries(Object.entries(incoming.headers).map(([name, value]) => [name, String(value)])),
        body: Buffer.concat(chunks).toString('utf8'),
      }))
    })
    outgoing.on('timeout', () => outgoing.destroy(new Error(`${method} ${target} was not answered within 20 s`)))
    outgoing.on('error', reject)
    // An explicit length also for nothing, as Consul's own client does.
    if (body !== undefined) outgoing.setHeader('Content-Length', Buffer.byteLength(body))
    outgoing.end(body)
  })
}
