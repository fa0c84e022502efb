/** What the rules that need no search draw as evidence. */
import { withPicture } from './bands-text.ts'
import type { BandLane, TimeBands } from './drawing.ts'
import { finite, holdBands, holdsOf } from './lock-drawing.ts'
import type { LockOperation, LockOperationOf } from './lock-history.ts'
import { shortSession } from './lock-model.ts'
import type { LockSession } from './lock-sessions.ts'
import type { Evidence } from './verdict.ts'

/** For evidence: the lines with the picture among them, and the drawing itself. */
export function drawnEvidence(lines: readonly string[], drawing: TimeBands): Pick<Evidence, 'explanation' | 'drawing'> {
  return { explanation: withPicture(lines, drawing), drawing }
}

/** A session that had ended while it had to live. */
export function drawLostSession({ id, process, createdNs, endFromNs, ended }: LockSession): TimeBands {
  return {
    kind: 'bands', about: `${shortSession(id)} was gone too soon.`,
    lanes: [{ label: `${shortSession(id)} (worker ${process})`, bands: [{ fromNs: createdNs, toNs: finite(endFromNs), label: endFromNs === Infinity ? 'lives until it is destroyed' : 'lives at least so long', tone: 'rule' }] }],
    moments: [{ atNs: ended!.byNs, label: 'it was gone', wrong: true }],
  }
}

/** Two updates that both read the same under one lock. `operations`: on that lock. */
export function drawLostUpdate(operations: readonly LockOperation[], sessions: ReadonlyMap<string, LockSession>, both: readonly LockOperationOf<'guard'>[]): TimeBands {
  const holds = holdsOf(operations, sessions)
  const key = both[0]!.key
  return {
    kind: 'bands', about: `Two held ${key} and both updated what it guards.`,
    lanes: both.flatMap((guard): BandLane[] => {
      const { session } = guard.value
      const hold = holds.findLast((one) => one.session === session && one.wonFromNs < guard.invokeNs)
      return [
        ...hold === undefined ? [] : [{ label: `${shortSession(session)} (worker ${guard.process})`, bands: holdBands(hold, false) }],
        { label: `its update under ${key}`, bands: [{ fromNs: guard.invokeNs, toNs: finite(guard.returnNs), label: `${guard.value.from ?? 'nothing'} → ${guard.value.to}`, tone: 'wrong' }] },
      ]
    }),
    moments: [{ atNs: Math.max(...both.map(({ invokeNs }) => invokeNs)), label: `both read ${both[0]!.value.from ?? 'nothing'}`, wrong: true }],
  }
}

/** Somebody waited for the lock for longer than it may take; `quietFromNs`: since then nothing excused it. */
export function drawStuck({ key, process, invokeNs, returnNs }: LockOperation, quietFromNs: number, boundNs: number): TimeBands {
  return {
    kind: 'bands', about: `${key} did not come free.`,
    lanes: [
      { label: `worker ${process} waits`, bands: [{ fromNs: invokeNs, toNs: finite(returnNs), label: `for ${key}`, tone: 'wrong' }] },
      { label: 'may take at most', bands: [{ fromNs: quietFromNs, toNs: quietFromNs + boundNs, label: `${(boundNs / 1e9).toFixed(1)} s`, tone: 'rule' }] },
    ],
    moments: [{ atNs: quietFromNs + boundNs, label: 'free by here', wrong: true }],
  }
}

/** A read that shows a holder whose time was over. */
export function drawHeldTooLong(read: LockOperationOf<'read'>, { id, process, createdNs, lengthenedNs }: LockSession, boundNs: number): TimeBands {
  return {
    kind: 'bands', about: `${read.key} was still held by ${shortSession(id)}.`,
    lanes: [
      { label: `${shortSession(id)} (worker ${process})`, bands: [{ fromNs: createdNs, toNs: lengthenedNs, label: 'made and renewed', tone: 'certain' }, { fromNs: lengthenedNs, toNs: lengthenedNs + boundNs, label: 'ends at most so late', tone: 'rule' }] },
      { label: `worker ${read.process} reads`, bands: [{ fromNs: read.invokeNs, toNs: finite(read.returnNs), label: `held by ${shortSession(id)}`, tone: 'wrong' }] },
    ],
    moments: [{ atNs: read.invokeNs, label: 'it holds it still', wrong: true }],
  }
}
