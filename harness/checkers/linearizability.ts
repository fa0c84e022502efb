import { availableParallelism } from 'node:os'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { HistoryEvent } from '../history/event.ts'
import { pairOperations, type PairedOperation } from '../history/operations.ts'
import { decideWithoutSearch, prepareSearch, type Decision } from './decide.ts'
import { explain } from './evidence.ts'
import { minimize } from './minimize.ts'
import type { Model } from './model.ts'
import { search, type SearchLimits } from './search.ts'
import { searchInThreads, threadedOperationsMin, threadModel } from './search-threads.ts'
import type { CheckResult, Evidence } from './verdict.ts'

export interface LinearizabilityLimits {
  /** Seconds for all keys together. */
  readonly timeLimitS: number
  /** MiB for the largest search, or for all that are made at a time. */
  readonly memoryMiB: number
  /** Configurations that the search of one key may go into. Default: as many as memory holds. */
  readonly nodesMax?: number
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
  /** Monotonic ms. Default: the process's clock; with another one all is done in this thread. */
  readonly nowMs?: () => number
  /** Threads for searches, where there is much to search. 1: all in this thread. Default: one for each core, at most 8. */
  readonly threads?: number
}

/** At most this long is spent on making the evidence of one key small. */
const minimizeMsMax = 3000
const evidenceMax = 5
const threadsMax = 8

interface KeyedOperations {
  readonly key: string | null
  readonly operations: readonly PairedOperation[]
}

/**
 * Whether each key's operations are linearizable (Herlihy and Wing). Keys are
 * independent objects, and a history is linearizable if and only if each
 * object's is (locality), so each is judged alone, small ones first: without a
 * search where values or versions tell whose write each read saw, else by search.
 *
 * valid: all are. invalid: at least one is not. unknown: none is known not to
 * be, but some could not be decided within the limits, or there was nothing to check.
 */
export async function checkLinearizability(history: readonly HistoryEvent[], model: Model, options: LinearizabilityOptions): Promise<CheckResult> {
  const nowMs = options.nowMs ?? (() => performance.now())
  const startMs = nowMs()
  const deadlineMs = startMs + options.timeLimitS * 1000
  const limits = { expired: () => nowMs() > deadlineMs, bytesMax: options.memoryMiB * 1024 * 1024, nodesMax: options.nodesMax ?? Infinity }
  const paired = pairOperations(history)
  // Cells of one object are independent objects as well.
  const objects = partition(paired, options.byKey ?? true ? (operation) => operation.key : (operation) => model.cell?.(operation) ?? null)
  const decisions = await decideAll(objects, model, limits, {
    remainingMs: () => Math.max(0, deadlineMs - nowMs()),
    threads: options.threads ?? (options.nowMs === undefined ? Math.min(threadsMax, availableParallelism()) : 1),
  })
  const evidence: Evidence[] = []
  for (const [i, decision] of decisions.entries()) {
    if (decision.kind !== 'not-linearizable' || evidence.length >= evidenceMax) continue
    const { key, operations } = objects[i]!
    const minimizeDeadlineMs = nowMs() + minimizeMsMax
    const shortly = { ...limits, expired: () => nowMs() > minimizeDeadlineMs }
    const minimal = minimize(model, decision.suspects, operations, shortly)
    evidence.push(explain(model, key, minimal, operations.length, { ...limits, expired: () => false, nodesMax: 1e6 }))
    await nextTurn()
  }
  return conclude(history, model, objects, decisions, evidence, {
    completed: paired.filter((operation) => operation.outcome === 'ok').length,
    requireCompleted: options.requireCompleted === true,
    seconds: Math.round(nowMs() - startMs) / 1000,
  })
}

/** In the order of the objects. */
async function decideAll(
  objects: readonly KeyedOperations[], model: Model, limits: SearchLimits,
  { remainingMs, threads }: { readonly remainingMs: () => number, readonly threads: number },
): Promise<Decision[]> {
  const decisions: (Decision | null)[] = []
  let sinceMs = remainingMs()
  // A heartbeat, a Ctrl-C or a progress line may be waiting.
  const breathe = async () => {
    if (sinceMs - remainingMs() < 20) return
    await nextTurn()
    sinceMs = remainingMs()
  }
  for (const { operations } of objects) {
    decisions.push(decideWithoutSearch(model, operations))
    await breathe()
  }
  const left = objects.map((_, i) => i).filter((i) => decisions[i] === null)
  const name = threadModel(model)
  const operationCount = left.reduce((sum, i) => sum + objects[i]!.operations.length, 0)
  const searches = left.map((i) => ({ i, ...prepareSearch(model, objects[i]!.operations) }))
  if (threads > 1 && searches.length > 1 && name !== null && operationCount >= threadedOperationsMin) {
    const results = await searchInThreads(name, searches.map(({ problem }) => problem), threads, { ...limits, remainingMs })
    searches.forEach(({ i, conclude }, at) => { decisions[i] = conclude(results[at]!) })
  }
  for (const { i, problem, conclude } of searches) {
    const decision = decisions[i] ?? null
    // What did not fit into a thread's share of the memory may fit into all of it.
    if (decision === null || (decision.kind === 'unknown' && decision.cause === 'memory')) decisions[i] = conclude(search(model, problem, limits))
    await breathe()
  }
  return decisions.map((decision) => decision!)
}

function conclude(
  history: readonly HistoryEvent[], model: Model, objects: readonly KeyedOperations[], decisions: readonly Decision[], evidence: readonly Evidence[],
  { completed, requireCompleted, seconds }: { readonly completed: number, readonly requireCompleted: boolean, readonly seconds: number },
): CheckResult {
  const operationCount = objects.reduce((sum, { operations }) => sum + operations.length, 0)
  const byMethod = { values: 0, versions: 0, search: 0 }
  let configurations = 0
  let invalidKeys = 0
  const undecided: string[] = []
  decisions.forEach((decision, i) => {
    configurations += decision.configurations
    byMethod[decision.kind === 'unknown' ? 'search' : decision.method]++
    if (decision.kind === 'not-linearizable') invalidKeys++
    if (decision.kind === 'unknown') undecided.push(`${objects[i]!.key ?? 'the object'}: ${describeUnknown(decision)}`)
  })
  const details = { model: model.name, keys: objects.length, operations: operationCount, decidedBy: byMethod, configurations, seconds }
  const count = (n: number, what: string) => `${n} ${what}${n === 1 ? '' : 's'}`
  const checked = `${count(operationCount, 'operation')} on ${count(objects.length, 'key')}`
  const result = (verdict: CheckResult['verdict'], summary: string): CheckResult => ({ checker: 'linearizability', verdict, summary, evidence, details })
  if (invalidKeys > 0) return result('invalid', `${invalidKeys} of ${count(objects.length, 'key')} cannot be linearized as ${model.name} (${checked}).`)
  if (undecided.length > 0) return result('unknown', `Not decided for ${undecided.length} of ${count(objects.length, 'key')}: ${undecided.slice(0, 3).join('; ')}. Allow more time or memory, or use fewer operations a key.`)
  if (!history.some((event) => event.type === 'invoke')) return result('unknown', 'There was nothing to check: the history has no operation.')
  if (completed === 0 && requireCompleted) return result('unknown', 'There was nothing to check: no operation completed.')
  if (completed === 0) return result('valid', `No operation completed, so nothing can contradict ${model.name}.`)
  return result('valid', `${checked} are linearizable as ${model.name}.`)
}

function describeUnknown({ cause, linearized, certain, configurations }: Decision & { readonly kind: 'unknown' }): string {
  const limit = { time: 'the time allowed was used up', memory: 'the memory allowed was used up', nodes: `the ${configurations} configurations allowed were gone into` }[cause]
  return `${limit} with ${linearized} of ${certain} operations placed`
}

/** By key, fewest operations first: what is decided cheaply is decided before the budget is gone. */
function partition(operations: readonly PairedOperation[], keyOf: (operation: PairedOperation) => string | null): KeyedOperations[] {
  const objects = new Map<string | null, PairedOperation[]>()
  for (const operation of operations) {
    const key = keyOf(operation)
    const object = objects.get(key)
    if (object === undefined) objects.set(key, [operation])
    else object.push(operation)
  }
  return [...objects].map(([key, keyed]) => ({ key, operations: keyed })).sort((a, b) => a.operations.length - b.operations.length)
}
