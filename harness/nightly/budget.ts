import type { Cell } from './matrix.ts'

/** A run that was done, for what the next ones will take. */
export interface RunTime {
  readonly env: Cell['env']
  readonly workload: string
  readonly members: number
  readonly timeLimitS: number
  readonly tookS: number
}

export type RunToEstimate = Omit<RunTime, 'tookS'>

/** Before anything was seen: starting, recovering and judging, beside the main phase. */
const firstGuess: Readonly<Record<Cell['env'], { readonly beside: number, readonly perSecond: number }>> = {
  // Virtual time goes as fast as one core lets it.
  simulated: { beside: 2, perSecond: 0.15 },
  local: { beside: 20, perSecond: 1 },
  docker: { beside: 45, perSecond: 1 },
}

/** Runs differ by their faults and by what else the machine does. */
const margin = 1.3

/** How long runs take: a guess until runs of the kind were seen, then their mean and a margin. One that takes longer is torn down when the budget ends. Pure. */
export class RunTimes {
  readonly #ofKind = new Map<string, Mean>()
  readonly #besideOfEnv = new Map<string, Mean>()

  /** In order of what is known best: this workload on so many members; this environment; nothing. */
  estimateS(run: RunToEstimate): number {
    const known = this.#ofKind.get(kind(run))
    if (known !== undefined) return known.value * margin
    const { beside, perSecond } = firstGuess[run.env]
    const seen = this.#besideOfEnv.get(run.env)
    // Another workload tells little of this one: half of what was seen, half of what was guessed.
    return (seen === undefined ? beside : (beside + seen.value) / 2) + perSecond * run.timeLimitS
  }

  learn(run: RunTime): void {
    meanOf(this.#ofKind, kind(run)).add(run.tookS)
    meanOf(this.#besideOfEnv, run.env).add(Math.max(0, run.tookS - firstGuess[run.env].perSecond * run.timeLimitS))
  }
}

class Mean {
  #sum = 0
  #count = 0

  get value(): number {
    return this.#sum / this.#count
  }

  add(value: number): void {
    this.#sum += value
    this.#count += 1
  }
}

function meanOf(means: Map<string, Mean>, name: string): Mean {
  const known = means.get(name) ?? new Mean()
  means.set(name, known)
  return known
}

const kind = ({ env, workload, members, timeLimitS }: RunToEstimate) => `${env} ${workload} ${members} ${timeLimitS}`

/** Kept back from a budget, for tearing down what does not end and for writing: a twentieth of it, at most this. */
const closingSMax = 15

/** The part of the budget in which runs may be on. */
export const runningSOf = (budgetS: number): number => budgetS - Math.min(closingSMax, budgetS / 20)
