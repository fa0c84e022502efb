import { isLeap } from './message.ts'

/** Orders what members announce without trusting anybody's clock. */
export class LamportClock {
  #time: number

  constructor(time = 1) {
    this.#time = time
  }

  /** The next time to be given to an event. */
  get time(): number {
    return this.#time
  }

  /** The time of a new event here. */
  tick(): number {
    return this.#time++
  }

  /** Somebody else's time was seen: what happens here is later. False: no such time can have come, and it counts for nothing. */
  witness(time: number): boolean {
    if (isLeap(time, this.#time)) return false
    if (time >= this.#time) this.#time = time + 1
    return true
  }
}
