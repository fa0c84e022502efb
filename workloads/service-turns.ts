import type { RunPlan } from '../harness/plan/plan.ts'
import type { Random } from '../node/base/random.ts'
import type { ServiceRegistration } from './ports/services.ts'
import type { Operation, Worker } from './workload.ts'

const names = ['api', 'cart', 'search', 'users'] as const
/** Registered at one time by one slot; at more, one has to go first. */
const livingMax = 4
/** A TTL short enough to expire within a run, and longer than what is pushed takes. */
const ttlMsMin = 3000
const ttlMsMax = 8000
const portMin = 10_000
const portCount = 50_000

/** Of 100 operations. */
const shares = { instances: 50, dns: 62, register: 76, report: 92 } as const

/**
 * Which service is registered, reported or deregistered next. A slot has
 * services of its own, so that what is done to one is done in order. Where it
 * is not known whether an operation happened (the slot has a new worker) the
 * service is left alone for good: what it is may change at any time.
 */
export class ServiceTurns {
  readonly #plan: RunPlan
  readonly #random: Random
  readonly #slots = new Map<number, { process: number, living: ServiceRegistration[], touched: string | null }>()
  #count = 0

  constructor(plan: RunPlan, random: Random) {
    this.#plan = plan
    this.#random = random
  }

  next({ slot, process }: Worker): Operation {
    const state = this.#slots.get(slot) ?? { process, living: [], touched: null }
    this.#slots.set(slot, state)
    if (state.process !== process) state.living = state.living.filter(({ id }) => id !== state.touched)
    state.process = process
    state.touched = null
    const operation = this.#draw(state.living)
    if (operation.f === 'register') state.living.push(operation.value as ServiceRegistration)
    if (operation.f === 'deregister') state.living = state.living.filter(({ id }) => id !== operation.key)
    if (operation.f !== 'instances' && operation.f !== 'dns') state.touched = operation.key!
    return operation
  }

  #draw(living: readonly ServiceRegistration[]): Operation {
    const random = this.#random
    const share = random.between(0, 100)
    if (share < shares.instances) {
      return { f: 'instances', key: random.pick(names), value: null, consistency: random.chance(0.3) ? 'stale' : this.#plan.consistency }
    }
    if (share < shares.dns) return { f: 'dns', key: random.pick(names), value: null }
    const checked = living.filter(({ ttlMs }) => ttlMs !== null)
    if (share >= shares.register && share < shares.report && checked.length > 0) {
      return { f: 'report', key: random.pick(checked).id, value: { status: random.pick(['passing', 'passing', 'passing', 'warning', 'critical'] as const) } }
    }
    if (living.length > 0 && (share >= shares.report || living.length >= livingMax)) return { f: 'deregister', key: random.pick(living).id, value: null }
    const registration: ServiceRegistration = {
      id: `s${this.#count}`, name: random.pick(names), port: portMin + this.#count % portCount,
      ttlMs: random.chance(0.6) ? Math.round(ttlMsMin + random.fraction() * (ttlMsMax - ttlMsMin)) : null,
    }
    this.#count += 1
    return { f: 'register', key: registration.id, value: registration }
  }
}
