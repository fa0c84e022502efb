/** Events of the user's, told to all members once. */
import type { Context } from './context.ts'
import { LamportClock } from './lamport-clock.ts'
import type { UserEvent } from './message.ts'

/** Of one Lamport time. Members that fire at the same moment share one; so many do not. */
const eventsPerTimeMax = 256

export class UserEvents {
  readonly clock = new LamportClock()
  readonly #context: Context
  /** Seen events by Lamport time, in no order. */
  readonly #seen = new Map<number, UserEvent[]>()
  /** All of them; null: not gathered since one was added or forgotten. */
  #recent: UserEvent[] | null = null
  /** Older ones are not for this member: it joined later. */
  #timeMin = 0

  constructor(context: Context) {
    this.#context = context
  }

  fire(name: string, payload: Uint8Array): void {
    this.receive({ kind: 'user-event', time: this.clock.time, origin: this.#context.members.self.name, name, payload })
  }

  /** Told by another, or fired here. Each is told on and reported once; one that is too old to be told apart from a repeat, never. */
  receive(event: UserEvent): void {
    const { disseminator, emit, config } = this.#context
    if (!this.clock.witness(event.time)) return
    if (event.time < this.#timeMin || event.time + config.eventBufferTimes < this.clock.time) return
    const seen = this.#seen.get(event.time)
    if (seen === undefined) {
      this.#seen.set(event.time, [event])
      this.#forgetOld()
    } else {
      if (seen.length >= eventsPerTimeMax || includes(seen, event)) return
      seen.push(event)
    }
    this.#recent = null
    disseminator.broadcast(event)
    const { time, origin, name, payload } = event
    emit({ kind: 'user-event', time, origin, name, payload })
  }

  /** What an exchange of full state brings. Who has just joined is not told what happened before. */
  merge(clock: number, events: readonly UserEvent[], joining: boolean): void {
    if (clock > 0) this.clock.witness(clock - 1)
    if (joining && clock > this.#timeMin) this.#timeMin = clock
    for (const event of events) this.receive(event)
  }

  recent(): readonly UserEvent[] {
    return this.#recent ??= [...this.#seen.values()].flat()
  }

  #forgetOld(): void {
    const { eventBufferTimes } = this.#context.config
    for (const time of this.#seen.keys()) if (time + eventBufferTimes < this.clock.time) this.#seen.delete(time)
  }
}

/** Without a closure: every exchange of full state asks this of all events that it brings. */
function includes(events: readonly UserEvent[], event: UserEvent): boolean {
  for (const other of events) if (sameEvent(other, event)) return true
  return false
}

function sameEvent(a: UserEvent, b: UserEvent): boolean {
  return a === b || a.origin === b.origin && a.name === b.name && Buffer.compare(a.payload, b.payload) === 0
}
