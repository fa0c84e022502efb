/**
 * When each session can have ended, from what workers asked and were told. A
 * session lives at least until its time to live is over since the invocation of
 * its last certain renewal (Consul promises no sooner an end), unless somebody
 * destroys it, or its member's node is registered anew or away. It has ended for certain
 * when a destroy returned, or a member said that there is no such session.
 */
import { replacesMembers, type ClockBounds, type FaultSpan } from './fault-spans.ts'
import type { LockOperation, SessionSpec } from './lock-history.ts'

export interface LockSession {
  readonly id: string
  readonly process: number
  readonly spec: SessionSpec
  readonly createdNs: number
  /** It cannot have ended before this. Infinity: it does not end. */
  readonly endFromNs: number
  /** Why not before, in words. */
  readonly endFromWhy: string
  /** It has ended by this for certain; null: nothing says so. */
  readonly ended: { readonly byNs: number, readonly position: number, readonly index: number, readonly why: string } | null
  /** When something that may have lengthened its life was last begun, and when that was over: Infinity where it may still come. */
  readonly lengthenedNs: number
}

const seconds = (ns: number) => `${(ns / 1e9).toFixed(3)} s`

export function lockSessions(operations: readonly LockOperation[], spans: readonly FaultSpan[], clocks: ClockBounds): Map<string, LockSession> {
  const bySession = new Map<string, LockOperation[]>()
  for (const operation of operations) {
    const id = 'session' in operation.value ? operation.value.session : null
    if (id === null) continue
    const known = bySession.get(id)
    if (known === undefined) bySession.set(id, [operation])
    else known.push(operation)
  }
  const sessions = new Map<string, LockSession>()
  for (const [id, its] of bySession) {
    const session = sessionOf(id, its, spans, clocks)
    if (session !== null) sessions.set(id, session)
  }
  return sessions
}

/** The session of a cycle is made and destroyed by it. */
const cycleSpec: SessionSpec = { ttlMs: 0, lockDelayMs: 0, behavior: 'release', endsWithMember: false }

function sessionOf(id: string, operations: readonly LockOperation[], spans: readonly FaultSpan[], clocks: ClockBounds): LockSession | null {
  const made = operations.find(({ f, value }) => f === 'cycle' || (f === 'acquire' && value.created !== undefined))
  if (made === undefined) return null
  const spec = made.f === 'cycle' ? cycleSpec : made.f === 'acquire' ? made.value.created! : cycleSpec
  /** Renewals and the creation, which are proofs of life and begin its time anew. */
  let aliveNs = made.invokeNs
  let aliveIndex = made.invokeIndex
  let destroyedNs = Infinity
  let lengthenedNs = made.f === 'cycle' ? Infinity : made.returnNs
  let ended: LockSession['ended'] = null
  const endedBy = (operation: LockOperation, why: string) => {
    if (ended === null || operation.return < ended.position) {
      ended = { byNs: operation.returnNs, position: operation.return, index: operation.returnIndex!, why: `${why} (index ${operation.returnIndex})` }
    }
  }
  for (const operation of operations) {
    const { f, outcome, invokeNs, invokeIndex } = operation
    if (f === 'renew') {
      if (outcome === 'ok' && operation.value.known === false) endedBy(operation, 'a member that was to renew it did not know it')
      else {
        if (outcome === 'ok') [aliveNs, aliveIndex] = [invokeNs, invokeIndex]
        lengthenedNs = Math.max(lengthenedNs, operation.returnNs)
      }
    } else if (f === 'acquire' && outcome === 'ok' && operation.value.known === false) {
      endedBy(operation, 'a member that was to lock for it did not know it')
    } else if (f === 'cycle' && operation.value.known === false) {
      endedBy(operation, 'a member that was to lock for it did not know it')
    } else if (f === 'destroy' || f === 'cycle') {
      destroyedNs = Math.min(destroyedNs, invokeNs)
      if (outcome === 'ok') endedBy(operation, 'it was destroyed')
    }
  }
  const life = lifeOf(spec, aliveNs, aliveIndex, clocks)
  const replacedNs = nodeReplacedNs(made, spans)
  let endFromNs = life.untilNs
  let endFromWhy = life.why
  if (destroyedNs < endFromNs) [endFromNs, endFromWhy] = [destroyedNs, `it was to be destroyed from ${seconds(destroyedNs)} on`]
  if (replacedNs < endFromNs) [endFromNs, endFromWhy] = [replacedNs, `the node that it was made at may have been registered anew from ${seconds(replacedNs)} on`]
  if (aliveNs > endFromNs) [endFromNs, endFromWhy] = [aliveNs, `it was renewed at ${seconds(aliveNs)} (index ${aliveIndex})`]
  return { id, process: made.process, spec, createdNs: made.invokeNs, endFromNs, endFromWhy, ended, lengthenedNs }
}

function lifeOf({ ttlMs, endsWithMember }: SessionSpec, aliveNs: number, aliveIndex: number, clocks: ClockBounds): { readonly untilNs: number, readonly why: string } {
  const alive = `it was ${aliveIndex === 0 ? 'made' : 'made or renewed'} at ${seconds(aliveNs)} (index ${aliveIndex})`
  if (endsWithMember) return { untilNs: aliveNs, why: `${alive}, and ends when its member is found dead` }
  if (ttlMs === 0) return { untilNs: Infinity, why: 'it has no time to live' }
  const untilNs = clocks.soonestNs(aliveNs, ttlMs * 1e6)
  const skewed = untilNs < aliveNs + ttlMs * 1e6 ? ', which skewed clocks may have made shorter' : ''
  return { untilNs, why: `${alive} with ${ttlMs / 1000} s to live${skewed}` }
}

/** From then on the node at which it was made may go out of the catalog, and its sessions with it. */
function nodeReplacedNs(made: LockOperation, spans: readonly FaultSpan[]): number {
  let fromNs = Infinity
  for (const span of spans) {
    if (!replacesMembers(span)) continue
    if (span.members !== null && made.member !== null && !span.members.includes(made.member)) continue
    fromNs = Math.min(fromNs, Math.max(span.fromNs, made.invokeNs))
  }
  return fromNs
}
