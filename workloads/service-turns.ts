import type { RunPlan } from '../harness/plan/plan.ts'
import type { Random } from '../node/base/random.ts'
import type { ServiceRegistration } from './ports/services.ts'
import type { Operation, Worker } from './workload.ts'

const names = ['api', 'cart', 'search', 'users'] as const
/** Registered at one time by one slot; at more, one has to go first. */
const livingMax = 4
/** A TTL short enough to expire within a run, and longer than what is pushed takes. */
const ttlMsMin = 3000
export const ttlMsMax = 8000
const portMin = 10_000
const portCount = 50_000

/** Of 100 operations; what is above the last is a deregistration. */
const shares = { instances: 50, dns: 62, register: 76, report: 92 } as const
const changeShare = (100 - shares.dns) / 100

/**
 * An agent pushes one change after the other, each a read index and a write,
 * through the leader to a quorum. More of them than it can push would make the
 * catalog lag for that reason alone: of what it can, a third.
 */
function changesPerSMax({ env, members, latencyMs }: RunPlan): number {
  const pushS = (env === 'simulated' ? 20 : 60) / 1000 + 4 * latencyMs / 1000
  return members * 0.33 / pushS
}

/**
 * Which service is registered, reported or deregistered next. A slot has
 * services of its own, so that what is done to one is done in order. Where it
 * is not known whether an operation happened (the slot has a new worker) the
 * service is left alone for good: what it is may change at any time.
 */
export class ServiceTurns {
  readonly #plan: RunPlan
  readonly #random: Random
  /** Of changes that are drawn, so many are made; reads take the place of the others. */
  readonly #changeChance: number
  readonly #slots = new Map<number, { process: number, living: ServiceRegistration[], touched: string | null }>()
  #count = 0

  constructor(plan: RunPlan, random: Random) {
    this.#plan = plan
    this.#random = random
    this.#changeChance = Math.min(1, changesPerSMax(plan) / (plan.rate * changeShare))
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
    const drawn = random.between(0, 100)
    const share = drawn < shares.dns || random.chance(this.#changeChance) ? drawn : 0
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
