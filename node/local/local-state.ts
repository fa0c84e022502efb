import type { CheckStatus, ServiceDefinition } from '../state/catalog-types.ts'
import type { CheckResult, CheckSpec, LocalCheck } from './definitions.ts'
import { LocalEntries } from './local-entries.ts'

/** Ids of what was put, reported or removed. */
export interface LocalChanges {
  readonly services: ReadonlySet<string>
  readonly checks: ReadonlySet<string>
}

/**
 * The services and checks that are registered at this agent: the authority on
 * what the catalog says of this node. Synchronous, without time of its own.
 * Ids are told apart by case, as in Consul's agent.
 */
export class LocalState {
  readonly #services = new LocalEntries<ServiceDefinition>()
  readonly #checks = new LocalEntries<LocalCheck>()
  /** Ids of checks by that of their service; empty for the node's own. */
  readonly #checksOf = new Map<string, Set<string>>()
  #changed = { services: new Set<string>(), checks: new Set<string>() }

  services(): ServiceDefinition[] {
    return this.#services.sorted()
  }

  checks(): LocalCheck[] {
    return this.#checks.sorted()
  }

  service(id: string): ServiceDefinition | null {
    return this.#services.get(id)
  }

  check(id: string): LocalCheck | null {
    return this.#checks.get(id)
  }

  checksOf(serviceId: string): LocalCheck[] {
    return [...this.#checksOf.get(serviceId) ?? []].sort().map((id) => this.#checks.get(id)!)
  }

  /** Ids that are the same as `id` but for their case, as the catalog takes them. */
  serviceIdsLike(id: string): Iterable<string> {
    return this.#services.idsLike(id)
  }

  checkIdsLike(id: string): Iterable<string> {
    return this.#checks.idsLike(id)
  }

  putService(service: ServiceDefinition): void {
    this.#services.set(service.id, service)
    this.#changed.services.add(service.id)
  }

  /** In place of one with its id, whose status it keeps. */
  putCheck(spec: CheckSpec, nowMs: number): LocalCheck {
    const old = this.#checks.get(spec.checkId)
    const status = old?.status ?? spec.initialStatus
    const check: LocalCheck = old === null
      ? { spec, status, output: '', criticalSinceMs: status === 'critical' ? nowMs : null, outputChangedMs: null }
      : { ...old, spec }
    if (old !== null) this.#leave(old)
    this.#set(check)
    const siblings = this.#checksOf.get(spec.serviceId)
    if (siblings === undefined) this.#checksOf.set(spec.serviceId, new Set([spec.checkId]))
    else siblings.add(spec.checkId)
    return check
  }

  /** With its checks. Returns whether it was there. */
  removeService(id: string): boolean {
    for (const { spec } of this.checksOf(id)) this.removeCheck(spec.checkId)
    this.#changed.services.add(id)
    return this.#services.delete(id)
  }

  removeCheck(id: string): boolean {
    const check = this.#checks.get(id)
    if (check === null) return false
    this.#leave(check)
    this.#changed.checks.add(id)
    return this.#checks.delete(id)
  }

  /** What came of a check. `unchanged` also for a check that is gone: its last result may come late. */
  report(checkId: string, { status, output }: CheckResult, nowMs: number): 'status' | 'output' | 'unchanged' {
    const old = this.#checks.get(checkId)
    if (old === null || (old.status === status && old.output === output)) return 'unchanged'
    const sameStatus = old.status === status
    this.#set({
      ...old, status, output,
      criticalSinceMs: status === 'critical' ? old.criticalSinceMs ?? nowMs : null,
      outputChangedMs: sameStatus ? old.outputChangedMs ?? nowMs : null,
    })
    return sameStatus ? 'output' : 'status'
  }

  /** The catalog has been told these words. */
  outputSynced(checkId: string, output: string, nowMs: number): void {
    const check = this.#checks.get(checkId)
    if (check === null || check.outputChangedMs === null) return
    this.#set({ ...check, outputChangedMs: check.output === output ? null : nowMs })
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

  /** What has changed since the last time that this was asked. */
  takeChanges(): LocalChanges {
    const changed = this.#changed
    this.#changed = { services: new Set(), checks: new Set() }
    return changed
  }

  #set(check: LocalCheck): void {
    this.#checks.set(check.spec.checkId, check)
    this.#changed.checks.add(check.spec.checkId)
  }

  #leave({ spec }: LocalCheck): void {
    const siblings = this.#checksOf.get(spec.serviceId)!
    siblings.delete(spec.checkId)
    if (siblings.size === 0) this.#checksOf.delete(spec.serviceId)
  }
}

const severity: Readonly<Record<CheckStatus, number>> = { passing: 0, warning: 1, critical: 2 }

/** The worst of all; no checks pass. */
export function worstStatus(statuses: readonly CheckStatus[]): CheckStatus {
  return statuses.reduce<CheckStatus>((worst, status) => severity[status] > severity[worst] ? status : worst, 'passing')
}
