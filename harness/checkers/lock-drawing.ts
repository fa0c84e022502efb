/** Who held a lock from when to when, what ruled it out, and where that contradicts itself: as bands in time. */
import type { Band, BandLane, BandTone, TimeBands } from './drawing.ts'
import type { LockOperation, LockOperationOf } from './lock-history.ts'
import { shortSession } from './lock-model.ts'
import type { LockSession } from './lock-sessions.ts'

/** Holds before the moment that are drawn though nobody speaks of them. */
const earlierHoldsMax = 2

/** From when to when a session held a lock: begun and ended each between two times. */
export interface Hold {
  readonly session: string
  readonly token: string
  readonly process: number
  readonly wonFromNs: number
  /** Infinity: perhaps never. */
  readonly wonByNs: number
  readonly lostFromNs: number
  readonly lostByNs: number
  readonly lostWhy: 'releases it' | 'may lose it'
}

/** On one lock, in order of their beginning; `operations`: those on that lock, in order of invocation. */
export function holdsOf(operations: readonly LockOperation[], sessions: ReadonlyMap<string, LockSession>): Hold[] {
  const holds: Hold[] = []
  const openUntilNs = new Map<string, number>()
  operations.forEach((operation, at) => {
    const { f, value, outcome, invokeNs, returnNs, process } = operation
    if (f !== 'acquire' && f !== 'cycle') return
    const { session, token } = value
    if (outcome === 'ok' && value.held !== true) return
    // Who has it and acquires again has it still.
    if ((openUntilNs.get(session) ?? -Infinity) > invokeNs) return
    const release = f === 'cycle' ? operation : operations.find((other, i) => i > at && isRelease(other, session))
    const life = sessions.get(session)
    const lost = release === undefined || release.outcome !== 'ok' ? life?.ended?.byNs ?? Infinity : release.returnNs
    const lostFromNs = Math.min(release === undefined ? Infinity : release.invokeNs, life?.endFromNs ?? Infinity)
    openUntilNs.set(session, lost)
    holds.push({
      session, token, process, wonFromNs: invokeNs, wonByNs: returnNs, lostFromNs: Math.max(lostFromNs, invokeNs), lostByNs: Math.max(lost, lostFromNs),
      lostWhy: release !== undefined && release.invokeNs === lostFromNs ? 'releases it' : 'may lose it',
    })
  })
  return holds
}

const isRelease = (operation: LockOperation, session: string) =>
  operation.f === 'release' && operation.value.session === session && (operation.outcome === 'info' || operation.value.released === true)

/** Getting it, having it, losing it. `wrong`: this is the one that cannot have been. */
export function holdBands({ wonFromNs, wonByNs, lostFromNs, lostByNs, lostWhy }: Hold, wrong: boolean): Band[] {
  const tone = (usual: BandTone) => wrong ? 'wrong' : usual
  if (wonByNs === Infinity) return [{ fromNs: wonFromNs, toNs: null, label: 'may hold it', tone: tone('perhaps') }]
  if (lostFromNs <= wonByNs) return [{ fromNs: wonFromNs, toNs: finite(Math.max(wonByNs, lostByNs)), label: 'held it for a time', tone: tone('perhaps') }]
  const bands: Band[] = [
    { fromNs: wonFromNs, toNs: wonByNs, label: 'acquires', tone: tone('perhaps') },
    { fromNs: wonByNs, toNs: finite(lostFromNs), label: 'holds it', tone: tone('certain') },
  ]
  return lostFromNs < Infinity && lostByNs > lostFromNs ? [...bands, { fromNs: lostFromNs, toNs: finite(lostByNs), label: lostWhy, tone: 'perhaps' }] : bands
}

/** JSON has no Infinity. */
export const finite = (ns: number): number | null => Number.isFinite(ns) ? ns : null

/** What cannot have been: a hold, or something that was done or seen. */
export interface Contradiction {
  /** Its hold is the one. Null: it is `band`. */
  readonly token: string | null
  readonly lane: string
  readonly band: Band
  /** What the lock was then, whatever the order before. */
  readonly must: string
  readonly delay: Band | null
  readonly atNs: number
  /** What is wrong, in a few words. */
  readonly what: string
}

/** `reads`: those that are told of; `concerned`: sessions that are. */
export function drawLock(key: string, holds: readonly Hold[], concerned: ReadonlySet<string>, reads: readonly LockOperationOf<'read'>[], { token, lane, band, must, delay, atNs, what }: Contradiction): TimeBands {
  const before = holds.filter(({ wonFromNs }) => wonFromNs <= atNs)
  const latest = new Set([...concerned].flatMap((session) => before.findLast((hold) => hold.session === session) ?? []))
  const earlier = before.filter((hold) => !latest.has(hold) && hold.lostFromNs < Infinity).slice(-earlierHoldsMax)
  const shown = before.filter((hold) => latest.has(hold) || earlier.includes(hold))
  const lanes: BandLane[] = [...Map.groupBy(shown, ({ session }) => session)].map(([session, its]) => ({
    label: `${shortSession(session)} (worker ${its[0]!.process})`,
    // What may have come behind the moment is of no interest.
    bands: its.flatMap((hold, i) => holdBands(endedBefore(hold, its[i + 1]), hold.token === token)).filter(({ fromNs }) => fromNs <= atNs),
  }))
  const seen = [...Map.groupBy(reads, ({ process }) => process)].map(([process, its]): BandLane => ({
    label: `worker ${process} reads`,
    bands: its.map(({ invokeNs, returnNs, value: { lock } }) => ({ fromNs: invokeNs, toNs: finite(returnNs), label: lockText(lock), tone: 'certain' })),
  }))
  return {
    kind: 'bands', about: `Who held ${key}, and where that contradicts itself: ${what}.`,
    lanes: [
      ...lanes, ...seen, ...delay === null ? [] : [{ label: 'lock-delay', bands: [delay] }],
      ...token === null ? [{ label: lane, bands: [band] }] : [],
      { label: `${key} must be`, bands: [{ fromNs: band.fromNs, toNs: band.toNs, label: must, tone: 'rule' }] },
    ],
    moments: [{ atNs, label: what, wrong: true }],
  }
}

/** Bands of one lane do not lie upon each other. */
function endedBefore(hold: Hold, next: Hold | undefined): Hold {
  return next === undefined ? hold : { ...hold, lostByNs: Math.min(hold.lostByNs, next.wonFromNs) }
}

export function lockText(lock: { readonly session: string | null, readonly lockIndex: number } | null): string {
  if (lock === null) return 'absent'
  return `LockIndex ${lock.lockIndex}, ${lock.session === null ? 'free' : shortSession(lock.session)}`
}
