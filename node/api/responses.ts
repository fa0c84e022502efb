import type { WriteOutcome } from '../driver/requests.ts'
import type { ApiResponse } from './exchange.ts'

/** The API's ways to answer, as Consul writes them. */

const vary = { Vary: 'Accept-Encoding' } as const
const jsonHeaders = { ...vary, 'Content-Type': 'application/json' } as const
const errorHeaders = { ...vary, 'Content-Type': 'text/plain; charset=utf-8' } as const

/** An error: the bare message, without a newline. */
export function errorResponse(status: number, message: string, headers: Readonly<Record<string, string>> = {}): ApiResponse {
  return { status, headers: { ...errorHeaders, ...headers }, body: message }
}

/** Compact, or with `?pretty` indented by four and ended by a newline. Escapes what Go's encoder escapes. */
export function jsonResponse(value: unknown, pretty: boolean, headers?: Readonly<Record<string, string>>): ApiResponse {
  const text = pretty ? `${JSON.stringify(value, null, 4)}\n` : JSON.stringify(value)
  return { status: 200, headers: headers === undefined ? jsonHeaders : { ...jsonHeaders, ...headers }, body: escapedByGo.test(text) ? escapeAsGo(text) : text }
}

const escapedByGo = /[<>&\u2028\u2029]/

function escapeAsGo(text: string): string {
  return text.replace(/[<>&\u2028\u2029]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

export function emptyResponse(status: number, headers: Readonly<Record<string, string>> = {}): ApiResponse {
  return { status, headers: { ...vary, ...headers }, body: '' }
}

const trueResponse: ApiResponse = { status: 200, headers: jsonHeaders, body: 'true' }
const falseResponse: ApiResponse = { status: 200, headers: jsonHeaders, body: 'false' }

/** `true` or `false`, or the error that tells whether the write may have happened: only "No cluster leader" says that it has not. */
export function writeResponse(outcome: WriteOutcome, pretty: boolean): ApiResponse {
  switch (outcome.kind) {
    case 'applied': return pretty ? jsonResponse(outcome.succeeded, true) : outcome.succeeded ? trueResponse : falseResponse
    case 'invalid': return errorResponse(500, outcome.problem)
    case 'no-leader': return errorResponse(500, 'No cluster leader')
    case 'leadership-lost': return errorResponse(500, 'leadership lost while committing log')
    case 'no-answer': return errorResponse(500, `rpc error making call: ${outcome.cause}`)
  }
}
