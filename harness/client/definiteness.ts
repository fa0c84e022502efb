import type { HttpOutcome } from '../environments/environment.ts'

/**
 * The one place that decides whether an operation that did not succeed
 * certainly did not happen (`fail`) or may have happened (`info`). Taking
 * `info` for `fail` makes correct systems look broken; taking `fail` for
 * `info` only makes the check weaker. So a write is `fail` only where a row
 * says why it cannot have happened, and the last row catches all others.
 */
export interface Failure {
  readonly type: 'fail' | 'info'
  readonly error: string
}

/** What an operation would do to the system. A read changes nothing: it never "may have happened". */
export type Effect = 'read' | 'write'

interface Row {
  readonly matches: (outcome: HttpOutcome) => boolean
  readonly write: 'fail' | 'info'
  /** Why the write can, or cannot, have happened. */
  readonly why: string
}

const status = (minInclusive: number, maxExclusive = minInclusive + 1) => (outcome: HttpOutcome) =>
  outcome.kind === 'response' && outcome.status >= minInclusive && outcome.status < maxExclusive

const serverError = (pattern: RegExp) => (outcome: HttpOutcome) =>
  outcome.kind === 'response' && outcome.status === 500 && pattern.test(bodyText(outcome))

/** The first row that matches decides. */
export const definitenessTable: readonly Row[] = [
  { matches: (outcome) => outcome.kind === 'not-sent', write: 'fail', why: 'no byte of the request left' },
  { matches: (outcome) => outcome.kind === 'lost', write: 'info', why: 'the request left and no answer came' },

  // 500 with the texts of Consul and hashicorp/raft, alone or behind what a
  // forwarding member puts in front ("rpc error making call: ").
  { matches: serverError(/(^|: )No cluster leader$/), write: 'fail', why: 'nobody to propose it to: it never reached a log' },
  { matches: serverError(/(^|: )No known Consul servers$/), write: 'fail', why: 'no server to forward it to' },
  { matches: serverError(/(^|: )node is not the leader$/), write: 'fail', why: 'refused before it reached the log' },
  { matches: serverError(/(^|: )leadership transfer in progress$/), write: 'fail', why: 'refused before it reached the log' },
  { matches: serverError(/(^|: )timed out enqueuing operation$/), write: 'fail', why: 'it never left the queue before the log' },
  { matches: serverError(/(^|: )invalid session "[^"]*"$/), write: 'fail', why: 'the session that was to hold the lock is gone: nothing was written' },
  { matches: serverError(/^CheckID ".*" does not have associated TTL$/s), write: 'fail', why: 'the agent has no such check whose state could be set' },
  { matches: serverError(/leadership lost while committing log/), write: 'info', why: 'it is in a log, and another leader may yet commit it' },
  { matches: serverError(/^rpc error/), write: 'info', why: 'the forwarded request may have been carried out' },

  { matches: status(300, 400), write: 'fail', why: 'redirected, and redirects are not followed' },
  { matches: status(408), write: 'info', why: 'the server gave up waiting, perhaps after it had begun' },
  { matches: status(400, 500), write: 'fail', why: 'refused as a bad request' },
  { matches: status(200, 300), write: 'info', why: 'accepted, but the answer cannot be understood' },
  { matches: () => true, write: 'info', why: 'nothing says that it did not happen' },
]

/** How an operation ended that was not answered as hoped. `detail` replaces the answer's text in the reason. */
export function failureOf(outcome: HttpOutcome, effect: Effect, detail?: string): Failure {
  const row = definitenessTable.find((candidate) => candidate.matches(outcome))!
  return { type: effect === 'read' ? 'fail' : row.write, error: detail ?? describeOutcome(outcome) }
}

/** `500 No cluster leader`; `lost: socket hang up`. Bounded in length. */
export function describeOutcome(outcome: HttpOutcome): string {
  if (outcome.kind !== 'response') return `${outcome.kind}: ${outcome.error}`
  const text = bodyText(outcome).trim()
  return `${outcome.status} ${text.length > 200 ? `${text.slice(0, 200)}…` : text}`.trim()
}

const decoder = new TextDecoder()

export function bodyText(outcome: HttpOutcome): string {
  return outcome.kind === 'response' ? decoder.decode(outcome.body) : ''
}
