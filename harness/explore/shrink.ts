import fc from 'fast-check'
import { smaller, type Candidate } from './candidate.ts'

/** What one trial of a candidate came to. */
export interface Trial {
  /** Runs that showed what is looked for. */
  readonly shown: number
  readonly runs: number
}

export interface ShrinkPorts {
  /** Tries it; ends as soon as one run shows it. */
  readonly trial: (candidate: Candidate) => Promise<Trial>
  readonly onSmaller: (candidate: Candidate) => void
  readonly nowMs: () => number
  readonly stopped: () => boolean
}

/**
 * The smallest candidate that still shows it, that was found within the time.
 * fast-check walks through what is smaller; begun again from what it found
 * until nothing smaller shows it, because what one part allows depends on the
 * others.
 */
export async function shrink(start: Candidate, budgetMs: number, ports: ShrinkPorts): Promise<Candidate> {
  const untilMs = ports.nowMs() + budgetMs
  const over = () => ports.stopped() || ports.nowMs() >= untilMs
  const known = new Map<string, boolean>()
  let best = start
  while (!over()) {
    const before = JSON.stringify(best)
    const { arbitrary, example } = smaller(best)
    let first = true
    await fc.check(fc.asyncProperty(arbitrary, async (candidate) => {
      // The example itself is what was found last; rounding may have moved it by less than a tenth.
      if (first) {
        first = false
        return false
      }
      if (over()) return true
      const name = JSON.stringify(candidate)
      const shows = known.get(name) ?? (await ports.trial(candidate)).shown > 0
      known.set(name, shows)
      if (shows) {
        best = candidate
        ports.onSmaller(candidate)
      }
      return !shows
    }), { examples: [[example]], numRuns: 1 })
    if (JSON.stringify(best) === before) return best
  }
  return best
}
