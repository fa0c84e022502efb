/** What operators ask of any server, taken to the leader: Consul forwards these too. */
import type { Cancel, Scheduler } from '../base/scheduler.ts'
import type { MemberId } from '../raft/entry.ts'
import type { OperatorCall, OperatorEnvelope } from './envelope.ts'
import type { Operator, OperatorOutcome } from './operator.ts'

export interface OperatorCallsPorts {
  readonly operator: Pick<Operator, 'change' | 'transfer'>
  readonly scheduler: Scheduler
  /** In all, for finding a leader and for its answer. */
  readonly timeoutMs: number
  /** This server's advertised address. */
  readonly address: string
  /** Different in each life of this server, with room behind it: else the answer to a call of the last life would count. */
  readonly firstCallId: number
  /** `local`: this member leads. An address: that server does. Null: nobody known. */
  readonly leader: () => 'local' | string | null
  readonly send: (address: string, envelope: OperatorEnvelope) => void
}

interface Open {
  readonly call: OperatorCall
  readonly done: (outcome: OperatorOutcome) => void
  readonly cancel: Cancel
  callId: number
  /** The server that was asked; null while there is none to ask. */
  asked: string | null
}

/** Before a leader that denied being one, or that nobody knows yet, is looked for again. */
const retryMs = 50
/** A leader has its own time for what it is asked; its answer needs some more to come back. */
const marginMs = 500

/**
 * A call is sent to one leader, and to another only if the first said that it
 * is none: what a leader was asked may be done although it does not answer.
 */
export class OperatorCalls {
  readonly #ports: OperatorCallsPorts
  readonly #open = new Map<number, Open>()
  #lastCallId: number

  constructor(ports: OperatorCallsPorts) {
    this.#ports = ports
    this.#lastCallId = ports.firstCallId - 1
  }

  remove(id: MemberId, done: (outcome: OperatorOutcome) => void): void {
    this.#begin({ kind: 'remove', id }, done)
  }

  /** `done` when another leads. */
  transfer(target: MemberId | null, done: (outcome: OperatorOutcome) => void): void {
    this.#begin({ kind: 'transfer', target }, done)
  }

  receive(envelope: OperatorEnvelope): void {
    if (envelope.kind === 'answer') return this.#answered(envelope.callId, envelope.outcome)
    const { from, callId } = envelope
    this.#carryOut(envelope.call, (outcome) => this.#ports.send(from, { channel: 'operator', kind: 'answer', callId, outcome }))
  }

  /** The connection to a server broke: what it was asked may have been done. */
  peerLost(address: string): void {
    for (const open of [...this.#open.values()]) if (open.asked === address) this.#settle(open, { kind: 'unknown', problem: `the connection to the leader at ${address} broke` })
  }

  stop(): void {
    for (const open of [...this.#open.values()]) this.#settle(open, { kind: 'unknown', problem: 'this server stops' })
  }

  #begin(call: OperatorCall, done: Open['done']): void {
    const { scheduler, timeoutMs } = this.#ports
    const cancel = scheduler.after(timeoutMs + marginMs, () => {
      this.#settle(open, open.asked === null ? { kind: 'not-leader' } : { kind: 'unknown', problem: `the leader at ${open.asked} has not answered` })
    })
    const open: Open = { call, done, cancel, callId: ++this.#lastCallId, asked: null }
    this.#open.set(open.callId, open)
    this.#try(open)
  }

  #try(open: Open): void {
    if (!this.#open.has(open.callId)) return
    const { leader, send, address } = this.#ports
    const at = leader()
    if (at === null) return this.#later(open)
    if (at === 'local') {
      return this.#carryOut(open.call, (outcome) => outcome.kind === 'not-leader' ? this.#later(open) : this.#settle(open, outcome))
    }
    open.asked = at
    send(at, { channel: 'operator', kind: 'call', from: address, callId: open.callId, call: open.call })
  }

  #later(open: Open): void {
    open.asked = null
    this.#ports.scheduler.after(retryMs, () => this.#try(open))
  }

  #answered(callId: number, outcome: OperatorOutcome): void {
    const open = this.#open.get(callId)
    if (open === undefined) return
    if (outcome.kind === 'not-leader') return this.#later(open)
    this.#settle(open, outcome)
  }

  #carryOut(call: OperatorCall, done: Open['done']): void {
    const { operator } = this.#ports
    if (call.kind === 'transfer') operator.transfer(call.target, done)
    else operator.change({ kind: 'remove', id: call.id }, done)
  }

  #settle(open: Open, outcome: OperatorOutcome): void {
    if (!this.#open.delete(open.callId)) return
    open.cancel()
    open.done(outcome)
  }
}
