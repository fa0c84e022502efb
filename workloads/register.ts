import type { HistoryEvent } from '../harness/history/event.ts'
import { checkLinearizability } from '../harness/checkers/linearizability.ts'
import { checkConsistencyModes, withoutStaleReads } from '../harness/checkers/consistency-modes.ts'
import { models } from '../harness/checkers/model.ts'
import type { CheckResult } from '../harness/checkers/verdict.ts'
import type { RunPlan } from '../harness/plan/plan.ts'
import type { Random } from '../node/base/random.ts'
import { KeyRotation } from './key-rotation.ts'
import type { KvClient, Operation, OperationOutcome, Workload, WorkScope } from './workload.ts'

/**
 * Each key is a register: read, write, compare-and-set. Every value that is
 * written is an integer that no other operation of the run writes, so that a
 * read tells whose write it saw. The histories are judged key by key.
 */
export const register: Workload = {
  name: 'register',
  about: 'read, write and compare-and-set on many keys; each key must behave as one register (linearizable)',
  operations: registerOperations,
  finalOperations: (_plan, history) =>
    touchedKeys(history).map((key) => ({ f: 'read', key, value: null, consistency: 'consistent' })),
  perform,
  check: checkRegister,
}

/** Shares of 100 operations. */
const readShare = 40
const writeShare = 30
/** How often a cas expects the newest value that was to be written to the key, rather than the one before. */
const newestShare = 75

function registerOperations(plan: RunPlan, random: Random): () => Operation {
  const keys = new KeyRotation(plan.keyCount, plan.opsPerKey)
  // What cas expects is drawn from what was lately to be written to the key:
  // whether it was is not known here, but in a quiet cluster it mostly was.
  const recent = new Map<string, number[]>()
  let value = 0
  const remember = (key: string, written: number) => {
    const before = recent.get(key)
    recent.set(key, before === undefined ? [written] : [written, before[0]!])
  }
  return () => {
    const key = keys.draw(random.between(0, plan.keyCount))
    const share = random.between(0, 100)
    if (share < readShare) return { f: 'read', key, value: null }
    const candidates = recent.get(key)
    value += 1
    if (share < readShare + writeShare || candidates === undefined) {
      remember(key, value)
      return { f: 'write', key, value }
    }
    const expected = random.between(0, 100) < newestShare ? candidates[0]! : candidates.at(-1)!
    // A cas that expects an older value most likely fails: the next one should not build on it.
    if (expected === candidates[0]) remember(key, value)
    return { f: 'cas', key, value: [expected, value] }
  }
}

async function perform(operation: Operation, client: KvClient, { plan }: WorkScope): Promise<OperationOutcome> {
  const key = operation.key!
  const consistency = operation.consistency ?? plan.consistency
  switch (operation.f) {
    case 'read': {
      const read = await client.read(key, consistency)
      return read.type === 'ok' ? { type: 'ok', value: decodeValue(read.value), ...versionOf(read.version) } : read
    }
    case 'write': {
      const write = await client.write(key, String(operation.value))
      return write.type === 'ok' ? { type: 'ok', ...versionOf(write.version) } : write
    }
    case 'cas':
      return compareAndSet(key, operation.value as [number, number], client, consistency)
    default:
      throw new Error(`register knows no operation ${operation.f}`)
  }
}

/**
 * The system compares versions, not values: read, and swap only if the version
 * is still the one that was read. The swap is what counts; whatever the read
 * saw, it succeeds only if the key had the expected value at that moment.
 */
async function compareAndSet(key: string, [expected, next]: readonly [number, number], client: KvClient, consistency: RunPlan['consistency']): Promise<OperationOutcome> {
  const read = await client.read(key, consistency)
  if (read.type !== 'ok') return { type: 'fail', error: `read before the swap: ${read.error}` }
  const seen = decodeValue(read.value)
  if (seen !== expected) return { type: 'fail', error: `the value is ${JSON.stringify(seen)}, not ${expected}` }
  const swap = await client.compareAndSet(key, String(next), read.version ?? 0)
  if (swap.type !== 'ok') return swap
  return swap.swapped ? { type: 'ok' } : { type: 'fail', error: `the version is no longer ${read.version}` }
}

/** What nobody can have written stays as it is: the checker shall see it. */
function decodeValue(text: string | null): number | string | null {
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : text
}

const versionOf = (version: number | null | undefined) => version === null || version === undefined ? {} : { version }

/** In order of first use. */
function touchedKeys(history: readonly HistoryEvent[]): string[] {
  const keys = new Set<string>()
  for (const event of history) if (event.process !== 'nemesis' && event.key !== undefined) keys.add(event.key)
  return [...keys]
}

/** Writes, swaps and reads that are not stale must be linearizable. Reads that may promise less are labelled with what held for them. */
async function checkRegister(history: readonly HistoryEvent[], plan: RunPlan): Promise<CheckResult | readonly CheckResult[]> {
  const linearizable = (events: readonly HistoryEvent[]) => checkLinearizability(events, models['cas-register'], {
    timeLimitS: plan.checkTimeLimitS,
    memoryMiB: plan.checkMemoryMiB,
    // A run whose operations all failed proves nothing.
    requireCompleted: true,
  })
  const all = await linearizable(history)
  switch (plan.consistency) {
    case 'consistent': return all
    case 'default': return [all, checkConsistencyModes(history, { mode: 'default', linearizability: all })]
    case 'stale': {
      const strong = all.verdict === 'valid' ? all : await linearizable(withoutStaleReads(history, 'stale'))
      return [
        { ...strong, summary: `Without the stale reads: ${strong.summary}` },
        checkConsistencyModes(history, { mode: 'stale', linearizability: all }),
      ]
    }
  }
}
