import type { Log } from '../base/log.ts'
import type { Random } from '../base/random.ts'
import type { Cancel, Scheduler } from '../base/scheduler.ts'
import type { ServerPort } from '../transport/agent-links.ts'
import type { AgentAnswer, AgentCall } from '../transport/agent-messages.ts'
import type { ServerRouter } from './server-router.ts'

export type AskOutcome =
  | { readonly kind: 'answer', readonly answer: AgentAnswer }
  /** It certainly did not happen. `problem`: as Consul says it. */
  | { readonly kind: 'failed', readonly problem: string }
  /** It may have happened. */
  | { readonly kind: 'unknown', readonly problem: string }

export interface ServerCallPorts {
  readonly scheduler: Scheduler
  readonly random: Random
  readonly log: Log
  readonly router: ServerRouter
  readonly servers: ServerPort
  /** How long other servers are tried (Consul's rpc_hold_timeout). */
  readonly holdTimeoutMs: number
}

/** Consul's JitterFraction: between rounds of tries. */
const jitterFraction = 16

/**
 * Asks a server, and another where the first cannot be reached: always if no
 * server has got the call, else only if it may be repeated. Each server is
 * tried once without a pause, then round after round until the hold timeout.
 */
export class ServerCalls {
  readonly #ports: ServerCallPorts

  constructor(ports: ServerCallPorts) {
    this.#ports = ports
  }

  /** `done` is called once, or never after the cancel. */
  ask(call: AgentCall, repeatable: boolean, done: (outcome: AskOutcome) => void): Cancel {
    const { scheduler, random, log, router, servers, holdTimeoutMs } = this.#ports
    const untilMs = scheduler.nowMs() + holdTimeoutMs
    let cancelStep: Cancel = () => {}
    let tried = new Set<string>()
    const attempt = (): void => {
      const server = router.first
      if (server === null) return done({ kind: 'failed', problem: 'No known Consul servers' })
      const { address } = server
      tried.add(address)
      cancelStep = servers.call(address, call, (outcome) => {
        if (outcome.kind === 'answer') return done(outcome)
        log.warn('a call to a server failed', { server: address, reason: outcome.reason })
        router.failed(address)
        if (outcome.kind === 'lost' && !repeatable) return done({ kind: 'unknown', problem: `rpc error making call: ${outcome.reason}` })
        const next = router.first
        if (next !== null && !tried.has(next.address)) return attempt()
        if (scheduler.nowMs() >= untilMs) {
          return done({ kind: 'failed', problem: outcome.kind === 'unsent' ? `rpc error getting client: failed to get conn: ${outcome.reason}` : `rpc error making call: ${outcome.reason}` })
        }
        tried = new Set()
        cancelStep = scheduler.after((0.5 + random.fraction() / 2) * holdTimeoutMs / jitterFraction, attempt)
      })
    }
    attempt()
    return () => cancelStep()
  }
}
