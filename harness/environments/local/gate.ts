import { seededRandom, type Random } from '../../../node/base/random.ts'
import type { Disturbance } from '../capabilities.ts'
import { Weather, type Datagram, type Passage } from './weather.ts'

/**
 * One directed link's gate: open unless some cut holds it. Everything that
 * `from` sends to `to` passes the same gate, whichever connection carries it.
 */
export class Gate {
  readonly #cuts = new Set<symbol>()
  #delayMs = 0
  #waiting: (() => void)[] = []
  #passedBytes = 0
  readonly #weather: Weather

  constructor(random: Random = seededRandom(0)) {
    this.#weather = new Weather(random)
  }

  get open(): boolean {
    return this.#cuts.size === 0
  }

  /** One-way delay for what arrives from now on. */
  get delayMs(): number {
    return this.#delayMs
  }

  /** Everything that has come through; stands still while the gate is shut. */
  get passedBytes(): number {
    return this.#passedBytes
  }

  /** Shuts the gate until every cut that shut it has been healed. */
  cut(id: symbol): void {
    this.#cuts.add(id)
  }

  /** Lifts one cut, and no other. */
  heal(id: symbol): void {
    if (this.#cuts.delete(id) && this.open) this.#wake()
  }

  #wake(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const wake of waiting) wake()
  }

  /** Calls `wake` once, when it opens next or a disturbance ends. */
  onceEased(wake: () => void): void {
    this.#waiting.push(wake)
  }

  delay(delayMs: number): void {
    this.#delayMs = delayMs
  }

  disturb(id: symbol, disturbance: Disturbance): void {
    this.#weather.begin(id, disturbance)
  }

  /** In force now. */
  get disturbances(): number {
    return this.#weather.count
  }

  /** Ends one disturbance; what it held up passes now, if nothing else holds it. */
  calm(id: symbol): void {
    this.#weather.end(id)
    this.#wake()
  }

  /** What becomes of a stream's bytes that enter now. */
  stream(bytes: number): Passage {
    return this.#weather.calm ? { kind: 'after', delayMs: this.#delayMs } : later(this.#weather.stream(bytes, performance.now()), this.#delayMs)
  }

  /** What comes out of a datagram that enters now. */
  datagram(data: Buffer): readonly Datagram[] {
    const out = this.#weather.calm ? [{ data, afterMs: 0 }] : this.#weather.datagram(data, performance.now())
    return this.#delayMs === 0 ? out : out.map((one) => ({ ...one, afterMs: one.afterMs + this.#delayMs }))
  }

  count(bytes: number): void {
    this.#passedBytes += bytes
  }
}

function later(passage: Passage, delayMs: number): Passage {
  return passage.kind === 'after' ? { kind: 'after', delayMs: passage.delayMs + delayMs } : passage
}
