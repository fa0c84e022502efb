import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'

/** Seeded chance. Everything random in a core comes through one of these. */
export interface Random {
  /** A uniform integer in [0, 2^32). */
  uint32(): number
  /** A uniform integer in [minInclusive, maxExclusive). */
  between(minInclusive: number, maxExclusive: number): number
  /** A uniform number in [0, 1). */
  fraction(): number
  /** True with the given probability in [0, 1]. */
  chance(probability: number): boolean
  /** One element of a non-empty array. */
  pick<T>(items: readonly T[]): T
  /** A shuffled copy. */
  shuffle<T>(items: readonly T[]): T[]
  /** An independent stream named by `label`; the same label gives the same stream for the same seed. */
  split(label: string): Random
}

/** FNV-1a, 32 bit: mixes a label into a seed. */
function hashLabel(label: string, seed: number): number {
  let hash = 0x811c9dc5 ^ seed
  for (let i = 0; i < label.length; i++) {
    hash ^= label.charCodeAt(i)
    hash = Math.imul(hash, 0x01000193)
  }
  hash ^= hash >>> 16
  hash = Math.imul(hash, 0x7feb352d)
  hash ^= hash >>> 15
  return hash | 0
}

/** Wellons' lowbias32: every bit of the seed changes every bit of the result about half the time. */
function mix(seed: number): number {
  let hash = seed | 0
  hash ^= hash >>> 16
  hash = Math.imul(hash, 0x7feb352d)
  hash ^= hash >>> 15
  hash = Math.imul(hash, 0x846ca68b)
  hash ^= hash >>> 16
  return hash
}

/** Chance from a 32-bit seed. */
export function seededRandom(seed: number): Random {
  // xoroshiro's first output is its seed plus a constant: without mixing,
  // seeds 1, 2, 3, … would all begin with nearly the same fraction.
  const generator = xoroshiro128plus(mix(seed))
  const uint32 = () => generator.next() >>> 0
  const fraction = () => uint32() / 0x1_0000_0000
  const between = (minInclusive: number, maxExclusive: number) => {
    if (!(maxExclusive > minInclusive)) {
      throw new RangeError(`between(${minInclusive}, ${maxExclusive}): the range is empty`)
    }
    return minInclusive + Math.floor(fraction() * (maxExclusive - minInclusive))
  }
  return {
    uint32,
    between,
    fraction,
    chance: (probability) => fraction() < probability,
    pick: (items) => items[between(0, items.length)]!,
    shuffle: (items) => {
      const copy = [...items]
      for (let i = copy.length - 1; i > 0; i--) {
        const j = between(0, i + 1)
        ;[copy[i], copy[j]] = [copy[j]!, copy[i]!]
      }
      return copy
    },
    // The child's seed depends on the parent's seed and the label only, not on
    // how much the parent has drawn: adding a draw here changes nothing there.
    split: (label) => seededRandom(hashLabel(label, seed)),
  }
}
