import { medianOf, spreadOf } from '../bench/spread.ts'
import { seededRandom, type Random } from '../../node/base/random.ts'

/**
 * Whether two sets of samples differ by more than they scatter themselves.
 * Two things are said of each pair: a rank test tells whether (it asks nothing
 * of the distribution, which latencies and elections would not keep), and a
 * bootstrapped interval of the ratio of medians tells how much.
 */

/** A difference counts below this. Strict, because a comparison asks dozens of such questions at once: of 100 metrics that did not change, one will look as if it had. */
export const significanceLevel = 0.01

/** Additions that counting may take, some ms: 31 samples of each, or 5 beside 110. Beyond, the normal distribution is good enough. */
const usualStepsMax = 8e6

/**
 * Two-sided p-value of the Wilcoxon–Mann–Whitney test (Mann and Whitney 1947),
 * ties by mid-ranks. For few samples exactly, by counting all ways to deal the
 * ranks out; for many by the normal approximation with corrections for ties and
 * continuity. At least one sample each.
 */
export function rankTestP(one: readonly number[], other: readonly number[], exactStepsMax = usualStepsMax): number {
  // The ranks of one set are those that the other leaves, so that the smaller one says it all.
  const [a, b] = one.length <= other.length ? [one, other] : [other, one]
  const doubledRanks = doubledMidRanks([...a, ...b])
  // Half ranks doubled are integers, so that equal sums are equal.
  const observed = sum(doubledRanks.slice(0, a.length))
  const size = a.length + b.length
  return size * a.length * size * (size + 1) <= exactStepsMax ? exactP(doubledRanks, a.length, observed) : normalP(doubledRanks, a.length, observed)
}

/** With so few samples no difference could ever count, however large. */
export function canTell(sizeA: number, sizeB: number): boolean {
  // The two most extreme of all ways to deal the ranks out.
  return 2 / waysToChoose(sizeA + sizeB, sizeA) < significanceLevel
}

/** Samples that each of two equally large sets needs. */
export const samplesNeeded = [2, 3, 4, 5, 6, 7, 8].find((size) => canTell(size, size))!

export interface Ratio {
  /** Of the medians, other to base. */
  readonly ratio: number
  /** The middle 95 % of the ratios of medians of samples drawn again from these. */
  readonly low: number
  readonly high: number
}

/** Null where the base's median is zero. The same samples give the same interval. */
export function ratioOfMedians(base: readonly number[], other: readonly number[], resamples = 1000): Ratio | null {
  const medianOfBase = spreadOf(base).median
  if (medianOfBase === 0) return null
  const random = seededRandom(0x5eed)
  const ratios: number[] = []
  for (let i = 0; i < resamples; i++) {
    const below = medianOfDraw(base, random)
    const above = medianOfDraw(other, random)
    if (below !== 0) ratios.push(above / below)
  }
  ratios.sort((x, y) => x - y)
  const at = (p: number) => ratios[Math.min(ratios.length - 1, Math.floor(p * ratios.length))]!
  return { ratio: spreadOf(other).median / medianOfBase, low: at(0.025), high: at(0.975) }
}

function medianOfDraw(samples: readonly number[], random: Random): number {
  const drawn = new Float64Array(samples.length)
  for (let i = 0; i < drawn.length; i++) drawn[i] = samples[random.between(0, samples.length)]!
  return medianOf(drawn.sort())
}

function doubledMidRanks(values: readonly number[]): number[] {
  const order = values.map((_, i) => i).sort((i, j) => values[i]! - values[j]!)
  const ranks = new Array<number>(values.length)
  for (let from = 0; from < order.length;) {
    let to = from
    while (to + 1 < order.length && values[order[to + 1]!] === values[order[from]!]) to += 1
    // Ranks from+1 to to+1 are shared: twice their mean is their sum's ends.
    for (let i = from; i <= to; i++) ranks[order[i]!] = from + to + 2
    from = to + 1
  }
  return ranks
}

/** The share of all ways to choose `count` of the ranks whose sum is at least as far from the mean as the observed. */
function exactP(ranks: readonly number[], count: number, observed: number): number {
  const total = sum(ranks)
  // ways[k][s]: how many sets of k ranks have the sum s.
  const ways = Array.from({ length: count + 1 }, () => new Float64Array(total + 1))
  ways[0]![0] = 1
  for (const rank of ranks) {
    for (let k = count; k > 0; k--) {
      const from = ways[k - 1]!
      const to = ways[k]!
      for (let s = total; s >= rank; s--) to[s]! += from[s - rank]!
    }
  }
  // Times the size of all, so that the mean is an integer too.
  const distance = (s: number) => Math.abs(s * ranks.length - total * count)
  const limit = distance(observed)
  let extreme = 0
  let all = 0
  ways[count]!.forEach((number, s) => {
    all += number
    if (distance(s) >= limit) extreme += number
  })
  return extreme / all
}

function normalP(ranks: readonly number[], count: number, observed: number): number {
  const size = ranks.length
  const rest = size - count
  const tied = new Map<number, number>()
  for (const rank of ranks) tied.set(rank, (tied.get(rank) ?? 0) + 1)
  const ties = sum([...tied.values()].map((t) => t ** 3 - t))
  const variance = count * rest / 12 * (size + 1 - ties / (size * (size - 1)))
  if (variance === 0) return 1
  const distance = Math.max(0, Math.abs(observed / 2 - count * (size + 1) / 2) - 0.5)
  return Math.min(1, 2 * upperTail(distance / Math.sqrt(variance)))
}

/** Of the standard normal distribution, z at least 0: Abramowitz and Stegun 26.2.17, off by less than 7.5e-8. */
function upperTail(z: number): number {
  const t = 1 / (1 + 0.2316419 * z)
  const polynomial = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
  return Math.exp(-z * z / 2) / Math.sqrt(2 * Math.PI) * polynomial
}

function waysToChoose(n: number, k: number): number {
  let ways = 1
  for (let i = 1; i <= k; i++) ways = ways * (n - k + i) / i
  return ways
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
