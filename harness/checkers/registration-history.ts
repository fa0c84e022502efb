import type { HistoryEvent } from '../history/event.ts'

/** A span of time in the history, with the indexes of its events. */
export interface Span {
  readonly fromNs: number
  /** Infinity: may still happen. */
  readonly toNs: number
  readonly eventIndexes: readonly number[]
}

/** What a member showed of a name when all had ended; null where its DNS is not reached. */
export interface LastLook {
  readonly name: string
  readonly member: string
  readonly instances: readonly SeenInstance[]
  readonly locations: DnsRead['locations'] | null
}

/** What was done to a service, in order. `fail` is left out: it did not happen. */
export interface ServiceLife {
  readonly id: string
  readonly name: string
  readonly port: number
  readonly ttlMs: number | null
  /** The agent at which it was registered. */
  readonly node: string
  /** Null: it certainly was not. */
  readonly registered: Span | null
  readonly reports: readonly (Span & { readonly status: string })[]
  readonly deregistered: Span | null
}

/** An instance as a read shows it. */
export interface SeenInstance {
  readonly id: string
  readonly node: string
  readonly port: number
  readonly status: string
  readonly nodeStatus: string
}

export interface CatalogRead extends Span {
  readonly name: string
  readonly member: string
  readonly mode: 'consistent' | 'default' | 'stale'
  readonly instances: readonly SeenInstance[]
}

export interface DnsRead extends Span {
  readonly name: string
  readonly member: string
  readonly locations: readonly { readonly node: string, readonly port: number }[]
}

export interface RegistrationHistory {
  /** By id. */
  readonly services: ReadonlyMap<string, ServiceLife>
  readonly reads: readonly CatalogRead[]
  readonly dnsReads: readonly DnsRead[]
  readonly lastLooks: readonly LastLook[]
}

interface Registration {
  readonly id: string
  readonly name: string
  readonly port: number
  readonly ttlMs: number | null
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/** Reads the workload's operations; see workloads/registration.ts for their values. Throws Error for a history that is none of its own. */
export function registrationHistory(history: readonly HistoryEvent[]): RegistrationHistory {
  const services = new Map<string, Mutable<ServiceLife> & { reports: ServiceLife['reports'][number][] }>()
  const reads: CatalogRead[] = []
  const dnsReads: DnsRead[] = []
  const lastLooks: LastLook[] = []
  for (const { invoke, end } of invocations(history)) {
    const span: Span = {
      fromNs: invoke.time, toNs: end?.type === 'ok' ? end.time : Infinity,
      eventIndexes: end === null ? [invoke.index] : [invoke.index, end.index],
    }
    const failed = end?.type === 'fail'
    const member = invoke.node ?? ''
    switch (invoke.f) {
      case 'register': {
        const { id, name, port, ttlMs } = invoke.value as Registration
        if (services.has(id)) throw new Error(`service ${id} is registered twice, at index ${invoke.index} again`)
        services.set(id, { id, name, port, ttlMs, node: member, registered: failed ? null : span, reports: [], deregistered: null })
        break
      }
      case 'report': {
        if (!failed) lifeOf(services, invoke).reports.push({ ...span, status: (invoke.value as { status: string }).status })
        break
      }
      case 'deregister': {
        if (!failed) lifeOf(services, invoke).deregistered = span
        break
      }
      case 'instances': {
        if (end?.type === 'ok') reads.push({ ...span, member, name: invoke.key!, ...end.value as Pick<CatalogRead, 'mode' | 'instances'> })
        break
      }
      case 'dns': {
        if (end?.type === 'ok' && end.value !== null) dnsReads.push({ ...span, member, name: invoke.key!, locations: end.value as DnsRead['locations'] })
        break
      }
      case 'settle': {
        if (end?.type !== 'ok') break
        const { askedNs, consistent, stale, dns } = end.value as { askedNs: number, consistent: SeenInstance[], stale: SeenInstance[], dns: DnsRead['locations'] | null }
        const last = { ...span, fromNs: askedNs, member, name: invoke.key! }
        reads.push({ ...last, mode: 'consistent', instances: consistent }, { ...last, mode: 'stale', instances: stale })
        if (dns !== null) dnsReads.push({ ...last, locations: dns })
        lastLooks.push({ name: invoke.key!, member, instances: stale, locations: dns })
        break
      }
      default: throw new Error(`registration knows no operation ${invoke.f} (index ${invoke.index})`)
    }
  }
  return { services, reads, dnsReads, lastLooks }
}

type OperationEvent = Exclude<HistoryEvent, { process: 'nemesis' }>

function invocations(history: readonly HistoryEvent[]): { readonly invoke: OperationEvent, readonly end: OperationEvent | null }[] {
  const open = new Map<number, number>()
  const found: { invoke: OperationEvent, end: OperationEvent | null }[] = []
  for (const event of history) {
    if (event.process === 'nemesis') continue
    if (event.type === 'invoke') {
      open.set(event.process, found.length)
      found.push({ invoke: event, end: null })
      continue
    }
    const at = open.get(event.process)
    if (at === undefined) throw new Error(`worker ${event.process} ends at index ${event.index} what it has not begun`)
    open.delete(event.process)
    found[at]!.end = event
  }
  return found
}

function lifeOf<L>(services: ReadonlyMap<string, L>, { key, f, index }: OperationEvent): L {
  const life = services.get(key ?? '')
  if (life === undefined) throw new Error(`${f} of ${key ?? 'nothing'} at index ${index}, which was never registered`)
  return life
}
