import type { CatalogLag } from './catalog-lag.ts'
import type { ServiceLife } from './registration-history.ts'

/** What an agent may say of one service; `absent`: it has no such service. */
export type ServiceState = 'absent' | 'passing' | 'warning' | 'critical'

/** The service may have been in that state at any moment of the span. */
interface Possible {
  readonly state: ServiceState
  readonly fromNs: number
  readonly toNs: number
}

/** Timers are set in whole milliseconds. */
const timerGrainMs = 2

/**
 * All that an agent may have held of a service, and when. A change happens at
 * one moment between its request and its answer, or at any moment after the
 * request where none came. A TTL that nothing renewed turns critical after it
 * (Consul's documentation, "Checks"); where something was broken meanwhile, the
 * agent's clock may have stood, jumped or begun anew: earlier then, or later by a whole TTL.
 */
export class ServiceStates {
  readonly #possible: readonly Possible[]

  constructor(life: ServiceLife, troubles: CatalogLag) {
    this.#possible = possibleStates(life, troubles)
  }

  /** Whether it may have been so at some moment of the span. */
  may(state: ServiceState, fromNs: number, toNs: number): boolean {
    return this.#possible.some((possible) => possible.state === state && possible.fromNs <= toNs && possible.toNs >= fromNs)
  }

  /** Every state that it may have had in the span. */
  within(fromNs: number, toNs: number): ServiceState[] {
    return (['absent', 'passing', 'warning', 'critical'] as const).filter((state) => this.may(state, fromNs, toNs))
  }
}

function possibleStates({ registered, reports, deregistered, ttlMs }: ServiceLife, troubles: CatalogLag): Possible[] {
  if (registered === null) return [{ state: 'absent', fromNs: -Infinity, toNs: Infinity }]
  const goneNs = deregistered?.toNs ?? Infinity
  const possible: Possible[] = [{ state: 'absent', fromNs: -Infinity, toNs: registered.toNs }]
  if (deregistered !== null) possible.push({ state: 'absent', fromNs: deregistered.fromNs, toNs: Infinity })
  const present = (state: ServiceState, fromNs: number, toNs: number) => {
    if (fromNs <= Math.min(toNs, goneNs)) possible.push({ state, fromNs, toNs: Math.min(toNs, goneNs) })
  }
  /** Until the change after it has surely happened. */
  const untilNext = (at: number) => Math.min(Infinity, ...reports.slice(at).map(({ toNs }) => toNs))
  present(ttlMs === null ? 'passing' : 'critical', registered.fromNs, untilNext(0))
  if (ttlMs === null) return possible
  const ttlNs = ttlMs * 1e6
  for (const [at, { status, fromNs, toNs }] of reports.entries()) {
    const dueNs = toNs + ttlNs + timerGrainMs * 1e6
    const troubleNs = troubles.troubleUntilNs(fromNs, dueNs, ttlNs)
    const expiredByNs = troubleNs === null ? dueNs : Math.max(dueNs, troubleNs + ttlNs + timerGrainMs * 1e6)
    const expiresFromNs = troubles.troubleUntilNs(fromNs, fromNs + ttlNs, 0) === null ? fromNs + ttlNs - timerGrainMs * 1e6 : fromNs
    present(status as ServiceState, fromNs, Math.min(expiredByNs, untilNext(at + 1)))
    present('critical', expiresFromNs, untilNext(at + 1))
  }
  return possible
}
