import type { HistoryEvent } from '../harness/history/event.ts'
import { freeingBoundMs } from '../harness/checkers/lock-bounds.ts'
import { checkLocks } from '../harness/checkers/locks.ts'
import type { RunPlan } from '../harness/plan/plan.ts'
import type { Random } from '../node/base/random.ts'
import { KeyRotation } from './key-rotation.ts'
import type { SessionClient, SessionOptions } from './ports/sessions.ts'
import { port, type Operation, type OperationOutcome, type SystemClient, type Worker, type Workload, type WorkScope } from './workload.ts'

/**
 * Workers with sessions contend for a few locks, update what the locks guard,
 * renew, release, and now and then die without a word. Every value that is
 * written to a lock or to what it guards is written once in the run, so that a
 * read tells whose it saw.
 */
export const lock: Workload = {
  name: 'lock',
  about: 'sessions contend for locks, renew, release, die: one holder at a time, fencing by LockIndex, lock-delays kept, locks of the dead freed in time',
  needs: ['sessions'],
  defaults: {
    rate: 50,
    // Long enough that sessions of the dead end, at twice their TTL.
    timeLimit: 60,
    keys: 4,
    opsPerKey: 400,
  },
  operations: lockWork,
  finalOperations: (_plan, history) => [
    ...touchedLocks(history).map((key): Operation => ({ f: 'read', key, value: null, consistency: 'consistent' })),
    ...touchedLocks(history).map((key): Operation => ({ f: 'cycle', key, value: null })),
  ],
  perform,
  check: checkLocks,
}

/** Shares of 1000 operations. */
const shares = { acquire: 340, read: 225, release: 110, guard: 210, renew: 100, destroy: 10, abandon: 5 } as const

/** The shortest that Consul takes. */
const ttlMs = 10_000
const lockDelaysMs = [0, 1500, 4000] as const
/** How often a worker that acquires turns to another lock. */
const turnChance = 0.35

function lockWork(plan: RunPlan, random: Random): (worker: Worker) => Operation {
  const keys = new KeyRotation(plan.keyCount, plan.opsPerKey)
  /** Which of the locks in use each slot is after. */
  const chosen = new Map<number, number>()
  let token = 0
  return ({ slot }) => {
    const f = drawFunction(random)
    if (!chosen.has(slot) || (f === 'acquire' && random.chance(turnChance))) chosen.set(slot, random.between(0, plan.keyCount))
    const next = () => String(++token)
    switch (f) {
      case 'renew':
      case 'destroy':
      case 'abandon': return { f, value: null }
      case 'acquire': return { f, key: keys.draw(chosen.get(slot)!), value: { token: next(), spec: drawSpec(random) } }
      case 'release':
      case 'guard': return { f, key: keys.draw(chosen.get(slot)!), value: { token: next() } }
      case 'read': return { f, key: keys.draw(chosen.get(slot)!), value: plan.consistency === 'stale' ? { stale: true } : null }
    }
  }
}

function drawFunction(random: Random): keyof typeof shares {
  let left = random.between(0, 1000)
  for (const [f, share] of Object.entries(shares)) {
    if (left < share) return f as keyof typeof shares
    left -= share
  }
  return 'read'
}

/** For the session that is made where the worker has none. */
function drawSpec(random: Random): SessionOptions {
  return { ttlMs, lockDelayMs: random.pick(lockDelaysMs), behavior: random.chance(0.7) ? 'release' : 'delete', endsWithMember: random.chance(0.2) }
}

const maxSpec = { ttlMs, lockDelayMs: Math.max(...lockDelaysMs) }

/** What a slot's worker remembers. */
interface Mine {
  session: string | null
  /** Keys whose lock it was told is its. */
  readonly held: Set<string>
}

function mineOf({ memory }: WorkScope): Mine {
  const known = memory.get('lock') as Mine | undefined
  if (known !== undefined) return known
  const mine: Mine = { session: null, held: new Set() }
  memory.set('lock', mine)
  return mine
}

function forget(mine: Mine): void {
  mine.session = null
  mine.held.clear()
}

async function perform(operation: Operation, client: SystemClient, scope: WorkScope): Promise<OperationOutcome> {
  const sessions = port(client, 'sessions')
  const mine = mineOf(scope)
  const key = operation.key ?? ''
  switch (operation.f) {
    case 'acquire': return acquire(key, operation.value as Wanted, sessions, mine)
    case 'read': {
      const read = await sessions.read(key, operation.consistency ?? scope.plan.consistency)
      if (read.type !== 'ok') return read
      const { lock } = read
      return { type: 'ok', value: { lock: lock === null ? null : { session: lock.session, token: lock.value, lockIndex: lock.lockIndex, version: lock.version } } }
    }
    case 'cycle': return cycle(key, sessions, scope)
    default:
  }
  const { session } = mine
  if (session === null) return { type: 'fail', error: 'the worker has no session' }
  switch (operation.f) {
    case 'release': {
      const { token } = operation.value as Wanted
      mine.held.delete(key)
      const released = await sessions.release(key, session, token)
      return released.type === 'ok' ? { type: 'ok', value: { session, token, released: released.released } } : { ...released, value: { session, token } }
    }
    case 'guard': return guard(key, session, (operation.value as Wanted).token, client, mine)
    case 'renew': {
      const renewed = await sessions.renew(session)
      if (renewed.type !== 'ok') return { ...renewed, value: { session } }
      if (!renewed.known) forget(mine)
      return { type: 'ok', value: { session, known: renewed.known } }
    }
    case 'destroy': {
      forget(mine)
      const destroyed = await sessions.destroy(session)
      return destroyed.type === 'ok' ? { type: 'ok', value: { session } } : { ...destroyed, value: { session } }
    }
    case 'abandon':
      forget(mine)
      return { type: 'ok', value: { session } }
    default:
      throw new Error(`lock knows no operation ${operation.f}`)
  }
}

interface Wanted {
  readonly token: string
  readonly spec: SessionOptions
}

async function acquire(key: string, { token, spec }: Wanted, sessions: SessionClient, mine: Mine): Promise<OperationOutcome> {
  let made = {}
  if (mine.session === null) {
    const created = await sessions.create(spec)
    // One that may have been made is nobody's, and holds nothing.
    if (created.type !== 'ok') return { type: 'fail', error: `no session: ${created.error}` }
    mine.session = created.session
    made = { created: spec }
  }
  const { session } = mine
  const acquired = await sessions.acquire(key, session, token)
  // The session counts from here on, whatever became of the lock.
  if (acquired.type === 'fail') return 'created' in made ? { type: 'ok', value: { session, token, ...made, held: false, known: true } } : acquired
  if (acquired.type === 'info') return { ...acquired, value: { session, token, ...made } }
  if (acquired.held) mine.held.add(key)
  if (!acquired.known) forget(mine)
  return { type: 'ok', value: { session, token, ...made, held: acquired.held, known: acquired.known } }
}

/** What a lock guards stands at a key of its own, which knows nothing of locks. */
const guardedBy = (key: string) => `guarded-by-${key}`

async function guard(key: string, session: string, token: string, client: SystemClient, mine: Mine): Promise<OperationOutcome> {
  if (!mine.held.has(key)) return { type: 'fail', error: `the worker does not hold ${key}` }
  const read = await client.read(guardedBy(key), 'consistent')
  if (read.type !== 'ok') return { type: 'fail', error: `read before the write: ${read.error}` }
  const value = { session, from: read.value, to: token }
  const written = await client.write(guardedBy(key), token)
  return written.type === 'ok' ? { type: 'ok', value } : { ...written, value }
}

const cyclePauseMs = 250
/** Clocks that were set back make what they time late; who waits for the lock waits for that too. */
const skewedPatience = 4

/** At the end: whoever held the lock is dead by now, so it must come free. */
async function cycle(key: string, sessions: SessionClient, { plan, clock, worker }: WorkScope): Promise<OperationOutcome> {
  const startNs = clock.nowNs()
  const skewed = plan.nemesis.includes('clock') || plan.faultScript !== null
  const patienceMs = freeingBoundMs(maxSpec, plan) * (skewed ? skewedPatience : 1)
  const created = await sessions.create({ ttlMs: 0, lockDelayMs: 0, behavior: 'release', endsWithMember: false })
  if (created.type !== 'ok') return { type: 'fail', error: `no session: ${created.error}` }
  const { session } = created
  const value = { session, token: `${key}/${worker.member}`, releaseToken: `${key}/${worker.member}/released` }
  for (;;) {
    const acquired = await sessions.acquire(key, session, value.token)
    const waitedMs = Math.round((clock.nowNs() - startNs) / 1e6)
    if (acquired.type === 'info') return leave({ type: 'info', error: acquired.error, value })
    if (acquired.type === 'ok' && acquired.held) {
      const released = await sessions.release(key, session, value.releaseToken)
      if (released.type === 'ok' && released.released) return leave({ type: 'ok', value: { ...value, held: true, waitedMs } })
      return leave({ type: 'info', error: released.type === 'ok' ? 'held, and not to be released' : released.error, value })
    }
    if (acquired.type === 'ok' && !acquired.known) return { type: 'ok', value: { ...value, held: false, known: false, waitedMs } }
    if (waitedMs >= patienceMs) return leave(acquired.type === 'fail' ? acquired : { type: 'ok', value: { ...value, held: false, waitedMs } })
    await clock.sleep(cyclePauseMs)
  }

  async function leave(outcome: OperationOutcome): Promise<OperationOutcome> {
    const destroyed = await sessions.destroy(session)
    return destroyed.type === 'ok' || outcome.type !== 'ok' ? outcome : { ...outcome, type: 'info', error: `its session was not destroyed: ${destroyed.error}` }
  }
}

function touchedLocks(history: readonly HistoryEvent[]): string[] {
  const keys = new Set<string>()
  for (const event of history) if (event.process !== 'nemesis' && event.key !== undefined) keys.add(event.key)
  return [...keys]
}
