/**
 * Judges the histories of the lock workload. What locks under sessions promise
 * (Consul documentation, "Sessions"), and what they do not: a holder whose
 * session has ended may go on believing that it holds the lock. So:
 *
 * - Each lock is a linearizable object: acquired only while it is free, its
 *   LockIndex (the fencing token) one more at each acquisition by another
 *   session, reads see the one holder that there is.
 * - Nobody gets it while the holder's session certainly lives.
 * - Nobody gets it within the lock-delay of a session that ended while it held it.
 * - A session lives as long as it was promised to.
 * - What is done by holders who certainly hold is never done twice at once.
 * - A lock comes free in bounded time after its holder died.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { HistoryEvent } from '../history/event.ts'
import type { RunPlan } from '../plan/plan.ts'
import type { RunFacts } from '../../workloads/workload.ts'
import { ClockBounds, faultSpans, isDisturbed, restartsMembers, type FaultSpan } from './fault-spans.ts'
import { explainLock, type PlacedStep } from './lock-evidence.ts'
import { checkFreeing, checkGuarded, checkSessions } from './lock-rules.ts'
import { lockOperations, type LockOperation } from './lock-history.ts'
import { encodeLockStep, lockModel, type LockStep } from './lock-model.ts'
import { lockSessions, type LockSession } from './lock-sessions.ts'
import { searchSteps } from './search-steps.ts'
import type { CheckResult, Evidence } from './verdict.ts'

const evidenceMax = 5

export interface LockChecking {
  readonly operations: readonly LockOperation[]
  readonly sessions: ReadonlyMap<string, LockSession>
  readonly spans: readonly FaultSpan[]
  readonly clocks: ClockBounds
  readonly plan: RunPlan
  /** When operations ended that did not end well, or promptly: there may have been a change of leaders. Ascending. */
  readonly troubledNs: readonly number[]
  /** Of the history: for what has a time and no event of its own. */
  readonly positionOf: (timeNs: number) => number
}

export async function checkLocks(history: readonly HistoryEvent[], plan: RunPlan, facts: Pick<RunFacts, 'faults'>, nowMs: () => number = () => performance.now()): Promise<readonly CheckResult[]> {
  const operations = lockOperations(history)
  const spans = faultSpans(facts.faults)
  const clocks = new ClockBounds(spans)
  const sessions = lockSessions(operations, spans, clocks)
  const checking: LockChecking = { operations, sessions, spans, clocks, plan, troubledNs: troubledNs(history), positionOf: (timeNs) => firstAt(history, timeNs) }
  return [await checkObjects(checking, nowMs), checkSessions(checking), ...checkGuarded(checking), checkFreeing(checking)]
}

/** Each lock by itself: they share nothing but the sessions, whose ends are bounded beforehand. */
async function checkObjects(checking: LockChecking, nowMs: () => number): Promise<CheckResult> {
  const { operations, plan } = checking
  const startMs = nowMs()
  const limits = { expired: () => nowMs() - startMs > plan.checkTimeLimitS * 1000, bytesMax: plan.checkMemoryMiB * 1024 * 1024, nodesMax: Infinity }
  const delayEndNs = delaysOf(checking)
  const keys = [...Map.groupBy(operations.filter(({ key }) => key !== ''), ({ key }) => key)].sort((a, b) => a[1].length - b[1].length)
  const evidence: Evidence[] = []
  const undecided: string[] = []
  let invalidKeys = 0
  let stepCount = 0
  let configurations = 0
  for (const [key, its] of keys) {
    const steps = stepsOf(its, checking)
    stepCount += steps.length
    const result = searchSteps(lockModel(delayEndNs), steps, limits)
    configurations += result.configurations
    if (result.kind === 'unknown') undecided.push(`${key}: the ${result.cause} allowed was used up with ${result.linearized} of ${steps.length} steps placed`)
    else if (result.kind === 'not-linearizable') {
      invalidKeys++
      if (evidence.length < evidenceMax) evidence.push(explainLock(key, steps, result, checking.sessions, (left) => searchSteps(lockModel(delayEndNs), left, { ...limits, expired: () => nowMs() - startMs > plan.checkTimeLimitS * 1000 + 3000 }).kind === 'not-linearizable'))
    }
    await nextTurn()
  }
  const acquired = operations.filter(({ f, value }) => (f === 'acquire' || f === 'cycle') && value.held === true).length
  const tookOver = countEnds(checking)
  const details = { locks: keys.length, steps: stepCount, acquired, sessions: checking.sessions.size, endedSessions: tookOver, configurations, seconds: Math.round(nowMs() - startMs) / 1000 }
  const result = (verdict: CheckResult['verdict'], summary: string): CheckResult => ({ checker: 'locks', verdict, summary, evidence, details })
  if (invalidKeys > 0) return result('invalid', `${invalidKeys} of ${keys.length} locks did what no lock can: ${evidence[0]!.title}.`)
  if (undecided.length > 0) return result('unknown', `Not decided for ${undecided.length} of ${keys.length} locks: ${undecided.slice(0, 3).join('; ')}. Allow more time or memory, or use fewer operations a key.`)
  if (acquired === 0) return result('unknown', 'There was nothing to check: no lock was ever acquired.')
  const stale = plan.consistency === 'stale' ? ' Reads were stale reads, which promise nothing here, and were left out.' : ''
  return result('valid', `${acquired} acquisitions of ${keys.length} locks by ${checking.sessions.size} sessions: one holder at a time, a higher LockIndex each time, none against a lock-delay.${stale}`)
}

const countEnds = ({ sessions }: LockChecking) => [...sessions.values()].filter(({ ended }) => ended !== null).length

/** The operations on one lock, and the ends of the sessions that may have held it. */
function stepsOf(operations: readonly LockOperation[], { sessions, positionOf, plan, clocks }: LockChecking): PlacedStep[] {
  // A default read leans on the leader's lease, and so on its clock.
  const unleased = plan.consistency === 'default' && clocks.skewed
  const steps: PlacedStep[] = []
  const holders = new Set<string>()
  const read = new Set(operations.map(({ f, value }) => f === 'read' ? value.lock?.token : undefined))
  const place = (operation: LockOperation, step: LockStep, nudge = 0) => steps.push({
    encoded: encodeLockStep(step), step, operation, invoke: operation.invoke + nudge, return: operation.return - nudge,
  })
  for (const operation of operations) {
    const times = { invokeNs: operation.invokeNs, returnNs: operation.returnNs }
    switch (operation.f) {
      case 'acquire': {
        const { session, token, held } = operation.value
        // Refused: another held it, or a lock-delay ran, or it was about to; this says nothing for certain.
        if (operation.outcome === 'ok' && held !== true) break
        holders.add(session)
        place(operation, { ...times, kind: 'acquire', session, token, ...operation.outcome === 'info' && !read.has(token) ? { unseen: true } : {} })
        break
      }
      case 'release': {
        const { session, token, released } = operation.value
        if (operation.outcome === 'ok' && released !== true) place(operation, { ...times, kind: 'refuse-release', session })
        else place(operation, { ...times, kind: 'release', session, token })
        break
      }
      case 'read':
        if (!operation.stale && !unleased) place(operation, { ...times, kind: 'read', lock: operation.value.lock })
        break
      case 'cycle': {
        const { session, token, releaseToken, held } = operation.value
        if (operation.outcome === 'ok' && held !== true) break
        place(operation, { ...times, kind: 'acquire', session, token })
        place(operation, { ...times, kind: 'release', session, token: releaseToken }, 0.25)
        if (operation.outcome === 'info') holders.add(session)
        break
      }
      default:
    }
  }
  for (const id of holders) {
    const session = sessions.get(id)
    if (session === undefined) continue
    const { ended, spec, endFromNs } = session
    if (endFromNs === Infinity && ended === null) continue
    const returnPosition = ended?.position ?? Infinity
    const step: LockStep = {
      kind: 'end', session: id, behavior: spec.behavior, lockDelayNs: spec.lockDelayMs * 1e6, certain: ended !== null,
      // A session that ended too soon is told of by itself; here it must not hide what else is wrong.
      invokeNs: Math.min(endFromNs, ended?.byNs ?? Infinity), returnNs: ended?.byNs ?? Infinity,
    }
    steps.push({ encoded: encodeLockStep(step), step, operation: null, invoke: Math.min(positionOf(step.invokeNs) - 0.5, returnPosition - 0.1), return: returnPosition })
  }
  return steps
}

/** Below, a member that leaves its log as it is by default (10 000 entries behind a snapshot) sends nobody a snapshot. */
const compactionIndexMin = 10_000

/**
 * The earliest end of a lock-delay that begins at a time. It is in no log: a
 * member that begins anew from a snapshot knows of none that the snapshot
 * covers, and one that was behind may be sent a snapshot and knows as little.
 * So a fault that ends processes, while a delay runs, loosens it wholly; and
 * where snapshots come all the time, every fault that a new leader may follow on.
 */
function delaysOf({ operations, spans, clocks, plan }: LockChecking): (fromNs: number, delayNs: number) => number {
  const highest = Math.max(0, ...operations.map(({ f, value }) => f === 'read' ? value.lock?.version ?? 0 : 0))
  const manySnapshots = plan.env === 'simulated' || highest >= compactionIndexMin || 'raft_snapshot_threshold' in plan.memberConfig || 'raft_trailing_logs' in plan.memberConfig
  const loosening = manySnapshots ? spans : spans.filter(restartsMembers)
  return (fromNs, delayNs) => isDisturbed(loosening, fromNs, fromNs + delayNs) ? fromNs : clocks.soonestNs(fromNs, delayNs)
}

/** Shorter than any election. */
const promptNs = 200e6

function troubledNs(history: readonly HistoryEvent[]): number[] {
  const invoked = new Map<number, number>()
  const troubled: number[] = []
  for (const event of history) {
    if (event.process === 'nemesis') continue
    if (event.type === 'invoke') invoked.set(event.process, event.time)
    // The last operations wait by design; what a worker does not even ask takes no time.
    else if (event.f !== 'cycle' && (event.type === 'info' || event.time - (invoked.get(event.process) ?? 0) > promptNs)) troubled.push(event.time)
  }
  return troubled
}

/** Position of the first event at or behind a time. */
function firstAt(history: readonly HistoryEvent[], timeNs: number): number {
  let low = 0
  let high = history.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (history[middle]!.time < timeNs) low = middle + 1
    else high = middle
  }
  return low
}
