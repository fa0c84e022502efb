import { isDeepStrictEqual } from 'node:util'
import type { Log } from '../base/log.ts'
import type { Random } from '../base/random.ts'
import type { Cancel, Scheduler } from '../base/scheduler.ts'
import type { ReadOutcome, WriteOutcome } from '../driver/requests.ts'
import type { CatalogReader } from '../state/catalog.ts'
import type { NodeDefinition, ServiceDefinition } from '../state/catalog-types.ts'
import type { Disk } from '../storage/disk.ts'
import { aliasHealth } from './alias-health.ts'
import { AntiEntropy, type RemoteCatalog } from './anti-entropy.ts'
import { CheckRunner } from './check-runner.ts'
import { type CheckResult, type CheckSpec, type LocalCheck, outputBytesMaxDefault } from './definitions.ts'
import { LocalState } from './local-state.ts'
import { LocalStore } from './local-store.ts'
import type { Probes } from './probes.ts'
import { SyncPlanner } from './sync-planner.ts'

/** What the agent's own services and checks need of the world. */
export interface LocalWorld {
  /** For kept services and checks alone. */
  readonly disk: Disk
  readonly probes: Probes
  /** Whether checks may run commands. */
  readonly scriptChecks: boolean
}

export interface LocalAgentPorts extends LocalWorld {
  readonly node: NodeDefinition
  readonly scheduler: Scheduler
  readonly random: Random
  readonly log: Log
  readonly catalog: CatalogReader
  readonly remote?: RemoteCatalog
  /** Whether the agent enters its node though nothing is on it. Default: false, somebody else does. */
  readonly registersNode?: boolean
  readonly awaitRead: (mode: 'lease', done: (outcome: ReadOutcome) => void) => void
  readonly write: (command: Uint8Array, done: (outcome: WriteOutcome) => void) => void
}

const reapMs = 30_000
export const nodeMaintenanceId = '_node_maintenance'
export const serviceMaintenanceId = (serviceId: string) => `_service_maintenance:${serviceId}`

/** The services and checks of this member's own agent: kept, checked, and brought into the catalog. */
export class LocalAgent {
  readonly #ports: LocalAgentPorts
  readonly #state = new LocalState()
  readonly #store: LocalStore
  readonly #runner: CheckRunner
  readonly #antiEntropy: AntiEntropy
  readonly #watchers = new Set<(stopped: boolean) => void>()
  #reaper: Cancel | null = null
  #started = false
  /** Ids of what config files define: not kept on disk. */
  #configured = { services: new Set<string>(), checks: new Set<string>() }

  /** Takes up what the disk holds. */
  constructor(ports: LocalAgentPorts) {
    this.#ports = ports
    const { scheduler, random, log, catalog, node } = ports
    this.#store = new LocalStore(ports.disk, log)
    this.#runner = new CheckRunner({
      scheduler, random: random.split('checks'), probes: ports.probes,
      alias: (spec) => aliasHealth(spec, this.#state, catalog, node.name),
      status: (checkId) => this.#state.check(checkId),
      report: (checkId, result) => this.#report(checkId, result),
    })
    const planner = new SyncPlanner(this.#state, node, catalog, ports.registersNode)
    this.#antiEntropy = new AntiEntropy({
      scheduler, random: random.split('anti-entropy'), log, catalog, remote: ports.remote, awaitRead: ports.awaitRead, write: ports.write,
      plan: (inFull) => planner.plan(scheduler.nowMs(), inFull),
      written: (command) => {
        if (command.kind !== 'catalog-register') return
        for (const { checkId, output } of command.checks) this.#state.outputSynced(checkId, output, scheduler.nowMs())
      },
      takeTags: (overridden) => {
        for (const { serviceId, tags } of overridden) {
          const service = this.#state.service(serviceId)
          if (service !== null) this.#unattended(() => this.#keepService({ ...service, tags }))
        }
      },
    })
    const { services, checks } = this.#store.load()
    for (const service of services) this.#state.putService(service)
    for (const { spec, status, output } of checks) {
      if (spec.serviceId !== '' && this.#state.service(spec.serviceId) === null) {
        // Left by a crash in the middle of a registration, which was not acknowledged, or of a removal.
        this.#store.removeCheck(spec.checkId)
        continue
      }
      this.#state.putCheck(spec, scheduler.nowMs())
      // Others are made anew before anybody is told that they pass.
      if (spec.method.kind === 'ttl' || spec.method.kind === 'maintenance') this.#state.report(spec.checkId, { status, output }, scheduler.nowMs())
    }
  }

  get state(): Pick<LocalState, 'services' | 'checks' | 'service' | 'check' | 'checksOf'> {
    return this.#state
  }

  get nodeName(): string {
    return this.#ports.node.name
  }

  get scriptChecks(): boolean {
    return this.#ports.scriptChecks
  }

  start(): void {
    this.#started = true
    for (const { spec } of this.#state.checks()) this.#runner.start(spec)
    this.#antiEntropy.start()
    this.#reapLater()
  }

  stop(): void {
    this.#reaper?.()
    this.#runner.stopAll()
    this.#antiEntropy.stop()
    for (const watcher of [...this.#watchers]) watcher(true)
  }

  /** `changed` after every registration and deregistration of a service, and when the agent stops. Returns what ends that. */
  watchServices(changed: (stopped: boolean) => void): () => void {
    this.#watchers.add(changed)
    return () => { this.#watchers.delete(changed) }
  }

  /** Now may be the time to try again what no leader heard of. */
  leaderChanged(): void {
    this.#antiEntropy.changed()
  }

  /** `replaceChecks`: checks that the service had, and that are not named now, go. Throws the disk's error, as all that registers and deregisters. */
  registerService(service: ServiceDefinition, checks: readonly CheckSpec[], replaceChecks: boolean): void {
    // Checks first: after a crash in between, a service must not stand there without them, which would be healthy.
    for (const spec of checks) this.#storeCheck(spec)
    this.#keepService(service)
    if (replaceChecks) {
      const kept = new Set(checks.map(({ checkId }) => checkId))
      for (const { spec } of this.#state.checksOf(service.id)) if (!kept.has(spec.checkId)) this.#dropCheck(spec.checkId)
    }
    for (const spec of checks) this.#startCheck(spec)
    this.#antiEntropy.changed()
  }

  /**
   * What the config files define, in place of what they did before; checks that
   * are as they were go on. Whatever has such an id on disk goes: the files are
   * what counts. Returns a problem, with nothing changed, or null.
   */
  configure(services: readonly { readonly service: ServiceDefinition, readonly checks: readonly CheckSpec[] }[], checks: readonly CheckSpec[]): string | null {
    const specs = [...services.flatMap((one) => one.checks), ...checks]
    const next = { services: new Set(services.map(({ service }) => service.id)), checks: new Set(specs.map(({ checkId }) => checkId)) }
    const orphan = checks.find(({ serviceId }) => serviceId !== '' && !next.services.has(serviceId) && (this.#configured.services.has(serviceId) || this.#state.service(serviceId) === null))
    if (orphan !== undefined) return `Failed to register check ${JSON.stringify(orphan.checkId)}: ServiceID ${JSON.stringify(orphan.serviceId)} does not exist`
    for (const id of this.#configured.services) if (!next.services.has(id)) this.deregisterService(id)
    for (const id of this.#configured.checks) if (!next.checks.has(id)) this.#dropCheck(id)
    this.#configured = next
    for (const { service } of services) {
      this.#store.removeService(service.id)
      this.#state.putService(service)
    }
    for (const spec of specs) {
      this.#store.removeCheck(spec.checkId)
      if (!isDeepStrictEqual(this.#state.check(spec.checkId)?.spec, spec)) this.#startCheck(spec)
    }
    for (const watcher of [...this.#watchers]) watcher(false)
    if (this.#started) this.#antiEntropy.changed()
    return null
  }

  /** The service of `spec` must be there. */
  registerCheck(spec: CheckSpec): void {
    this.#storeCheck(spec)
    this.#startCheck(spec)
    this.#antiEntropy.changed()
  }

  deregisterService(id: string): void {
    if (this.#state.service(id) === null) return
    // The service first, for the same reason; checks without one are cleared away at the next start.
    this.#store.removeService(id)
    for (const { spec } of this.#state.checksOf(id)) this.#dropCheck(spec.checkId)
    this.#state.removeService(id)
    for (const watcher of [...this.#watchers]) watcher(false)
    this.#antiEntropy.changed()
  }

  deregisterCheck(id: string): void {
    if (this.#dropCheck(id)) this.#antiEntropy.changed()
  }

  /** What a client says of a TTL check. False if there is no such check. */
  updateTtl(checkId: string, result: CheckResult): boolean {
    const check = this.#state.check(checkId)
    if (check?.spec.method.kind !== 'ttl') return false
    this.#runner.heard(checkId)
    this.#report(checkId, { status: result.status, output: cut(result.output, check.spec.outputBytesMax) })
    return true
  }

  /** `serviceId` empty: the whole node. */
  setMaintenance(serviceId: string, enabled: boolean, reason: string): void {
    const checkId = serviceId === '' ? nodeMaintenanceId : serviceMaintenanceId(serviceId)
    if (!enabled) return this.deregisterCheck(checkId)
    // Already so: its first reason stays.
    if (this.#state.check(checkId) !== null) return
    const what = serviceId === '' ? 'node' : 'service'
    this.registerCheck({
      checkId, name: serviceId === '' ? 'Node Maintenance Mode' : 'Service Maintenance Mode', serviceId,
      notes: reason !== '' ? reason : `Maintenance mode is enabled for this ${what}, but no reason was provided. This is a default message.`,
      method: { kind: 'maintenance' }, initialStatus: 'critical', successBeforePassing: 0, failuresBeforeCritical: 0,
      deregisterCriticalAfterMs: null, outputBytesMax: outputBytesMaxDefault,
    })
  }

  #keepService(service: ServiceDefinition): void {
    // At the next start the files count again, whatever has been registered over them.
    if (!this.#configured.services.has(service.id)) this.#store.putService(service)
    this.#state.putService(service)
    for (const watcher of [...this.#watchers]) watcher(false)
  }

  /** What the disk refuses is not registered. */
  #storeCheck(spec: CheckSpec): void {
    if (this.#configured.checks.has(spec.checkId)) return
    const { status, output } = this.#state.check(spec.checkId) ?? { status: spec.initialStatus, output: '' }
    this.#store.putCheck({ spec, status, output })
  }

  #startCheck(spec: CheckSpec): void {
    this.#state.putCheck(spec, this.#ports.scheduler.nowMs())
    if (this.#started) this.#runner.start(spec)
  }

  /** Nobody is there who could be told of the disk's error. */
  #unattended(act: () => void): void {
    try {
      act()
    } catch (error) {
      this.#ports.log.error('a service or check could not be kept on disk', { reason: (error as Error).message })
    }
  }

  #dropCheck(id: string): boolean {
    if (this.#state.check(id) === null) return false
    this.#store.removeCheck(id)
    this.#runner.stop(id)
    return this.#state.removeCheck(id)
  }

  #report(checkId: string, result: CheckResult): void {
    const changed = this.#state.report(checkId, result, this.#ports.scheduler.nowMs())
    if (changed !== 'status') return
    const check = this.#state.check(checkId) as LocalCheck
    if (check.spec.method.kind === 'ttl' && !this.#configured.checks.has(checkId)) this.#unattended(() => this.#store.putCheck(check))
    if (result.status !== 'passing') this.#ports.log.warn('a check does not pass', { check: checkId, status: result.status })
    this.#antiEntropy.changed()
  }

  #reapLater(): void {
    const { scheduler, log } = this.#ports
    this.#reaper = scheduler.after(reapMs, () => {
      for (const id of this.#state.overdue(scheduler.nowMs())) {
        log.warn('a service was critical for too long and is removed', { service: id })
        this.#unattended(() => this.deregisterService(id))
      }
      this.#reapLater()
    })
  }
}

function cut(text: string, bytesMax: number): string {
  const bytes = Buffer.from(text)
  return bytes.length <= bytesMax ? text : bytes.subarray(0, bytesMax).toString('utf8')
}
