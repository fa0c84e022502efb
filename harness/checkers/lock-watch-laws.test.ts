/** What changes no verdict of the checkers of locks and of watchers, on correct histories and on ones that were tampered with. */
import fc from 'fast-check'
import t from 'tap'
import type { OperationEvent } from '../history/event.ts'
import { resolvePlan } from '../plan/resolve-plan.ts'
import { checkLocks } from './locks.ts'
import { correctLockHistory, correctWatchHistory } from './testing-histories.ts'
import type { CheckResult } from './verdict.ts'
import { checkWatches } from './watches.ts'

const plan = resolvePlan({ nemesis: [] }, { env: 'local', drawSeed: () => 1, workloads: ['register'], nemeses: [], partitionTargets: [] })

const subjects = [
  {
    name: 'locks', make: correctLockHistory, check: (history: readonly OperationEvent[]) => checkLocks(history, plan, { faults: [] }),
    /** Any read that saw the lock saw it otherwise. */
    tamper: (value: any) => value?.lock ? { lock: { ...value.lock, lockIndex: value.lock.lockIndex + 50 } } : null,
    /** The names of things: sessions and tokens. */
    rename: (key: string, value: unknown) => ['session', 'token', 'from', 'to', 'releaseToken'].includes(key) && typeof value === 'string' ? `x${value}` : value,
  },
  {
    name: 'watches', make: correctWatchHistory, check: (history: readonly OperationEvent[]) => checkWatches(history, plan, { faults: [] }),
    /** Any answer with something in it showed a value that is none: what lacks something may be explained by what may have happened. */
    tamper: (value: any) => value?.entries?.length > 0 ? { ...value, entries: value.entries.map(([key, shown, version]: [string, number, number], i: number) => [key, i === 0 ? 987_654 : shown, version]) } : null,
    rename: (key: string, value: unknown) => key === '1' && typeof value === 'number' ? value * 1000 + 7 : key === '0' && typeof value === 'string' ? `x/${value}` : value,
  },
] as const

const verdicts = (results: readonly CheckResult[]) => results.map(({ checker, verdict }) => `${checker} ${verdict}`)

/** The completion of a read far from the start, tampered with so that it contradicts the rest; null where there is none. */
function tampered(history: readonly OperationEvent[], tamper: (value: unknown) => unknown, pick: number): OperationEvent[] | null {
  const candidates = history.flatMap((event, at) => event.type === 'ok' && event.process < 1000 && tamper(event.value) !== null ? [at] : [])
  if (candidates.length === 0) return null
  const chosen = candidates[pick % candidates.length]!
  return history.map((event, at) => at === chosen ? { ...event, value: tamper(event.value) } : event)
}

function renamed(history: readonly OperationEvent[], rename: (key: string, value: unknown) => unknown, key: (name: string) => string): OperationEvent[] {
  const deep = (value: unknown): unknown => JSON.parse(JSON.stringify(value, (name, one: unknown) => rename(name, one)))
  return history.map((event) => ({ ...event, ...event.key === undefined ? {} : { key: key(event.key) }, value: deep(event.value) }))
}

for (const { name, make, check, tamper, rename } of subjects) {
  t.test(`${name}: correct histories are accepted, and with one answer tampered with rejected`, async (t) => {
    let seen = 0
    await fc.assert(fc.asyncProperty(fc.nat(), fc.nat(), async (seed, pick) => {
      const history = make(seed)
      const results = await check(history)
      if (results.some(({ verdict }) => verdict === 'invalid')) throw new Error(`a correct history was rejected: ${JSON.stringify(results, null, 1)}`)
      const wrong = tampered(history, tamper, pick)
      if (wrong === null) return
      seen++
      if (!(await check(wrong)).some(({ verdict }) => verdict === 'invalid')) throw new Error('a wrong answer was accepted')
    }), { numRuns: 60 })
    t.ok(seen > 50, `${seen} were tampered with`)
  })

  t.test(`${name}: neither names nor who did it, nor one more read of what is there, change a verdict`, async (t) => {
    let invalid = 0
    await fc.assert(fc.asyncProperty(fc.nat(), fc.nat(), fc.boolean(), fc.uniqueArray(fc.nat({ max: 500 }), { minLength: 120, maxLength: 120 }), async (seed, pick, wrong, numbers) => {
      const good = make(seed)
      const history = wrong ? tampered(good, tamper, pick) ?? good : good
      const expected = verdicts(await check(history))
      if (expected.some((verdict) => verdict.endsWith('invalid'))) invalid++
      const law = async (what: string, other: readonly OperationEvent[]) => {
        const found = verdicts(await check(other))
        if (found.join() !== expected.join()) throw new Error(`${what}: ${expected.join()} became ${found.join()}`)
      }
      await law('permuting workers', history.map((event) => ({ ...event, process: event.process >= 1000 ? event.process : 2000 + numbers[event.process]! })))
      // Written the same way both times: keys in events and in answers.
      const number = name === 'watches' ? (value: unknown) => typeof value === 'number' ? value * 1000 + 7 : value : (value: unknown) => value
      await law('renaming', renamed(history, rename, (key) => name === 'watches' ? `x/${key}` : `x${key}`).map((event) => event.f === 'write' ? { ...event, value: number(event.value) } : event))
      if (!wrong) await law('reading what is there', make(seed, true))
    }), { numRuns: 40 })
    t.ok(invalid > 2, `${invalid} of them were invalid`)
  })
}
