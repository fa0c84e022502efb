/** Each key as one register: writers write and delete it, every answer to a watcher reads it. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { PairedOperation } from '../history/operations.ts'
import { decide } from './decide.ts'
import { explain } from './evidence.ts'
import { minimize } from './minimize.ts'
import type { Model } from './model.ts'
import type { Observation } from './watch-history.ts'
import type { WatchChecking } from './watches.ts'
import type { CheckResult, Evidence } from './verdict.ts'

const evidenceMax = 5
const minimizeMsMax = 3000

/** Write, delete and read. A delete that may have happened is tried only where there is something to delete. */
export const watchedKey: Model = {
  name: 'watched key',
  initial: 'null',
  encode({ f, input, output, outcome }) {
    switch (f) {
      case 'write': return `w${JSON.stringify(input)}`
      case 'delete': return outcome === 'ok' ? 'd' : '?'
      default: return `r${JSON.stringify(output ?? null)}`
    }
  },
  step(state, encoded) {
    switch (encoded[0]) {
      case 'w': return encoded.slice(1)
      case 'd': return 'null'
      case '?': return state === 'null' ? null : 'null'
      default: return encoded.slice(1) === state ? state : null
    }
  },
  isPure: (encoded) => encoded[0] === 'r',
  isRead: ({ f }) => f === 'read',
  written: ({ f, input }) => f === 'write' ? JSON.stringify(input) : null,
  observed: ({ f, output }) => f === 'read' ? JSON.stringify(output ?? null) : null,
  mayShow: ({ f, input }, { f: seeing, output }) => seeing === 'read' && JSON.stringify(output ?? null) === (f === 'delete' ? 'null' : JSON.stringify(input)),
  describeState: (state) => state === 'null' ? 'absent' : state,
}

export async function checkWatchedKeys({ changes, observations, plan, isStrict }: WatchChecking, nowMs: () => number): Promise<CheckResult> {
  const startMs = nowMs()
  const limits = { expired: () => nowMs() - startMs > plan.checkTimeLimitS * 1000, bytesMax: plan.checkMemoryMiB * 1024 * 1024, nodesMax: Infinity }
  const strict = observations.filter(isStrict)
  const evidence: Evidence[] = []
  const undecided: string[] = []
  let invalidKeys = 0
  let count = 0
  const keys = [...Map.groupBy(changes, ({ key }) => key ?? '')].sort((a, b) => a[1].length - b[1].length)
  for (const [key, its] of keys) {
    const operations = [...its, ...readsOf(key, its, strict)].sort((a, b) => a.invokePosition - b.invokePosition)
    count += operations.length
    const result = decide(watchedKey, operations, limits)
    if (result.kind === 'unknown') undecided.push(`${key}: the ${result.cause} allowed was used up with ${result.linearized} of ${result.certain} operations placed`)
    else if (result.kind === 'not-linearizable') {
      invalidKeys++
      if (evidence.length < evidenceMax) {
        const untilMs = nowMs() + minimizeMsMax
        const minimal = minimize(watchedKey, result.suspects, operations, { ...limits, expired: () => nowMs() > untilMs })
        evidence.push(explain(watchedKey, key, minimal, operations.length, { ...limits, expired: () => false, nodesMax: 1e6 }))
      }
    }
    await nextTurn()
  }
  const result = (verdict: CheckResult['verdict'], summary: string): CheckResult => ({
    checker: 'watched-keys', verdict, summary, evidence, details: { keys: keys.length, operations: count, seconds: Math.round(nowMs() - startMs) / 1000 },
  })
  if (invalidKeys > 0) return result('invalid', `Of ${invalidKeys} of ${keys.length} keys watchers were told what cannot have been: an acknowledged change is missing from a later answer, or what was gone came back.`)
  if (undecided.length > 0) return result('unknown', `Not decided for ${undecided.length} of ${keys.length} keys: ${undecided.slice(0, 3).join('; ')}. Allow more time or memory, or use fewer operations a key.`)
  if (changes.every(({ outcome }) => outcome !== 'ok')) return result('unknown', 'There was nothing to check: no change was acknowledged.')
  if (strict.length === 0) return result('valid', 'No answer promised to be of the time in which it was given (stale reads, or leases with skewed clocks).')
  return result('valid', `${changes.length} changes of ${keys.length} keys: every answer shows what was acknowledged before it was asked for, in one order for all.`)
}

/** What every answer about a prefix of the key says of it. Before the first write was begun it says nothing: a value then is nobody's. */
function readsOf(key: string, changes: readonly PairedOperation[], observations: readonly Observation[]): PairedOperation[] {
  const first = Math.min(...changes.map(({ invokePosition }) => invokePosition))
  return observations.filter(({ prefix, operation }) => key.startsWith(prefix) && operation.returnPosition > first)
    .map(({ entries, operation }) => ({ ...operation, f: 'read', key, input: null, output: entries.get(key)?.value ?? null }))
}
