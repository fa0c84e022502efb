import { readFileSync } from 'node:fs'
import { Client } from 'undici'
import type { z } from 'zod'
import { parseExact } from './exact-json.ts'
import { CommandFailure } from './terminal.ts'

/** Where the agent is and as whom to speak, as the flags of every command say it. */
export interface ClientFlags {
  readonly httpAddr?: string
  readonly token?: string
  readonly tokenFile?: string
  readonly caFile?: string
  readonly clientCert?: string
  readonly clientKey?: string
  readonly tlsServerName?: string
  readonly datacenter?: string
  readonly stale?: boolean
}

/** A parameter that is present without a value is `''`; an absent one is undefined. */
export type Query = Readonly<Record<string, string | readonly string[] | undefined>>

export interface AgentAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Buffer
}

export interface RequestOptions {
  readonly query?: Query
  readonly body?: Buffer | string | undefined
  readonly signal?: AbortSignal
}

/** The agent was not reached, or did not answer with success. The message says what it said. */
export class AgentError extends Error {
  override readonly name = 'AgentError'
  /** Null: no answer. */
  readonly status: number | null
  constructor(message: string, status: number | null, cause?: unknown) {
    super(message, { cause })
    this.status = status
  }
}

/**
 * Requests to one agent's HTTP API (Consul's documentation, "Commands: HTTP API
 * options"). Flags win over CONSUL_HTTP_ADDR, CONSUL_HTTP_TOKEN and the others.
 * Nothing is retried: a write that may have arrived is the caller's to judge.
 */
export class AgentClient implements AsyncDisposable {
  readonly #client: Client
  readonly #origin: string
  readonly #headers: Record<string, string> = {}
  readonly #common: Query

  constructor(flags: ClientFlags, env: Readonly<Record<string, string | undefined>>) {
    const { origin, socketPath } = agentAddress(flags.httpAddr ?? nonEmpty(env['CONSUL_HTTP_ADDR']) ?? '127.0.0.1:8500', isTrue(env['CONSUL_HTTP_SSL']))
    const file = (path: string | undefined) => path === undefined ? undefined : readFileSync(path)
    const tokenFile = flags.tokenFile ?? nonEmpty(env['CONSUL_HTTP_TOKEN_FILE'])
    const token = flags.token ?? nonEmpty(env['CONSUL_HTTP_TOKEN']) ?? file(tokenFile)?.toString().trim()
    if (token !== undefined && token !== '') this.#headers['x-consul-token'] = token
    const auth = nonEmpty(env['CONSUL_HTTP_AUTH'])
    if (auth !== undefined) this.#headers['authorization'] = `Basic ${Buffer.from(auth).toString('base64')}`
    this.#common = { dc: flags.datacenter, stale: flags.stale === true ? '' : undefined }
    this.#origin = origin
    const tls = {
      ca: file(flags.caFile ?? nonEmpty(env['CONSUL_CACERT'])),
      cert: file(flags.clientCert ?? nonEmpty(env['CONSUL_CLIENT_CERT'])),
      key: file(flags.clientKey ?? nonEmpty(env['CONSUL_CLIENT_KEY'])),
      servername: flags.tlsServerName ?? nonEmpty(env['CONSUL_TLS_SERVER_NAME']),
      rejectUnauthorized: nonEmpty(env['CONSUL_HTTP_SSL_VERIFY']) === undefined || isTrue(env['CONSUL_HTTP_SSL_VERIFY']),
    }
    this.#client = new Client(origin, {
      // An answer to a blocking query may take ten minutes; a log stream never ends.
      headersTimeout: 0, bodyTimeout: 0,
      ...socketPath === null ? {} : { socketPath },
      connect: Object.fromEntries(Object.entries(tls).filter(([, value]) => value !== undefined)),
    })
  }

  /** Whatever the status. Rejects with AgentError when there is no answer, or the signal's reason. */
  async request(method: string, path: string, options: RequestOptions = {}): Promise<AgentAnswer> {
    const { status, headers, body } = await this.stream(method, path, options)
    const chunks: Buffer[] = []
    try {
      for await (const chunk of body) chunks.push(chunk as Buffer)
    } catch (error) {
      throw this.#unreached(method, path, error, options.signal)
    }
    return { status, headers, body: Buffer.concat(chunks) }
  }

  /** As `request`, the body as it arrives. */
  async stream(method: string, path: string, { query = {}, body, signal }: RequestOptions = {}): Promise<Omit<AgentAnswer, 'body'> & { readonly body: AsyncIterable<Uint8Array> }> {
    const parameters = new URLSearchParams()
    for (const [name, value] of Object.entries({ ...this.#common, ...query })) {
      for (const one of value === undefined ? [] : typeof value === 'string' ? [value] : value) parameters.append(name, one)
    }
    const target = parameters.size === 0 ? path : `${path}?${parameters}`
    try {
      const answer = await this.#client.request({
        method: method as 'GET', path: target, headers: this.#headers,
        ...body === undefined ? {} : { body }, ...signal === undefined ? {} : { signal },
      })
      return { status: answer.statusCode, headers: answer.headers, body: answer.body }
    } catch (error) {
      throw this.#unreached(method, target, error, signal)
    }
  }

  /** Rejects with AgentError unless the status is one of 2xx. */
  async succeed(method: string, path: string, options: RequestOptions = {}): Promise<AgentAnswer> {
    const answer = await this.request(method, path, options)
    if (answer.status < 200 || answer.status > 299) throw unexpectedStatus(answer)
    return answer
  }

  async get<T>(path: string, schema: z.ZodType<T>, query: Query = {}): Promise<T> {
    return decode(await this.succeed('GET', path, { query }), schema)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#client.destroy()
  }

  #unreached(method: string, target: string, error: unknown, signal?: AbortSignal): unknown {
    if (signal?.aborted === true) return signal.reason
    const { message, code } = error as NodeJS.ErrnoException
    const why = code === 'ECONNREFUSED' ? `dial tcp ${new URL(this.#origin).host}: connect: connection refused` : message
    return new AgentError(`${method[0]}${method.slice(1).toLowerCase()} ${JSON.stringify(this.#origin + target)}: ${why}`, null, error)
  }
}

export function unexpectedStatus({ status, body }: Pick<AgentAnswer, 'status' | 'body'>): AgentError {
  return new AgentError(`Unexpected response code: ${status} (${body.toString()})`, status)
}

/** The body of an answer, checked. Throws AgentError: what answered is no agent of the kind. */
export function decode<T>(answer: AgentAnswer, schema: z.ZodType<T>): T {
  let value: unknown
  try {
    value = parseExact(answer.body.toString())
  } catch (error) {
    throw new AgentError(`The answer is no JSON: ${(error as Error).message}`, answer.status, error)
  }
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new AgentError(`The answer is not what was expected: ${issue?.path.join('.') || 'the whole'}: ${issue?.message}`, answer.status)
}

/** A key or a name as part of a path: slashes separate, all else that needs it is escaped. */
export function escapePath(text: string): string {
  return text.split('/').map(encodeURIComponent).join('/')
}

function agentAddress(text: string, tls: boolean): { readonly origin: string, readonly socketPath: string | null } {
  if (text.startsWith('unix://')) return { origin: 'http://localhost', socketPath: text.slice('unix://'.length) }
  const [, scheme, rest] = /^([^:/]+):\/\/(.*)$/.exec(text) ?? [null, tls ? 'https' : 'http', text]
  if (scheme !== 'http' && scheme !== 'https') throw new CommandFailure(`Error connecting to Consul agent: Unknown protocol scheme: ${scheme}`)
  const origin = URL.parse(`${scheme}://${rest}`)?.origin
  if (origin === undefined) throw new CommandFailure(`Error connecting to Consul agent: ${JSON.stringify(text)} is no address; write host:port, or a URL`)
  return { origin, socketPath: null }
}

const nonEmpty = (text: string | undefined) => text === '' ? undefined : text
const isTrue = (text: string | undefined) => text !== undefined && /^(1|t|true)$/i.test(text)
