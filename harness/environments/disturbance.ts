import type { Random } from '../../node/base/random.ts'
import type { Disturbance } from './capabilities.ts'

type Delay = Extract<Disturbance, { kind: 'delay' }>
type Loss = Extract<Disturbance, { kind: 'loss' }>

/** A delay of this kind, in ms; never negative. The mean of a pareto's tail is `jitterMs`. */
export function drawDelayMs({ delayMs, jitterMs, distribution }: Delay, random: Random): number {
  switch (distribution) {
    case 'uniform': return Math.max(0, delayMs + jitterMs * (2 * random.fraction() - 1))
    case 'normal': return Math.max(0, delayMs + jitterMs * drawNormal(random))
    // Shape 2: the mean exists, the variance does not. Minus 1, so that the shortest is `delayMs`.
    case 'pareto': return delayMs + jitterMs * (1 / Math.sqrt(1 - random.fraction()) - 1)
  }
}

/** Box and Muller. */
function drawNormal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random.fraction())) * Math.cos(2 * Math.PI * random.fraction())
}

/**
 * Which packets of one link are lost. Two states, after Gilbert: in the bad one
 * all is lost. The bad state is left with 1/burstLength a packet, and entered
 * so often that `probability` of all packets meet it. With a burst length of 1
 * or less every packet is drawn on its own.
 */
export class PacketLoss {
  readonly #probability: number
  readonly #leave: number
  readonly #enter: number
  #bad = false

  constructor({ probability, burstLength }: Pick<Loss, 'probability' | 'burstLength'>) {
    this.#probability = probability
    this.#leave = 1 / Math.max(1, burstLength)
    this.#enter = probability >= 1 ? 1 : Math.min(1, this.#leave * probability / (1 - probability))
  }

  next(random: Random): boolean {
    if (this.#leave === 1) return random.chance(this.#probability)
    this.#bad = this.#probability >= 1 || (this.#bad ? !random.chance(this.#leave) : random.chance(this.#enter))
    return this.#bad
  }
}
