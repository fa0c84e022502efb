import type { SequentialModel } from './model.ts'
import { search, type SearchLimits, type SearchResult } from './search.ts'

/** One step for the search, where it does not come from an operation of a history. Positions are distinct; smaller is earlier. */
export interface SearchStep {
  /** As the model encodes it. */
  readonly encoded: string
  readonly invoke: number
  /** Infinity: it may have happened at any time from `invoke` on, or not at all. */
  readonly return: number
}

/** As `search`, for steps in any order; `blocked` is one's place in `steps`. */
export function searchSteps(model: SequentialModel, steps: readonly SearchStep[], limits: SearchLimits): SearchResult {
  const order = steps.map((_, at) => at).sort((a, b) => steps[a]!.invoke - steps[b]!.invoke)
  const kinds = new Map<string, number>()
  for (const { encoded } of steps) if (!kinds.has(encoded)) kinds.set(encoded, kinds.size)
  const result = search(model, {
    texts: [...kinds.keys()],
    kinds: Int32Array.from(order, (at) => kinds.get(steps[at]!.encoded)!),
    invoke: Float64Array.from(order, (at) => steps[at]!.invoke),
    return: Float64Array.from(order, (at) => steps[at]!.return),
  }, limits)
  return result.kind === 'not-linearizable' ? { ...result, blocked: order[result.blocked]! } : result
}
