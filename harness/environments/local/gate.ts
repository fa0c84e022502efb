import { seededRandom, type Random } from '../../../node/base/random.ts'
import { type ActiveHindrance, Weather, type Datagram, type Passage } from './weather.ts'

/** What goes one way through one door passes its gate: open unless some cut holds it. */
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

  disturb(id: symbol, active: ActiveHindrance): void {
    this.#weather.begin(id, active)
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

  /** What becomes of a stream's bytes that enter now, or what is left of them and was sent `again` times before. */
  stream(bytes: number, again = 0): Passage {
    if (this.#weather.calm) return { kind: 'after', delayMs: again === 0 ? this.#delayMs : 0 }
    const passage = this.#weather.stream(bytes, performance.now(), again)
    return again > 0 || passage.kind === 'stuck' ? passage : { ...passage, delayMs: passage.delayMs + this.#delayMs }
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
