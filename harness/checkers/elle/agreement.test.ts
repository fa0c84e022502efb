/**
 * The checker against all orders: it says valid exactly where some order
 * explains the history. Reads of lists leave nothing open: what nobody saw can
 * be put where it disturbs nobody.
 */
import fc from 'fast-check'
import t from 'tap'
import { seededRandom } from '../../../node/base/random.ts'
import type { OperationEvent } from '../../history/event.ts'
import { canBeOrdered } from './brute-force.ts'
import { checkListAppend, findAnomalies } from './list-append.ts'
import { randomHistory } from './random-history.ts'
import { readTransactions } from './transactions.ts'

const histories = fc.record({ seed: fc.integer({ min: 0, max: 2 ** 32 - 1 }), finalReads: fc.boolean() })
const anomalies = (history: readonly OperationEvent[]) => findAnomalies(readTransactions(history), { edgeBudget: 1e7, staleReads: false }).anomalies

t.test('agrees with the search of all orders', async (t) => {
  const counts = { valid: 0, invalid: 0 }
  fc.assert(fc.property(histories, ({ seed, finalReads }) => {
    const history = randomHistory(seededRandom(seed), finalReads)
    const expected = canBeOrdered(readTransactions(history).transactions)
    counts[expected ? 'valid' : 'invalid'] += 1
    const found = anomalies(history)
    const text = () => `${history.map(({ process, type, value }) => `${process} ${type} ${JSON.stringify(value)}`).join('\n')}\n${JSON.stringify(found)}`
    if ((found.length === 0) !== expected) throw new Error(`some order explains it: ${expected}\n${text()}`)
  }), { numRuns: 6000 })
  t.ok(counts.valid > 600 && counts.invalid > 600, JSON.stringify(counts))
})

/** What must not change a verdict. */
const laws: Readonly<Record<string, (history: readonly OperationEvent[]) => OperationEvent[]>> = {
  'other numbers for the workers': (history) => history.map((event) => ({ ...event, process: 100 - event.process })),
  'other names for keys and elements': (history) => history.map((event) => ({
    ...event,
    value: (event.value as [string, string, unknown][]).map(([f, key, argument]) =>
      [f, `list of ${key}`, typeof argument === 'number' ? `e${argument}` : (argument as number[] | null)?.map((element) => `e${element}`) ?? null]),
  })),
  'an aborted transaction more, of which nothing was seen': (history) => [
    ...history,
    { index: history.length, time: history.length, process: 500, type: 'invoke', f: 'txn', value: [['append', 'x', 999]] },
    { index: history.length + 1, time: history.length + 1, process: 500, type: 'fail', f: 'txn', value: [['append', 'x', 999]] },
  ],
}

for (const [what, change] of Object.entries(laws)) {
  t.test(`the verdict stays the same with ${what}`, async () => {
    fc.assert(fc.property(histories, ({ seed, finalReads }) => {
      const history = randomHistory(seededRandom(seed), finalReads)
      const names = (events: readonly OperationEvent[]) => Object.keys(checkListAppend(events).details['anomalies'] as object)
      const [before, after] = [names(history), names(change(history))]
      // A worker's own order is told from that of time by who the worker was: each here does one transaction.
      if (before.join() !== after.join()) throw new Error(`${before} became ${after}`)
    }), { numRuns: 500 })
  })
}

t.test('a completed read of what is there at the end never makes a valid history invalid', async () => {
  fc.assert(fc.property(histories, ({ seed }) => {
    // Everything is read at the end; somebody reads it once more.
    const history = randomHistory(seededRandom(seed), true)
    const last = history.at(-1)!
    const again = [
      { ...last, index: history.length, process: 700, type: 'invoke' as const, value: (last.value as [string, string, unknown][]).map(([f, key]) => [f, key, null]) },
      { ...last, index: history.length + 1, process: 700 },
    ]
    const [before, after] = [anomalies(history), anomalies([...history, ...again])]
    if ((before.length === 0) !== (after.length === 0)) throw new Error(`${before.length} anomalies became ${after.length}`)
  }), { numRuns: 500 })
})
