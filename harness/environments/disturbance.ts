import { unreachable } from '../../node/base/assert.ts'
import type { Random } from '../../node/base/random.ts'
import type { Disturbance } from './capabilities.ts'

type Delay = Extract<Disturbance, { kind: 'delay' }>
type Loss = Extract<Disturbance, { kind: 'loss' }>

/**
 * A delay of this kind, in ms; never negative. The excess of a pareto's tail over `delayMs` has the mean `jitterMs / (paretoShape - 1)`.
 *
 * @param paretoShape above 1, so that there is a mean; above 2 the variance exists too, and jumps are rarer
 */
export function drawDelayMs({ delayMs, jitterMs, distribution }: Delay, random: Random, paretoShape: number): number {
  switch (distribution) {
    case 'uniform': return Math.max(0, delayMs + jitterMs * (2 * random.fraction() - 1))
    // Box and Muller's transform; 1 - fraction is in (0, 1].
    case 'normal': return Math.max(0, delayMs + jitterMs * Math.sqrt(-2 * Math.log(1 - random.fraction())) * Math.cos(2 * Math.PI * random.fraction()))
    // Minus 1, so that the shortest is `delayMs`.
    case 'pareto': return delayMs + jitterMs * ((1 - random.fraction()) ** (-1 / paretoShape) - 1)
    default: return unreachable(distribution)
  }
}

/**
 * Which packets of one link are lost. Two states, after Gilbert: in the good one
 * none is lost, in the bad one all are. The bad one is left with chance 1/b at
 * each packet, so bursts have the mean length b; entering it with chance
 * p / (b (1 - p)) makes the share of lost packets p. With a burst length of 1
 * or less every packet is drawn on its own.
 */
export class PacketLoss {
  readonly #probability: number
  readonly #burstLength: number
  readonly #enter: number
  /** Within a burst of losses. */
  #bad = false

  constructor({ probability, burstLength }: Pick<Loss, 'probability' | 'burstLength'>) {
    this.#probability = probability
    this.#burstLength = burstLength
    this.#enter = Math.min(1, probability / (burstLength * (1 - probability)))
  }

  next(random: Random): boolean {
    if (this.#probability >= 1) return true
    if (this.#burstLength <= 1) return random.chance(this.#probability)
    if (random.chance(this.#bad ? 1 / this.#burstLength : this.#enter)) this.#bad = !this.#bad
    return this.#bad
  }
}
