import type { CheckResult, Verdict } from '../checkers/verdict.ts'

export interface Judgement {
  readonly verdict: Verdict
  readonly results: readonly CheckResult[]
}

export interface PendingCheck {
  /** For the result of one that throws. */
  readonly checker: string
  /** `before`: of the checks before it, and what is known. */
  readonly check: (before: readonly CheckResult[]) => Promise<CheckResult | readonly CheckResult[]>
  /** Has no part in the verdict, even if it throws. */
  readonly informational?: true
}

/** Runs the checks one after another, adds what is already known. A check that throws is `unknown` with the error. */
export async function judge(checks: readonly PendingCheck[], known: readonly CheckResult[]): Promise<Judgement> {
  const results: CheckResult[] = []
  for (const { checker, check, informational } of checks) {
    try {
      results.push(...[await check([...results, ...known])].flat())
    } catch (error) {
      results.push({ checker, ...informational === true ? { informational } : {}, verdict: 'unknown', summary: `the check itself failed: ${(error as Error)?.message ?? String(error)}`, evidence: [], details: {} })
    }
  }
  results.push(...known)
  return { verdict: combineVerdicts(results.filter(({ informational, notRun }) => informational !== true && notRun !== true).map(({ verdict }) => verdict)), results }
}

/** `invalid` beats `unknown` beats `valid`; of nothing at all nothing is known. */
export function combineVerdicts(verdicts: readonly Verdict[]): Verdict {
  if (verdicts.includes('invalid')) return 'invalid'
  return verdicts.length === 0 || verdicts.includes('unknown') ? 'unknown' : 'valid'
}
