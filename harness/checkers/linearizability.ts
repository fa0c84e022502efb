import { setImmediate as nextTurn } from 'node:timers/promises'
import type { HistoryEvent } from '../history/event.ts'
import { pairOperations, type PairedOperation } from '../history/operations.ts'
import { explain, minimize } from './evidence.ts'
import type { Model } from './model.ts'
import { compile } from './problem.ts'
import { prune } from './prune.ts'
import { search, type SearchResult } from './search.ts'
import type { CheckResult, Evidence } from './verdict.ts'

export interface LinearizabilityLimits {
  /** Seconds for all keys together. */
  readonly timeLimitS: number
  /** MiB for the largest search. */
  readonly memoryMiB: number
}

export interface LinearizabilityOptions extends LinearizabilityLimits {
  /** False: the whole history is one object, though it names keys. Default true. */
  readonly byKey?: boolean
  /**
   * True: a history in which nothing completed is `unknown`, for a run that
   * did nothing proves nothing. False: it is linearizable, trivially, as long as
   * something was invoked. Default false.
   */
  readonly requireCompleted?: boolean
  /** Monotonic ms. Default: the process's clock. */
  readonly nowMs?: () => number
}

/** At most this long is spent on making the evidence of one key small. */
const minimizeMsMax = 3000
const evidenceMax = 5

/**
 * Whether each key's operations are linearizable (Herlihy and Wing). Keys are
 * independent objects, and a history is linearizable if and only if each
 * object's is (locality), so each is searched alone, small ones first.
 *
 * valid: all are. invalid: at least one is not. unknown: none is known not to
 * be, but some could not be decided within the limits, or there was nothing to check.
 */
export async function checkLinearizability(history: readonly HistoryEvent[], model: Model, options: LinearizabilityOptions): Promise<CheckResult> {
  const nowMs = options.nowMs ?? (() => performance.now())
  const startMs = nowMs()
  const deadlineMs = startMs + options.timeLimitS * 1000
  const limits = { expired: () => nowMs() > deadlineMs, bytesMax: options.memoryMiB * 1024 * 1024, nodesMax: Infinity }
  const paired = pairOperations(history)
  const objects = partition(paired, options.byKey ?? true ? (operation) => operation.key : (operation) => model.cell?.(operation) ?? null)
  const completed = paired.filter((operation) => operation.outcome === 'ok').length
  const undecided: string[] = []
  const evidence: Evidence[] = []
  let invalidKeys = 0
  let operationCount = 0
  let configurations = 0
  for (const [key, operations] of objects) {
    const pruned = prune(model, operations)
    const { problem, kept } = compile(model, pruned)
    operationCount += kept.length
    const result: SearchResult = search(model, problem, limits)
    configurations += result.configurations
    if (result.kind === 'unknown') {
      undecided.push(`${key ?? 'the object'}: ${result.cause === 'time' ? 'the time' : 'the memory'} allowed was used up with ${result.linearized} of ${kept.length} operations placed`)
    } else if (result.kind === 'not-linearizable') {
      invalidKeys++
      if (evidence.length < evidenceMax) {
        const minimizeDeadlineMs = nowMs() + minimizeMsMax
        const shortly = { ...limits, expired: () => nowMs() > minimizeDeadlineMs }
        const blocked = kept[result.blocked]!
        const minimal = minimize(model, pruned, blocked.returnPosition, shortly)
        evidence.push(explain(model, key, minimal, { blocked, states: result.states, leftOut: operations.length - minimal.length }))
      }
    }
    // A heartbeat, a Ctrl-C or a progress line may be waiting.
    await nextTurn()
  }
  const details = { model: model.name, keys: objects.length, operations: operationCount, configurations, seconds: Math.round(nowMs() - startMs) / 1000 }
  const count = (n: number, what: string) => `${n} ${what}${n === 1 ? '' : 's'}`
  const checked = `${count(operationCount, 'operation')} on ${count(objects.length, 'key')}`
  const result = (verdict: CheckResult['verdict'], summary: string): CheckResult => ({ checker: 'linearizability', verdict, summary, evidence, details })
  if (invalidKeys > 0) return result('invalid', `${invalidKeys} of ${count(objects.length, 'key')} cannot be linearized as ${model.name} (${checked}).`)
  if (undecided.length > 0) return result('unknown', `Not decided for ${undecided.length} of ${count(objects.length, 'key')}: ${undecided.slice(0, 3).join('; ')}. Allow more time or memory, or use fewer operations a key.`)
  if (!history.some((event) => event.type === 'invoke')) return result('unknown', 'There was nothing to check: the history has no operation.')
  if (completed === 0 && options.requireCompleted === true) return result('unknown', 'There was nothing to check: no operation completed.')
  if (completed === 0) return result('valid', `No operation completed, so nothing can contradict ${model.name}.`)
  return result('valid', `${checked} are linearizable as ${model.name}.`)
}

/** By key, fewest operations first: what is decided cheaply is decided before the budget is gone. */
function partition(operations: readonly PairedOperation[], keyOf: (operation: PairedOperation) => string | null): [key: string | null, operations: PairedOperation[]][] {
  const objects = new Map<string | null, PairedOperation[]>()
  for (const operation of operations) {
    const key = keyOf(operation)
    const object = objects.get(key)
    if (object === undefined) objects.set(key, [operation])
    else object.push(operation)
  }
  return [...objects].sort(([, a], [, b]) => a.length - b.length)
}
