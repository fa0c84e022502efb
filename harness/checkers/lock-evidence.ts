/** What contradicts itself about one lock, in words. */
import { withPicture } from './bands-text.ts'
import type { Band, TimeBands } from './drawing.ts'
import { drawLock, finite, holdsOf, lockText } from './lock-drawing.ts'
import { describeLock, shortSession, type LockState, type LockStep } from './lock-model.ts'
import type { LockOperation, LockOperationOf } from './lock-history.ts'
import type { LockSession } from './lock-sessions.ts'
import type { SearchResult } from './search.ts'
import type { SearchStep } from './search-steps.ts'
import type { Evidence } from './verdict.ts'

/** A step where the search meets it; `operation` null: the end of a session. */
export interface PlacedStep extends SearchStep {
  readonly step: LockStep
  readonly operation: LockOperation | null
}

const seconds = (ns: number) => `${(ns / 1e9).toFixed(3)} s`

/**
 * Reads, and releases that were refused, change nothing: they are taken out
 * while what is left contradicts itself, those that lie far back first. What is left of the
 * rest and what lies behind the last state that is sure is told.
 */
export function explainLock(
  key: string, steps: readonly PlacedStep[], result: Extract<SearchResult, { kind: 'not-linearizable' }>,
  sessions: ReadonlyMap<string, LockSession>, contradicts: (steps: readonly PlacedStep[]) => boolean,
): Evidence {
  const blocked = steps[result.blocked]!
  const states = result.states.map((text) => JSON.parse(text) as LockState)
  let left = steps.filter((step) => step.invoke <= blocked.return)
    .map((step): PlacedStep => step.return <= blocked.return ? step : { ...step, return: Infinity })
    .filter((step) => !(step.return === Infinity && harmless(step)))
  const removable = left.filter((step) => step !== blocked && harmless(step)).sort((a, b) => a.invoke - b.invoke)
  // Halves, quarters, … of them at a time, then one by one.
  for (let size = removable.length; size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < removable.length; at += size) {
      const out = new Set(removable.slice(at, at + size))
      const fewer = left.filter((step) => !out.has(step))
      if (fewer.length < left.length && contradicts(fewer)) left = fewer
    }
  }
  const told = tellable(left, states, blocked)
  const lines = told.sort((a, b) => a.invoke - b.invoke).map(describeStep)
  const concerned = new Set([...told.flatMap(({ step }) => sessionOf(step)), ...states.flatMap(({ holder }) => holder ?? [])])
  for (const id of concerned) {
    const session = sessions.get(id)
    if (session !== undefined) lines.push(describeSession(session))
  }
  const possible = [...new Set(states.map(describeLock))]
  lines.push(`Whatever the order of all before, ${key} was ${possible.join(' or ')}: ${describeStep(blocked)} cannot have been so.`)
  const drawing = draw(key, { steps, told, states, blocked, sessions, concerned })
  return {
    title: `${titleOf(blocked.step, states)}: ${key}`, explanation: withPicture(lines, drawing), key, drawing,
    eventIndexes: [...new Set(told.flatMap(({ operation }) => operation === null ? [] : [operation.invokeIndex, ...operation.returnIndex === null ? [] : [operation.returnIndex]]))].sort((a, b) => a - b),
  }
}

const harmless = ({ step: { kind } }: PlacedStep) => kind === 'read' || kind === 'refuse-release'

interface Told {
  readonly steps: readonly PlacedStep[]
  readonly told: readonly PlacedStep[]
  readonly states: readonly LockState[]
  readonly blocked: PlacedStep
  readonly sessions: ReadonlyMap<string, LockSession>
  readonly concerned: ReadonlySet<string>
}

function draw(key: string, { steps, told, states, blocked, sessions, concerned }: Told): TimeBands {
  const { step, operation } = blocked
  const operations = [...new Set(steps.flatMap((one) => one.operation ?? []))].sort((a, b) => a.invoke - b.invoke)
  const reads = told.flatMap((one) => one.operation?.f === 'read' && one.step !== step ? [one.operation as LockOperationOf<'read'>] : [])
  const band: Band = { fromNs: step.invokeNs, toNs: finite(step.returnNs), label: bandLabel(step), tone: 'wrong' }
  return drawLock(key, holdsOf(operations, sessions), concerned, reads, {
    token: step.kind === 'acquire' ? step.token : null,
    lane: step.kind === 'end' || operation === null ? 'sessions' : `worker ${operation.process}`,
    band, must: [...new Set(states.map(({ exists, holder, lockIndex }) => lockText(exists ? { session: holder, lockIndex } : null)))].slice(0, 2).join(' or '),
    delay: delayBand(steps, states, step),
    atNs: finite(step.returnNs) ?? step.invokeNs, what: titleOf(step, states),
  })
}

function bandLabel(step: LockStep): string {
  switch (step.kind) {
    case 'acquire': return 'acquired it'
    case 'release': return `released it for ${shortSession(step.session)}`
    case 'refuse-release': return `${shortSession(step.session)} has nothing to release`
    case 'read': return `read ${lockText(step.lock)}`
    case 'end': return `${shortSession(step.session)} ended`
  }
}

/** The lock-delay that runs at the moment, by the session that held the lock last. */
function delayBand(steps: readonly PlacedStep[], states: readonly LockState[], { returnNs }: LockStep): Band | null {
  const state = states.find(({ holder, delayedUntilNs }) => holder === null && delayedUntilNs > returnNs)
  if (state === undefined) return null
  const holder = steps.find(({ step }) => step.kind === 'acquire' && step.token === state.token)?.step
  const ends = steps.flatMap(({ step }) => step.kind === 'end' && step.lockDelayNs > 0 && state.ended.includes(step.session) ? [step] : [])
  const end = ends.find(({ session }) => holder?.kind === 'acquire' && holder.session === session) ?? ends.at(-1)
  if (end === undefined) return null
  // With clocks that may run fast it is over sooner, and began when it did.
  return { fromNs: Math.max(end.invokeNs, state.delayedUntilNs - end.lockDelayNs), toNs: state.delayedUntilNs, label: `${end.lockDelayNs / 1e9} s after ${shortSession(end.session)}`, tone: 'rule' }
}

/** The step that has no place, what was still open then, and who made the states before it. */
function tellable(left: readonly PlacedStep[], states: readonly LockState[], blocked: PlacedStep): PlacedStep[] {
  const makers = new Set(states.map(({ token }) => token))
  return left.filter((placed) => {
    const { step } = placed
    if (placed === blocked || (placed.step === blocked.step)) return true
    if ((step.kind === 'acquire' || step.kind === 'release') && makers.has(step.token)) return true
    // Still open when the blocked one began, or begun later.
    return step.kind !== 'end' && placed.return > blocked.invoke && placed.invoke > blocked.invoke - 200
  })
}

function titleOf(step: LockStep, states: readonly LockState[]): string {
  switch (step.kind) {
    case 'acquire':
      if (states.every(({ holder }) => holder !== null && holder !== step.session)) return 'a lock was acquired though another held it'
      if (states.some(({ delayedUntilNs, holder }) => holder === null && delayedUntilNs > step.returnNs)) return 'a lock was acquired within its lock-delay'
      return 'an acquisition that cannot have been'
    case 'read': {
      const { lock } = step
      if (lock !== null && states.some(({ token, holder, lockIndex }) => token === lock.token && holder === lock.session && lockIndex !== lock.lockIndex)) return 'a LockIndex that does not count acquisitions'
      if (lock?.session !== states[0]?.holder && states.every(({ holder }) => holder !== null && holder !== lock?.session)) return 'a lock was taken from a session that lived, or given to another'
      return 'a read saw a lock as it cannot have been'
    }
    case 'release': return 'a lock was released by who did not hold it'
    case 'refuse-release': return 'the holder of a lock was told that it holds none'
    case 'end': return 'a session ended in contradiction to what was seen of its lock'
  }
}

const sessionOf = (step: LockStep): string[] => step.kind === 'read' ? step.lock?.session === undefined || step.lock.session === null ? [] : [step.lock.session] : [step.session]

function describeStep({ step, operation }: PlacedStep): string {
  const when = step.returnNs === Infinity ? `from ${seconds(step.invokeNs)} on, perhaps` : `${seconds(step.invokeNs)} to ${seconds(step.returnNs)}`
  const where = operation === null ? '' : ` (index ${operation.invokeIndex}${operation.returnIndex === null ? '' : `–${operation.returnIndex}`})`
  const who = operation === null ? '' : `worker ${operation.process}${operation.member === null ? '' : ` at ${operation.member}`} `
  return `${who}${deedOf(step)}, ${when}${where}`
}

function deedOf(step: LockStep): string {
  switch (step.kind) {
    case 'acquire': return `acquired it for ${shortSession(step.session)} with token ${step.token}`
    case 'release': return `released it for ${shortSession(step.session)} with token ${step.token}`
    case 'refuse-release': return `was refused to release it for ${shortSession(step.session)}`
    case 'read': {
      const { lock } = step
      if (lock === null) return 'read that it is absent'
      return `read ${lock.session === null ? 'nobody' : shortSession(lock.session)} with token ${lock.token}, LockIndex ${lock.lockIndex}, ModifyIndex ${lock.version}`
    }
    case 'end': return `the end of ${shortSession(step.session)}`
  }
}

function describeSession({ id, process, spec, endFromNs, endFromWhy, ended }: LockSession): string {
  const from = endFromNs === Infinity ? 'does not end by itself' : `cannot have ended before ${seconds(endFromNs)}`
  const by = ended === null ? '' : `, and had ended by ${seconds(ended.byNs)}: ${ended.why}`
  return `${shortSession(id)} of worker ${process} (TTL ${spec.ttlMs / 1000} s, lock-delay ${spec.lockDelayMs / 1000} s) ${from} (${endFromWhy})${by}.`
}
