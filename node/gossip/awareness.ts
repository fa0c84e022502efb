/**
 * Lifeguard's local health multiplier: how much this member doubts itself. It
 * rises when what should have come back did not, and when others accuse this
 * member; a member that doubts itself gives those it probes more time.
 */
export class Awareness {
  readonly #max: number
  #score = 0

  /** The score stays below `multiplierMax`. */
  constructor(multiplierMax: number) {
    this.#max = multiplierMax - 1
  }

  /** 0: healthy. */
  get score(): number {
    return this.#score
  }

  add(delta: number): void {
    this.#score = Math.min(this.#max, Math.max(0, this.#score + delta))
  }

  scaleMs(durationMs: number): number {
    return durationMs * (this.#score + 1)
  }
}
