import type { CheckStatus, ServiceDefinition } from '../state/catalog-types.ts'
import type { CheckResult, CheckSpec, LocalCheck } from './definitions.ts'

/**
 * The services and checks that are registered at this agent: the authority on
 * what the catalog says of this node. Synchronous, without time of its own.
 * Ids are told apart by case, as in Consul's agent.
 */
export class LocalState {
  readonly #services = new Map<string, ServiceDefinition>()
  readonly #checks = new Map<string, LocalCheck>()

  services(): ServiceDefinition[] {
    return sorted(this.#services)
  }

  checks(): LocalCheck[] {
    return sorted(this.#checks)
  }

  service(id: string): ServiceDefinition | null {
    return this.#services.get(id) ?? null
  }

  check(id: string): LocalCheck | null {
    return this.#checks.get(id) ?? null
  }

  checksOf(serviceId: string): LocalCheck[] {
    return this.checks().filter(({ spec }) => spec.serviceId === serviceId)
  }

  putService(service: ServiceDefinition): void {
    this.#services.set(service.id, service)
  }

  /** In place of one with its id, whose status it keeps. */
  putCheck(spec: CheckSpec, nowMs: number): LocalCheck {
    const old = this.#checks.get(spec.checkId)
    const status = old?.status ?? spec.initialStatus
    const check: LocalCheck = old === undefined
      ? { spec, status, output: '', criticalSinceMs: status === 'critical' ? nowMs : null, outputChangedMs: null }
      : { ...old, spec }
    this.#checks.set(spec.checkId, check)
    return check
  }

  /** With its checks. Returns whether it was there. */
  removeService(id: string): boolean {
    for (const { spec } of this.checksOf(id)) this.#checks.delete(spec.checkId)
    return this.#services.delete(id)
  }

  removeCheck(id: string): boolean {
    return this.#checks.delete(id)
  }

  /** What came of a check. `unchanged` also for a check that is gone: its last result may come late. */
  report(checkId: string, { status, output }: CheckResult, nowMs: number): 'status' | 'output' | 'unchanged' {
    const old = this.#checks.get(checkId)
    if (old === undefined || (old.status === status && old.output === output)) return 'unchanged'
    const sameStatus = old.status === status
    this.#checks.set(checkId, {
      ...old, status, output,
      criticalSinceMs: status === 'critical' ? old.criticalSinceMs ?? nowMs : null,
      outputChangedMs: sameStatus ? old.outputChangedMs ?? nowMs : null,
    })
    return sameStatus ? 'output' : 'status'
  }

  /** The catalog has been told these words. */
  outputSynced(checkId: string, output: string, nowMs: number): void {
    const check = this.#checks.get(checkId)
    if (check === undefined || check.outputChangedMs === null) return
    this.#checks.set(checkId, { ...check, outputChangedMs: check.output === output ? null : nowMs })
  }

  /** Services with a check that has been critical for longer than it may. */
  overdue(nowMs: number): string[] {
    const ids = new Set<string>()
    for (const { spec, criticalSinceMs } of this.#checks.values()) {
      const { serviceId, deregisterCriticalAfterMs } = spec
      if (serviceId === '' || criticalSinceMs === null || deregisterCriticalAfterMs === null) continue
      if (nowMs - criticalSinceMs > deregisterCriticalAfterMs) ids.add(serviceId)
    }
    return [...ids].sort()
  }
}

const severity: Readonly<Record<CheckStatus, number>> = { passing: 0, warning: 1, critical: 2 }

/** The worst of all; no checks pass. */
export function worstStatus(statuses: readonly CheckStatus[]): CheckStatus {
  return statuses.reduce<CheckStatus>((worst, status) => severity[status] > severity[worst] ? status : worst, 'passing')
}

function sorted<T>(entries: ReadonlyMap<string, T>): T[] {
  return [...entries].sort(([a], [b]) => a < b ? -1 : 1).map(([, value]) => value)
}
