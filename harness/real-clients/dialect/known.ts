import type { StepComparison } from './run-scripts.ts'

/** A difference from real Consul that is meant, or cannot be helped. */
export interface KnownDifference {
  /** A request as `StepComparison` writes it, or a pattern of several. */
  readonly request: string | RegExp
  /** What may differ: `status`, the name of a header, `body`, `body[0].Value`, with all that is inside. */
  readonly parts: readonly string[]
  /** Why, in a sentence. */
  readonly reason: string
}

export interface Judgement {
  /** Differences that nobody announced: `GET /v1/kv/a: status: 200 against 404`. */
  readonly unexpected: readonly string[]
  /** Announced, but no longer there: an entry, or a part of one. */
  readonly outdated: readonly string[]
}

/** Sets what was found against what was announced. */
export function judge(comparisons: readonly StepComparison[], known: readonly KnownDifference[]): Judgement {
  const unexpected: string[] = []
  const unseen = new Set(known.flatMap((entry) => entry.parts.map((part) => describe(entry, part))))
  for (const { request, differences } of comparisons) {
    const entries = known.filter((entry) => matches(entry.request, request))
    for (const difference of differences) {
      const announced = entries.flatMap((entry) => entry.parts.filter((part) => concerns(difference, part)).map((part) => describe(entry, part)))
      if (announced.length === 0) unexpected.push(`${request}: ${difference}`)
      for (const one of announced) unseen.delete(one)
    }
  }
  return { unexpected, outdated: [...unseen] }
}

const describe = ({ request }: KnownDifference, part: string) => `${String(request)}: ${part}`

function matches(wanted: string | RegExp, request: string): boolean {
  return typeof wanted === 'string' ? wanted === request : wanted.test(request)
}

/** Whether a line of `differences` is about that part or something inside it. */
function concerns(difference: string, part: string): boolean {
  return difference.startsWith(part) && /^[:.[]/.test(difference.slice(part.length))
}
