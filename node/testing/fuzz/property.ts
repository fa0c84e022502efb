import fc from 'fast-check'

/** What a fuzz test may say to its test runner. */
interface Test {
  comment(...what: unknown[]): void
  pass(message: string): unknown
}

/**
 * Runs a property so many times from a seed that is printed, and of which
 * `FUZZ_SEED` repeats the course. What the property throws fails the test with
 * the smallest input that fast-check finds.
 */
export function fuzz<T extends [unknown, ...unknown[]]>(t: Test, numRuns: number, property: fc.IProperty<T>): void {
  const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 31)
  t.comment(`FUZZ_SEED=${seed}, ${numRuns} runs`)
  const startMs = performance.now()
  fc.assert(property, { numRuns, seed, includeErrorInReport: true })
  t.pass(`${numRuns} runs in ${((performance.now() - startMs) / 1000).toFixed(1)} s`)
}
