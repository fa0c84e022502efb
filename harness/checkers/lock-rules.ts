/** The rules of locks.ts that need no search. */
import { freeingBoundMs } from './lock-bounds.ts'
import type { LockOperation, LockOperationOf } from './lock-history.ts'
import { shortSession } from './lock-model.ts'
import { drawHeldTooLong, drawLostSession, drawLostUpdate, drawnEvidence, drawStuck } from './lock-rule-drawings.ts'
import type { LockSession } from './lock-sessions.ts'
import type { LockChecking } from './locks.ts'
import type { CheckResult, Evidence } from './verdict.ts'

const evidenceMax = 5
const seconds = (ns: number) => `${(ns / 1e9).toFixed(3)} s`
const indexesOf = (...operations: readonly LockOperation[]) => operations.flatMap(({ invokeIndex, returnIndex }) => returnIndex === null ? [invokeIndex] : [invokeIndex, returnIndex]).sort((a, b) => a - b)

/** No session is gone before its time. */
export function checkSessions({ sessions, operations }: Pick<LockChecking, 'sessions' | 'operations'>): CheckResult {
  const lost = [...sessions.values()].filter(({ ended, endFromNs }) => ended !== null && ended.byNs < endFromNs)
  const why = ({ ended, endFromWhy, endFromNs }: LockSession) => [
    `It cannot have ended before ${endFromNs === Infinity ? 'it was destroyed' : seconds(endFromNs)}: ${endFromWhy}.`,
    `By ${seconds(ended!.byNs)} it had: ${ended!.why}.`,
  ]
  const evidence = lost.slice(0, evidenceMax).map((session): Evidence => ({
    title: `${shortSession(session.id)} of worker ${session.process} was gone too soon`,
    ...drawnEvidence(why(session), drawLostSession(session)),
    key: null,
    eventIndexes: [session.ended!.index],
  }))
  const renewed = operations.filter(({ f, value }) => f === 'renew' && value.known === true).length
  const result = (verdict: CheckResult['verdict'], summary: string): CheckResult => ({ checker: 'sessions', verdict, summary, evidence, details: { sessions: sessions.size, renewed, lost: lost.length } })
  if (lost.length > 0) return result('invalid', `${lost.length} of ${sessions.size} sessions ended before their time: ${why(lost[0]!).join(' ')}`)
  if (sessions.size === 0) return result('unknown', 'There was nothing to check: no session was made.')
  return result('valid', `${sessions.size} sessions, renewed ${renewed} times: none ended before its time.`)
}

/**
 * What a lock guards is read and written by its holder as if nobody else could.
 * Two who certainly held the lock all the while and read the same (each
 * value is written once) have overlapped: the first one's write is lost.
 * Who may have lost the lock meanwhile may do damage; that is what fencing is for.
 * Says nothing where nobody certainly held a lock for so long.
 */
export function checkGuarded({ operations, sessions }: LockChecking): readonly CheckResult[] {
  const certain = certainlyGuarded(operations, sessions)
  const evidence: Evidence[] = []
  let lost = 0
  for (const [key, its] of Map.groupBy(certain, ({ key }) => key)) {
    const readers = new Map<string, LockOperationOf<'guard'>>()
    for (const operation of its) {
      const from = JSON.stringify(operation.value.from)
      const other = readers.get(from)
      if (other === undefined) {
        readers.set(from, operation)
        continue
      }
      lost++
      if (evidence.length < evidenceMax) evidence.push({
        title: `an update under ${key} was lost`,
        ...drawnEvidence(
          [describeGuarded(other), describeGuarded(operation), `Both held ${key} from before they read until after they had written, so one of them should have read what the other wrote.`],
          drawLostUpdate(operations.filter((one) => one.key === key), sessions, [other, operation]),
        ),
        key, eventIndexes: indexesOf(other, operation),
      })
    }
  }
  const all = operations.filter(({ f }) => f === 'guard').length
  const result = (verdict: CheckResult['verdict'], summary: string): CheckResult[] => [{ checker: 'guarded', verdict, summary, evidence, details: { guarded: all, certain: certain.length, lost } }]
  if (lost > 0) return result('invalid', `${lost} updates by holders of locks were lost: two held one lock at the same time.`)
  if (certain.length === 0) return []
  return result('valid', `${certain.length} updates by holders who certainly held their locks: none was lost.`)
}

/** Those done between an acquisition that was acknowledged and whatever may have ended it. */
function certainlyGuarded(operations: readonly LockOperation[], sessions: ReadonlyMap<string, LockSession>): LockOperationOf<'guard'>[] {
  const held = new Set<string>()
  const certain: LockOperationOf<'guard'>[] = []
  // A session is one worker's, whose operations follow each other.
  for (const operation of operations) {
    const place = 'session' in operation.value ? `${operation.value.session} ${operation.key}` : ''
    if (operation.f === 'acquire' && operation.value.held === true) held.add(place)
    else if (operation.f === 'release') held.delete(place)
    else if (operation.f === 'guard' && operation.outcome === 'ok' && held.has(place)) {
      const session = sessions.get(operation.value.session)
      if (session !== undefined && operation.returnNs < session.endFromNs) certain.push(operation)
    }
  }
  return certain
}

const describeGuarded = ({ process, member, value, invokeNs, returnNs, invokeIndex, returnIndex }: LockOperationOf<'guard'>) =>
  `worker ${process}${member === null ? '' : ` at ${member}`} with ${shortSession(value.session)} read ${value.from ?? 'nothing'} and wrote ${value.to}, ${seconds(invokeNs)} to ${seconds(returnNs)} (index ${invokeIndex}–${returnIndex})`

/**
 * A lock whose holder died comes free. At the end, when all is mended, each
 * lock is waited for; before, a read that still sees a holder long after its
 * session's time, with no fault on in all that time and every answer prompt, is too much.
 */
export function checkFreeing(checking: LockChecking): CheckResult {
  const { operations, sessions, clocks, plan } = checking
  const specs = [...sessions.values()].map(({ spec }) => spec)
  const boundMs = freeingBoundMs({ ttlMs: Math.max(0, ...specs.map(({ ttlMs }) => ttlMs)), lockDelayMs: Math.max(0, ...specs.map(({ lockDelayMs }) => lockDelayMs)) }, plan) + clocks.lateNs / 1e6
  const cycles = operations.filter((operation) => operation.f === 'cycle')
  // A session without an end that may have been left behind by another cycle.
  const spoiled = new Set(cycles.filter(({ outcome }) => outcome === 'info').map(({ key }) => key))
  const waited = cycles.filter(({ value, key }) => value.held === false && value.known !== false && !spoiled.has(key))
  const stuck = waited.filter(({ value }) => value.quietMs! >= boundMs)
  const late = operations.filter((operation) => operation.f === 'read').filter((operation) => heldTooLong(operation, checking))
  const evidence = [
    ...stuck.map((operation): Evidence => ({
      title: `${operation.key} did not come free`,
      ...drawnEvidence([
        `worker ${operation.process} waited ${(operation.value.waitedMs! / 1000).toFixed(1)} s for it (index ${operation.invokeIndex}–${operation.returnIndex}), after all faults were mended and the cluster served, the last ${(operation.value.quietMs! / 1000).toFixed(1)} s with each answer prompt.`,
        `After ${(boundMs / 1000).toFixed(1)} s at most it should have been free: twice the TTL, twice for a change of leaders, the lock-delay, two requests${clocks.lateNs > 0 ? ', and what clocks were set back' : ''}.`,
        ...lastHolder(operations, operation.key),
      ], drawStuck(operation, operation.returnNs - operation.value.quietMs! * 1e6, boundMs * 1e6)),
      key: operation.key, eventIndexes: indexesOf(operation),
    })),
    ...late.map((operation): Evidence => ({
      title: `${operation.key} was still held by a session that was over`,
      ...drawnEvidence([
        `worker ${operation.process} read at ${seconds(operation.invokeNs)} (index ${operation.invokeIndex}) that ${shortSession(operation.value.lock!.session!)} holds it.`,
        `That session was last renewed by ${seconds(sessions.get(operation.value.lock!.session!)!.lengthenedNs)}, and no fault was on since.`,
      ], drawHeldTooLong(operation, sessions.get(operation.value.lock!.session!)!, freeingBoundMs(sessions.get(operation.value.lock!.session!)!.spec, plan) * 1e6 + clocks.lateNs)),
      key: operation.key, eventIndexes: indexesOf(operation),
    })),
  ].slice(0, evidenceMax)
  const freed = cycles.filter(({ value }) => value.held === true)
  const slowestMs = Math.max(0, ...freed.map(({ value }) => value.waitedMs ?? 0))
  const details = { locks: new Set(cycles.map(({ key }) => key)).size, freed: freed.length, slowestMs, boundMs: Number.isFinite(boundMs) ? boundMs : null }
  const result = (verdict: CheckResult['verdict'], summary: string): CheckResult => ({ checker: 'freeing', verdict, summary, evidence, details })
  if (evidence.length > 0) return result('invalid', `${stuck.length + late.length} times a lock was not free in time: ${evidence[0]!.title}.`)
  if (waited.length > 0) return result('unknown', `${waited.length} locks were not free when the wait for them was given up, before they had been waited for in quiet for the bound of ${(boundMs / 1000).toFixed(1)} s.`)
  if (freed.length === 0) return result('unknown', 'There was nothing to check: no lock was waited for at the end.')
  return result('valid', `At the end each of ${details.locks} locks was free for somebody else within ${(slowestMs / 1000).toFixed(1)} s (bound ${(boundMs / 1000).toFixed(1)} s).`)
}

function heldTooLong({ value: { lock }, invokeNs, stale }: LockOperationOf<'read'>, { sessions, spans, clocks, plan, troubledNs }: LockChecking): boolean {
  const session = lock === null || lock.session === null || stale ? undefined : sessions.get(lock.session)
  if (session === undefined || session.spec.ttlMs === 0 || !Number.isFinite(session.lengthenedNs)) return false
  const before = spans.filter(({ fromNs }) => fromNs <= invokeNs)
  const troubled = troubledNs.findLast((ns) => ns <= invokeNs) ?? 0
  const quietNs = Math.max(session.lengthenedNs, troubled, ...before.map(({ untilNs }) => untilNs))
  return invokeNs > quietNs + freeingBoundMs(session.spec, plan) * 1e6 + clocks.lateNs
}

function lastHolder(operations: readonly LockOperation[], key: string): string[] {
  const seen = operations.findLast((operation) => operation.f === 'read' && operation.key === key && operation.value.lock?.session !== undefined && operation.value.lock.session !== null)
  return seen === undefined || seen.f !== 'read' ? [] : [`${shortSession(seen.value.lock!.session!)} was last seen to hold it at ${seconds(seen.invokeNs)} (index ${seen.invokeIndex}).`]
}
