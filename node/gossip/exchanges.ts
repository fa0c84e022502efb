/**
 * Requests on streams, and what they are mostly for: anti-entropy. Two members
 * exchange all that they know, so that what gossip lost, and what happened
 * while they were apart, is known again.
 */
import type { Context, StreamOutcome } from './context.ts'
import type { Intents } from './intents.ts'
import type { Membership } from './membership.ts'
import { recordOf } from './members.ts'
import type { PushPull, StreamMessage } from './message.ts'
import type { OutgoingStream } from './ready.ts'
import type { UserEvents } from './user-events.ts'
import { encodeStream, parseStream } from './wire.ts'

export interface ExchangeParts {
  /** Of the cluster's label. */
  readonly seed: number
  readonly membership: Membership
  readonly intents: Intents
  readonly userEvents: UserEvents
}

export class Exchanges {
  readonly #context: Context
  readonly #parts: ExchangeParts
  readonly #waiting = new Map<number, (outcome: StreamOutcome) => void>()
  #lastId = 0
  #opened: OutgoingStream[] = []

  constructor(context: Context, parts: ExchangeParts) {
    this.#context = context
    this.#parts = parts
  }

  /** The streams to be opened since the last call. */
  take(): OutgoingStream[] {
    const opened = this.#opened
    this.#opened = []
    return opened
  }

  open(address: string, message: StreamMessage, timeoutMs: number, done: (outcome: StreamOutcome) => void): void {
    const id = ++this.#lastId
    this.#waiting.set(id, done)
    this.#opened.push({ id, address, bytes: encodeStream(message, this.#parts.seed), timeoutMs })
  }

  /** The outcome of an opened stream. False: the answer makes no sense. */
  finish(id: number, answer: Uint8Array | { readonly reason: string }): boolean {
    const done = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (!(answer instanceof Uint8Array)) {
      done?.({ ok: false, reason: answer.reason })
      return true
    }
    const parsed = parseStream(answer, this.#parts.seed)
    done?.(parsed.ok ? { ok: true, message: parsed.value } : { ok: false, reason: parsed.error })
    return parsed.ok
  }

  /** Merged before it is answered: who is said to be dead answers with the refutation. */
  answer(request: PushPull): Uint8Array {
    this.#merge(request, false)
    return encodeStream(this.#state(false), this.#parts.seed)
  }

  /** `join`: this member asks to be let in. `done` gets null, or why it failed. */
  exchange(address: string, join: boolean, done: (failure: string | null) => void): void {
    this.open(address, this.#state(join), this.#context.config.streamTimeoutMs, (outcome) => {
      if (!outcome.ok) return done(outcome.reason)
      if (outcome.message.kind !== 'push-pull') return done(`the answer is a ${outcome.message.kind}`)
      this.#merge(outcome.message, join)
      done(null)
    })
  }

  withSomebody(): void {
    const { members, random } = this.#context
    const [partner] = members.sample(random, 1, (member) => member.state === 'alive')
    if (partner !== undefined) this.exchange(partner.address, false, () => {})
  }

  /** Tries a failed member, now and then: a partition that lasted makes both sides give the other up. */
  reconnect(): void {
    const { members, random } = this.#context
    const failed = members.sample(random, Infinity, (member) => member.state === 'dead')
    const alive = Math.max(1, members.aliveCount)
    if (failed.length === 0 || !random.chance(failed.length / alive)) return
    this.exchange(failed[0]!.address, false, () => {})
  }

  #state(join: boolean): PushPull {
    const { intents, userEvents } = this.#parts
    return {
      kind: 'push-pull', join, intentClock: intents.clock.time, eventClock: userEvents.clock.time,
      members: [...this.#context.members.all()].map(recordOf), events: userEvents.recent(),
    }
  }

  /** `joining`: this member has just asked to be let in. */
  #merge(state: PushPull, joining: boolean): void {
    const { intents, membership, userEvents } = this.#parts
    if (state.intentClock > 0) intents.clock.witness(state.intentClock - 1)
    for (const record of state.members) {
      membership.merge(record)
      intents.merge(record)
    }
    userEvents.merge(state.eventClock, state.events, joining)
  }
}
