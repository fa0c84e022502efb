/**
 * What one lock does when operations on it come one after another, with the
 * times that they can have come at. Besides what workers did there is one more
 * operation: that a session ended. It may stand wherever the session can have
 * ended, so that whoever is told the lock is theirs though its holder's session
 * certainly lived stands nowhere.
 *
 * Time: an operation takes place between its two events, and in the order that
 * is tried none before its predecessor. The state's clock is the earliest
 * moment at which all of that can be so. A lock-delay moves it on: an
 * acquisition within one has no place before its end.
 */
import { invariant, unreachable } from '../../node/base/assert.ts'
import type { SequentialModel } from './model.ts'

export interface LockState {
  /** Earliest time of the last operation, ns. */
  readonly clockNs: number
  /** Whether the key is there. */
  readonly exists: boolean
  readonly holder: string | null
  readonly lockIndex: number
  /** What stands at the key: the token of who wrote it last. */
  readonly token: string
  /** As a read has shown it; null: changed since. */
  readonly version: number | null
  /** All versions from now on are above it. */
  readonly versionFloor: number
  /** Nobody gets the lock before. */
  readonly delayedUntilNs: number
  /** Sessions that have ended. */
  readonly ended: readonly string[]
}

/** What happens to the lock, for the search. */
export type LockStep = { readonly invokeNs: number, readonly returnNs: number } & (
  /** `unseen`: it may have happened, and nobody read its token. Where its session holds the lock already it is then of no interest. */
  | { readonly kind: 'acquire', readonly session: string, readonly token: string, readonly unseen?: true }
  | { readonly kind: 'release', readonly session: string, readonly token: string }
  /** A release that was answered with false. */
  | { readonly kind: 'refuse-release', readonly session: string }
  | { readonly kind: 'read', readonly lock: { readonly session: string | null, readonly token: string, readonly lockIndex: number, readonly version: number } | null }
  /** `certain`: it ended, whether it held this lock or not; else the end is of interest only if it did. */
  | { readonly kind: 'end', readonly session: string, readonly behavior: 'release' | 'delete', readonly lockDelayNs: number, readonly certain: boolean })

export const initialLock: LockState = {
  clockNs: 0, exists: false, holder: null, lockIndex: 0, token: '', version: null, versionFloor: 0, delayedUntilNs: 0, ended: [],
}

/** The state after, or null where that cannot have happened. `delayEndNs`: the earliest end of a lock-delay that begins at a time. */
export function stepLock(state: LockState, step: LockStep, delayEndNs: (fromNs: number, delayNs: number) => number): LockState | null {
  const clockNs = Math.max(state.clockNs, step.invokeNs)
  if (clockNs > step.returnNs) return null
  const changed = { clockNs, version: null, versionFloor: state.version ?? state.versionFloor }
  switch (step.kind) {
    case 'acquire': {
      const { session, token } = step
      if (state.ended.includes(session)) return null
      if (state.holder === session) return step.unseen ? null : { ...state, ...changed, token }
      if (state.holder !== null) return null
      const gotNs = Math.max(clockNs, state.delayedUntilNs)
      if (gotNs > step.returnNs) return null
      return { ...state, ...changed, clockNs: gotNs, exists: true, holder: session, token, lockIndex: state.exists ? state.lockIndex + 1 : 1, delayedUntilNs: 0 }
    }
    case 'release':
      return state.holder === step.session ? { ...state, ...changed, holder: null, token: step.token } : null
    case 'refuse-release':
      return state.holder === step.session ? null : { ...state, clockNs }
    case 'read': {
      const { lock } = step
      if (lock === null) return state.exists ? null : { ...state, clockNs }
      if (!state.exists || lock.session !== state.holder || lock.token !== state.token || lock.lockIndex !== state.lockIndex) return null
      if (state.version === null ? lock.version <= state.versionFloor : lock.version !== state.version) return null
      return { ...state, clockNs, version: lock.version }
    }
    case 'end': {
      const { session, behavior, lockDelayNs, certain } = step
      if (state.ended.includes(session)) return null
      const ended = [...state.ended, session].sort()
      if (state.holder !== session) return certain ? { ...state, clockNs, ended } : null
      const delayedUntilNs = lockDelayNs === 0 ? 0 : delayEndNs(clockNs, lockDelayNs)
      const free = { ...state, ...changed, holder: null, ended, delayedUntilNs }
      return behavior === 'release' ? free : { ...free, exists: false, lockIndex: 0, token: '' }
    }
    default:
      return unreachable(step)
  }
}

/** For the search, which wants text; equal steps and states are equal text. */
export function lockModel(delayEndNs: (fromNs: number, delayNs: number) => number): SequentialModel {
  const steps = new Map<string, LockStep>()
  const states = new Map<string, LockState>([[JSON.stringify(initialLock), initialLock]])
  const stepOf = (encoded: string) => remembered(steps, encoded)
  const stateOf = (text: string) => remembered(states, text)
  return {
    initial: JSON.stringify(initialLock),
    step(text, encoded) {
      const next = stepLock(stateOf(text), stepOf(encoded), delayEndNs)
      if (next === null) return null
      // A delay that is over is none: fewer states.
      const settled = next.delayedUntilNs <= next.clockNs ? { ...next, delayedUntilNs: 0 } : next
      const nextText = JSON.stringify(settled)
      states.set(nextText, settled)
      return nextText
    },
    // Even a read moves the clock on.
    isPure: () => false,
  }
}

/** Parsed once. */
function remembered<T>(known: Map<string, T>, text: string): T {
  let value = known.get(text)
  if (value === undefined) {
    value = JSON.parse(text, (_key, one: unknown) => one === 'never' ? Infinity : one) as T
    known.set(text, value)
  }
  invariant(value !== undefined, () => `no lock is ${text}`)
  return value
}

/** JSON has no Infinity. */
export const encodeLockStep = (step: LockStep): string => JSON.stringify(step, (_key, one: unknown) => one === Infinity ? 'never' : one)

export function describeLock({ exists, holder, lockIndex, delayedUntilNs, clockNs }: LockState): string {
  if (holder !== null) return `held by ${shortSession(holder)} with LockIndex ${lockIndex}`
  const free = exists ? `free with LockIndex ${lockIndex}` : 'absent'
  return delayedUntilNs > clockNs ? `${free}, and in a lock-delay until ${(delayedUntilNs / 1e9).toFixed(3)} s` : free
}

/** Enough of a UUID to tell it from others. */
export const shortSession = (id: string) => /^[0-9a-f]{8}-/.test(id) ? `session ${id.slice(0, 8)}` : `session ${id}`
