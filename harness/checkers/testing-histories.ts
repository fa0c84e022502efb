/**
 * Correct histories of locks and of watchers, made by carrying out each
 * operation at a moment between its events, on services as plain as can be.
 * Some operations end as `info`, carried out or not.
 */
import { seededRandom, type Random } from '../../node/base/random.ts'
import type { OperationEvent } from '../history/event.ts'

interface Open {
  readonly f: string
  readonly key?: string
  /** Carries it out; returns the completion's value. */
  readonly act: () => unknown
  /** What it is about, known before it is carried out. */
  readonly about: unknown
  /** Changes nothing: what it would have seen is of no use to anybody, if its answer is lost. */
  readonly reads?: true
  value: unknown
  done: boolean
}

interface Stage {
  readonly random: Random
  nowS: number
  /** Begins an operation, or null: none now. */
  readonly begin: (process: number) => Omit<Open, 'value' | 'done'> | null
  /** What happens by itself. */
  readonly pass: () => void
  /** At once, by a worker that does nothing else. */
  readonly peek: () => Omit<Open, 'value' | 'done'>
}

/** `peeks`: with completed reads of what is there added; else without, and the same otherwise. */
function play(stage: Stage, steps: number, peeks: boolean): OperationEvent[] {
  const { random } = stage
  const events: OperationEvent[] = []
  const open = new Map<number, Open>()
  const successor = new Map<number, number>()
  const push = (process: number, type: OperationEvent['type'], { f, key }: { f: string, key?: string }, value: unknown) => events.push({
    index: events.length, time: Math.round(stage.nowS * 1e9), process, type, f, ...key === undefined ? {} : { key }, value, node: `n${process % 3 + 1}`,
  })
  for (let step = 0; step < steps; step++) {
    stage.nowS += random.fraction() * 0.6
    stage.pass()
    const slot = random.between(0, 4)
    const process = successor.get(slot) ?? slot
    const current = open.get(slot)
    const fate = random.fraction()
    if (current === undefined) {
      const begun = stage.begin(slot)
      if (begun === null) continue
      open.set(slot, { ...begun, value: undefined, done: false })
      push(process, 'invoke', begun, begun.reads ? null : begun.about)
    } else if (!current.done && fate > 0.03) {
      current.value = current.act()
      current.done = true
    } else {
      open.delete(slot)
      const lost = !current.done || fate < 0.08
      if (lost && current.reads) push(process, 'fail', current, null)
      else push(process, lost ? 'info' : 'ok', current, lost ? current.about : current.value)
      if (lost && !current.reads) successor.set(slot, process + 4)
    }
    if (peeks && step % 3 === 0) {
      const peek = stage.peek()
      push(1000, 'invoke', peek, null)
      push(1000, 'ok', peek, peek.act())
    }
  }
  // Each ends.
  for (const [slot, one] of open) push(successor.get(slot) ?? slot, one.reads ? 'fail' : 'info', one, one.reads ? null : one.about)
  return events
}

interface Held { holder: string | null, lockIndex: number, token: string, version: number, exists: boolean, delayedUntilS: number }
interface Live { readonly id: string, readonly spec: { ttlMs: number, lockDelayMs: number, behavior: 'release' | 'delete', endsWithMember: boolean }, expiresS: number }

export function correctLockHistory(seed: number, peeks = false, steps = 260): OperationEvent[] {
  const random = seededRandom(seed)
  const locks = new Map<string, Held>(['a', 'b'].map((key) => [key, { holder: null, lockIndex: 0, token: '', version: 0, exists: false, delayedUntilS: 0 }]))
  const sessions = new Map<string, Live>()
  const mine = new Map<number, string>()
  let version = 10
  let count = 0
  const write = (lock: Held, change: Partial<Held>) => Object.assign(lock, { ...change, version: ++version })
  const end = (session: Live) => {
    sessions.delete(session.id)
    for (const lock of locks.values()) {
      if (lock.holder !== session.id) continue
      write(lock, session.spec.behavior === 'delete' ? { holder: null, exists: false, lockIndex: 0, token: '' } : { holder: null })
      lock.delayedUntilS = stage.nowS + session.spec.lockDelayMs / 1000
    }
  }
  const look = (key: string) => {
    const { exists, holder, token, lockIndex, version: seen } = locks.get(key)!
    return { lock: exists ? { session: holder, token, lockIndex, version: seen } : null }
  }
  const stage: Stage = {
    random, nowS: 0,
    pass() {
      for (const session of [...sessions.values()]) if (stage.nowS >= session.expiresS) end(session)
    },
    peek: () => ({ f: 'read', key: count % 2 === 0 ? 'a' : 'b', act: () => look(count % 2 === 0 ? 'a' : 'b'), about: null, reads: true }),
    begin(slot) {
      const key = random.pick(['a', 'b'])
      const token = `t${++count}`
      const id = mine.get(slot)
      const renewal = (session: Live) => { session.expiresS = stage.nowS + 2 * session.spec.ttlMs / 1000 }
      const f = id === undefined ? random.pick(['acquire', 'read']) : random.pick(['acquire', 'acquire', 'release', 'renew', 'read', 'read', 'destroy', 'abandon'])
      switch (f) {
        case 'read': return { f, key, act: () => look(key), about: null, reads: true }
        case 'acquire': {
          const session = id ?? `s${count}`
          const spec: Live['spec'] = { ttlMs: 10_000, lockDelayMs: random.pick([0, 3000]), behavior: random.pick(['release', 'delete']), endsWithMember: false }
          const created = id === undefined ? { created: spec } : {}
          if (id === undefined) {
            mine.set(slot, session)
            const live = { id: session, spec, expiresS: 0 }
            renewal(live)
            sessions.set(session, live)
          }
          const act = () => {
            const lock = locks.get(key)!
            if (!sessions.has(session)) return { session, token, ...created, held: false, known: false }
            const held = lock.holder === session || (lock.holder === null && lock.delayedUntilS <= stage.nowS)
            if (held) write(lock, { exists: true, token, lockIndex: lock.holder === session ? lock.lockIndex : lock.lockIndex + 1, holder: session })
            return { session, token, ...created, held, known: true }
          }
          return { f, key, act, about: { session, token, ...created } }
        }
        case 'release': return {
          f, key, about: { session: id, token },
          act() {
            const lock = locks.get(key)!
            const released = lock.holder === id
            if (released) write(lock, { holder: null, token })
            return { session: id, token, released }
          },
        }
        case 'renew': return {
          f, about: { session: id },
          act() {
            const session = sessions.get(id!)
            if (session !== undefined) renewal(session)
            return { session: id, known: session !== undefined }
          },
        }
        case 'destroy':
        case 'abandon':
          mine.delete(slot)
          return {
            f, about: { session: id },
            act() {
              const session = sessions.get(id!)
              if (f === 'destroy' && session !== undefined) end(session)
              return { session: id }
            },
          }
      }
      return null
    },
  }
  return play(stage, steps, peeks)
}

export function correctWatchHistory(seed: number, peeks = false, steps = 300): OperationEvent[] {
  const random = seededRandom(seed)
  const store = new Map<string, { readonly value: number, readonly version: number }>()
  const touched = new Map<string, number>()
  let version = 10
  let count = 0
  const look = () => ({
    since: 0, waitMs: 1000, consistency: 'consistent', index: Math.max(1, ...touched.values()),
    entries: [...store].map(([key, { value, version: its }]) => [key, value, its]),
  })
  const stage: Stage = {
    random, nowS: 0,
    pass() {},
    peek: () => ({ f: 'wait', key: 'p/', act: () => look(), about: null, reads: true }),
    begin(slot) {
      if (slot < 2) return { f: 'wait', key: 'p/', about: null, reads: true, act: () => look() }
      const key = random.pick(['p/a', 'p/b', 'p/c'])
      if (random.chance(0.3)) {
        return { f: 'delete', key, about: null, act: () => { if (store.delete(key)) touched.set(key, ++version); return null } }
      }
      const value = ++count
      return { f: 'write', key, about: value, act: () => { store.set(key, { value, version: ++version }); touched.set(key, version); return value } }
    },
  }
  return play(stage, steps, peeks)
}
