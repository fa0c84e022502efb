import type { Cancel, Scheduler } from '../base/scheduler.ts'
import type { ReadMode } from '../raft/core.ts'
import { CallTable } from './call-table.ts'
import type { RpcAnswer, RpcEnvelope } from './envelope.ts'
import type { ApplyResult } from '../state/state-machine.ts'
import type { TxnOutcome } from '../state/txn.ts'
import { decodeTxnOutcome, encodeTxnOutcome } from '../state/txn-bytes.ts'
import type { RaftDriver } from './raft-driver.ts'

/** How a write ended. Only `no-leader` means that it certainly did not happen. */
export type WriteOutcome =
  /** `index` is 0 if the leader refused it before it came to the log. `txn`: of a transaction. */
  | { readonly kind: 'applied', readonly index: number, readonly succeeded: boolean, readonly txn?: TxnOutcome }
  | { readonly kind: 'invalid', readonly problem: string }
  | { readonly kind: 'no-leader' }
  /** It stands in a leader's log, and that leader was deposed. */
  | { readonly kind: 'leadership-lost' }
  /** Forwarded, and no answer came; `cause` says why. */
  | { readonly kind: 'no-answer', readonly cause: string }

export type ReadOutcome =
  /** This member has applied everything that the read must see. */
  | { readonly kind: 'ready' }
  | { readonly kind: 'no-leader' }

export interface RequestPorts {
  readonly scheduler: Scheduler
  readonly driver: Pick<RaftDriver, 'readIndex' | 'appliedIndex'>
  readonly propose: RaftDriver['propose']
  /** This server's advertised address. */
  readonly address: string
  /** How long a request may take in all (Consul's rpc_hold_timeout). */
  readonly holdTimeoutMs: number
  /**
   * Different in each life of this server, with room behind it: else the answer
   * to a call of its last life would be taken for one to a call of this life,
   * and a write that nobody has heard of would be acknowledged.
   */
  readonly firstCallId: number
  /** `local`: this member leads. An address: that server does. Null: nobody known. */
  readonly leader: () => 'local' | string | null
  readonly send: (address: string, envelope: RpcEnvelope) => void
  /** Takes back what waits for a connection to a server, other channels' messages among it: it is not sent any more. */
  readonly takeUnsent: (address: string) => readonly unknown[]
}

/** Before a leader that denied being one is asked again. */
const retryMs = 20

type Request =
  | { readonly kind: 'write', readonly command: Uint8Array, readonly done: (outcome: WriteOutcome) => void, settled: boolean, at: Place, callId: number }
  | { readonly kind: 'read', readonly mode: ReadMode, readonly done: (outcome: ReadOutcome) => void, settled: boolean, at: Place, callId: number }

/** Where a request is: waiting for a leader, in this member's Raft, or with the server at an address. */
type Place = 'waiting' | 'local' | { readonly address: string }

/**
 * Takes requests to the leader, wherever it is: to this member's own Raft, or
 * forwarded. Each ends within the hold timeout. A write is sent at most once
 * to anybody who might carry it out; while it has certainly not been, and for
 * a read always, another try is free.
 */
export class Requests {
  readonly #ports: RequestPorts
  readonly #open: CallTable<Request>
  readonly #waiting = new Set<Request>()
  readonly #forwarded = new Map<number, Request>()
  #retryTimer: Cancel | null = null
  /** Reads whose index is not applied yet, lowest index first. */
  #unapplied: { readonly readIndex: number, readonly request: Request }[] = []

  constructor(ports: RequestPorts) {
    this.#ports = ports
    this.#open = new CallTable(ports.scheduler, ports.holdTimeoutMs, ports.firstCallId, (request) => this.#timeOut(request))
  }

  write(command: Uint8Array, done: (outcome: WriteOutcome) => void): void {
    this.#begin({ kind: 'write', command, done, settled: false, at: 'waiting', callId: 0 })
  }

  /** `done` comes when this member may answer the read from its own state. */
  read(mode: ReadMode, done: (outcome: ReadOutcome) => void): void {
    this.#begin({ kind: 'read', mode, done, settled: false, at: 'waiting', callId: 0 })
  }

  /** Role or leader changed. */
  leaderChanged(): void {
    const leader = this.#ports.leader()
    if (leader !== null) this.#takeBackUnsent(leader)
    // What another server sits on may never be answered: the old leader may be dead, and its connection look alive.
    for (const request of [...this.#forwarded.values()]) {
      if (typeof request.at !== 'object' || request.at.address === leader) continue
      if (request.kind === 'read') this.#route(request)
      else if (leader !== null) this.#settleWrite(request, { kind: 'no-answer', cause: 'leadership changed' })
    }
    if (leader !== null) this.#routeWaiting()
  }

  /** These messages were never sent: what they asked for has certainly not been done, and another try is free. */
  unsent(messages: readonly unknown[]): void {
    for (const message of messages) {
      const envelope = message as Partial<RpcEnvelope>
      if (envelope.channel !== 'rpc' || envelope.kind === 'answer' || envelope.callId === undefined) continue
      const request = this.#forwarded.get(envelope.callId)
      if (request !== undefined) this.#wait(request)
    }
  }

  /** The connection to a server broke: what was forwarded there gets no answer. */
  peerLost(address: string): void {
    for (const request of [...this.#forwarded.values()]) {
      if (typeof request.at !== 'object' || request.at.address !== address) continue
      if (request.kind === 'write') this.#settleWrite(request, { kind: 'no-answer', cause: 'EOF' })
      else this.#wait(request)
    }
  }

  applied(appliedIndex: number): void {
    let count = 0
    while (count < this.#unapplied.length && this.#unapplied[count]!.readIndex <= appliedIndex) count++
    if (count === 0) return
    for (const { request } of this.#unapplied.splice(0, count)) this.#settleRead(request, { kind: 'ready' })
  }

  #takeBackUnsent(leader: string | 'local'): void {
    const elsewhere = new Set<string>()
    for (const { at } of this.#forwarded.values()) if (typeof at === 'object' && at.address !== leader) elsewhere.add(at.address)
    for (const address of elsewhere) this.unsent(this.#ports.takeUnsent(address))
  }

  receive(envelope: RpcEnvelope): void {
    if (envelope.kind === 'answer') return this.#answered(envelope.callId, envelope.answer)
    const { from, callId } = envelope
    const answer = (content: RpcAnswer) => this.#ports.send(from, { channel: 'rpc', kind: 'answer', callId, answer: content })
    if (envelope.kind === 'read-index') return this.#ports.driver.readIndex(envelope.mode, answer)
    this.#ports.propose(envelope.command, (outcome) => {
      answer(outcome.kind === 'applied' ? toAnswer(outcomeOf(outcome.index, outcome.result)) : outcome)
    })
  }

  stop(): void {
    this.#open.stop()
    this.#retryTimer?.()
    for (const request of this.#open.takeAll()) this.#timeOut(request)
  }

  #begin(request: Request): void {
    request.callId = this.#open.add(request)
    this.#route(request)
  }

  #route(request: Request): void {
    this.#forwarded.delete(request.callId)
    const leader = this.#ports.leader()
    if (leader === null) return this.#wait(request)
    if (leader !== 'local') return this.#forward(request, leader)
    request.at = 'local'
    if (request.kind === 'read') {
      this.#ports.driver.readIndex(request.mode, (outcome) => {
        if (request.settled || request.at !== 'local') return
        if (outcome.kind === 'confirmed') this.#awaitApplied(request, outcome.readIndex)
        else this.#wait(request)
      })
      return
    }
    this.#ports.propose(request.command, (outcome) => {
      if (request.settled) return
      if (outcome.kind === 'not-leader') return this.#wait(request)
      if (outcome.kind === 'lost') return this.#settleWrite(request, { kind: 'leadership-lost' })
      this.#settleWrite(request, outcomeOf(outcome.index, outcome.result))
    })
  }

  #forward(request: Request, address: string): void {
    request.at = { address }
    this.#forwarded.set(request.callId, request)
    const { callId } = request
    const from = this.#ports.address
    this.#ports.send(address, request.kind === 'write'
      ? { channel: 'rpc', kind: 'apply', from, callId, command: request.command }
      : { channel: 'rpc', kind: 'read-index', from, callId, mode: request.mode })
  }

  #answered(callId: number, answer: RpcAnswer): void {
    const request = this.#forwarded.get(callId)
    if (request === undefined || request.settled) return
    this.#forwarded.delete(callId)
    if (answer.kind === 'not-leader') return this.#wait(request)
    if (request.kind === 'read') {
      if (answer.kind === 'confirmed') this.#awaitApplied(request, answer.readIndex)
      return
    }
    switch (answer.kind) {
      case 'applied': return this.#settleWrite(request, fromAnswer(answer))
      case 'invalid': return this.#settleWrite(request, answer)
      case 'lost': return this.#settleWrite(request, { kind: 'leadership-lost' })
      case 'confirmed': return
    }
  }

  /** Until a leader is known. A follower that was told "not leader" hears of the next one soon. */
  #wait(request: Request): void {
    this.#forwarded.delete(request.callId)
    request.at = 'waiting'
    this.#waiting.add(request)
    this.#retryLater()
  }

  /** Not in a tight loop: somebody is said to lead and denied it, or leads at an address that is learnt only later. */
  #retryLater(): void {
    this.#retryTimer ??= this.#ports.scheduler.after(retryMs, () => {
      this.#retryTimer = null
      if (this.#ports.leader() !== null) this.#routeWaiting()
      else if (this.#waiting.size > 0) this.#retryLater()
    })
  }

  #routeWaiting(): void {
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const request of waiting) this.#route(request)
  }

  #awaitApplied(request: Request, readIndex: number): void {
    request.at = 'local'
    if (readIndex <= this.#ports.driver.appliedIndex) return this.#settleRead(request, { kind: 'ready' })
    let at = this.#unapplied.length
    while (at > 0 && this.#unapplied[at - 1]!.readIndex > readIndex) at--
    this.#unapplied.splice(at, 0, { readIndex, request })
  }

  #timeOut(request: Request): void {
    if (request.kind === 'read') return this.#settleRead(request, { kind: 'no-leader' })
    if (typeof request.at === 'object') this.unsent(this.#ports.takeUnsent(request.at.address))
    if (request.at === 'waiting') return this.#settleWrite(request, { kind: 'no-leader' })
    this.#settleWrite(request, request.at === 'local' ? { kind: 'leadership-lost' } : { kind: 'no-answer', cause: 'i/o timeout' })
  }

  #settleWrite(request: Request, outcome: WriteOutcome): void {
    if (this.#settle(request) && request.kind === 'write') request.done(outcome)
  }

  #settleRead(request: Request, outcome: ReadOutcome): void {
    if (this.#settle(request) && request.kind === 'read') request.done(outcome)
  }

  #settle(request: Request): boolean {
    if (request.settled) return false
    request.settled = true
    this.#open.take(request.callId)
    this.#waiting.delete(request)
    this.#forwarded.delete(request.callId)
    return true
  }
}

type Carried = Extract<WriteOutcome, { kind: 'applied' | 'invalid' }>

/** What the state machine, or the leader before it, made of a command. */
function outcomeOf(index: number, result: ApplyResult): Carried {
  switch (result.kind) {
    case 'kv': return { kind: 'applied', index, succeeded: result.succeeded }
    case 'txn': return { kind: 'applied', index, succeeded: result.outcome.errors.length === 0, txn: result.outcome }
    case 'invalid': return result
  }
}

function toAnswer(outcome: Carried): RpcAnswer {
  if (outcome.kind === 'invalid') return outcome
  const { kind, index, succeeded, txn } = outcome
  return txn === undefined ? { kind, index, succeeded } : { kind, index, succeeded, txn: encodeTxnOutcome(txn) }
}

function fromAnswer(answer: Extract<RpcAnswer, { kind: 'applied' }>): WriteOutcome {
  const { kind, index, succeeded } = answer
  if (answer.txn === undefined) return { kind, index, succeeded }
  const txn = decodeTxnOutcome(answer.txn)
  return txn === null ? { kind: 'no-answer', cause: 'the outcome of the transaction is malformed' } : { kind, index, succeeded, txn }
}
