import { checkRegistration } from '../harness/checkers/registration.ts'
import { lagBounds } from '../harness/checkers/catalog-lag.ts'
import type { CheckResult } from '../harness/checkers/verdict.ts'
import type { HistoryEvent } from '../harness/history/event.ts'
import type { ReadConsistency, RunPlan } from '../harness/plan/plan.ts'
import type { Answer } from './ports/answer.ts'
import type { ServiceInstance, ServiceRegistration } from './ports/services.ts'
import { ServiceTurns, ttlMsMax } from './service-turns.ts'
import { port, type Operation, type OperationOutcome, type RunFacts, type SystemClient, type Workload, type WorkScope } from './workload.ts'

/**
 * Services come, report their checks, and go, each once and under an id that no
 * other had; everybody is asked what the catalog shows, and what DNS gives.
 *
 * Values: `register` the registration, `report` `{status}`, `instances`
 * `{mode, instances}`, `dns` the locations (null: DNS is not reached here),
 * `settle` the last look of all kinds.
 */
export const registration: Workload = {
  name: 'registration',
  about: 'services are registered, report checks and are deregistered at every agent; catalog reads and DNS must follow within the bounds of anti-entropy',
  needs: ['services'],
  asksDns: true,
  defaults: { nemesis: ['partition', 'kill'], interval: 5, timeLimit: 60, rate: 100, concurrency: '3n' },
  operations: (plan, random) => {
    const turns = new ServiceTurns(plan, random)
    return (worker) => turns.next(worker)
  },
  finalOperations,
  perform,
  check: checkRun,
}

/**
 * What a read index and a write take in peace, with the changes that wait before
 * them (`ServiceTurns` keeps those few). In virtual time nothing else takes
 * time; a real machine does other things too, and its disk may be slow.
 */
const pushMsOf = ({ env, latencyMs }: RunPlan): number => (env === 'simulated' ? 2000 : 10_000) + 20 * latencyMs
/** A member that does not answer a client for so long stood still. */
const realStallMs = 1000
/** Between two looks of `settle`: a share of what was waited for, so that long waits cost little. */
const lookMs = 250
const lookMsMax = 5000
const lookShare = 0.1

/** What is known of a name's instances when all has ended. */
interface Expected {
  readonly untilMs: number
  /** Those whose checks have all expired, and those that have none. */
  readonly critical: readonly string[]
  readonly passing: readonly string[]
  readonly gone: readonly string[]
  /** Of DNS: of those that pass. */
  readonly ports: readonly number[]
}

/** Every name at every member: until it shows what it must, or until it must have; then each read once more. */
function finalOperations(plan: RunPlan, history: readonly HistoryEvent[]): Operation[] {
  const { pushMs, fullSyncMs } = lagBounds(pushMsOf(plan), plan.members)
  // Where nothing was ever broken only the last TTLs have to run out; a real machine may stand still without being told to.
  const isPeace = plan.env === 'simulated' && !history.some(({ process }) => process === 'nemesis')
  const untilMs = (isPeace ? ttlMsMax + pushMs : fullSyncMs) + lookMsMax
  const names = new Map<string, { critical: string[], passing: string[], gone: string[], ports: number[] }>()
  const lives = new Map<string, { readonly registration: ServiceRegistration, readonly node: string, registered: string, deregistered: string | null }>()
  /** Members whose disk may be gone, and what was registered there with it. */
  const emptied = new Set<string>()
  for (const event of history) {
    if (event.process === 'nemesis') {
      if (event.f === 'start-membership' || event.f === 'start-damage') for (const member of (event.value as { members?: string[] }).members ?? []) emptied.add(member)
      continue
    }
    if (event.key === undefined) continue
    // The last word: an open invocation, or how it ended.
    if (event.f === 'register') lives.set(event.key, { registration: (event.value ?? lives.get(event.key)!.registration) as ServiceRegistration, node: event.node ?? '', registered: event.type, deregistered: null })
    else if (event.f === 'deregister') lives.get(event.key)!.deregistered = event.type
  }
  for (const { registration: { id, name, port: itsPort, ttlMs }, node, registered, deregistered } of lives.values()) {
    if (emptied.has(node)) continue
    const expected = names.get(name) ?? { critical: [], passing: [], gone: [], ports: [] }
    names.set(name, expected)
    if (registered === 'fail' || deregistered === 'ok') expected.gone.push(id)
    else if (registered === 'ok' && (deregistered === null || deregistered === 'fail')) {
      expected[ttlMs === null ? 'passing' : 'critical'].push(id)
      if (ttlMs === null) expected.ports.push(itsPort)
    }
  }
  const all = [...names].sort(([a], [b]) => a < b ? -1 : 1)
  return [
    ...all.map(([key, expected]): Operation => ({ f: 'settle', key, value: { untilMs, ...expected } satisfies Expected })),
    ...all.flatMap(([key]): Operation[] => [{ f: 'instances', key, value: null, consistency: 'consistent' }, { f: 'instances', key, value: null, consistency: 'stale' }, { f: 'dns', key, value: null }]),
  ]
}

async function perform(operation: Operation, client: SystemClient, scope: WorkScope): Promise<OperationOutcome> {
  const services = port(client, 'services')
  const key = operation.key!
  switch (operation.f) {
    case 'register': return acknowledged(await services.register(operation.value as ServiceRegistration))
    case 'deregister': return acknowledged(await services.deregister(key))
    case 'report': return acknowledged(await services.report(key, (operation.value as { status: 'passing' | 'warning' | 'critical' }).status))
    case 'instances': {
      const mode = operation.consistency ?? scope.plan.consistency
      const read = await services.instances(key, mode)
      return read.type === 'ok' ? { type: 'ok', value: { mode, instances: read.instances } } : read
    }
    case 'dns': {
      if (client.dns === undefined) return { type: 'ok', value: null }
      const read = await client.dns.locations(key)
      return read.type === 'ok' ? { type: 'ok', value: read.locations } : read
    }
    case 'settle': return settle(key, operation.value as Expected, client, scope)
    default: throw new Error(`registration knows no operation ${operation.f}`)
  }
}

const acknowledged = (answer: Answer<object>): OperationOutcome => answer.type === 'ok' ? { type: 'ok' } : answer

/** The time runs from the first of a slot's: what one name waited for, all have waited for. */
async function settle(name: string, expected: Expected, client: SystemClient, { clock, memory }: WorkScope): Promise<OperationOutcome> {
  const untilNs = memory.get('settle until') as number | undefined ?? clock.nowNs() + expected.untilMs * 1e6
  memory.set('settle until', untilNs)
  const startNs = clock.nowNs()
  for (;;) {
    const askedNs = clock.nowNs()
    const seen = await look(name, client)
    if (!('error' in seen) && isAsExpected(seen, expected)) return { type: 'ok', value: { askedNs, ...seen } }
    if (clock.nowNs() >= untilNs) return 'error' in seen ? { type: 'fail', error: seen.error } : { type: 'ok', value: { askedNs, ...seen } }
    await clock.sleep(Math.min(lookMsMax, lookMs + lookShare * (clock.nowNs() - startNs) / 1e6))
  }
}

interface Look {
  readonly consistent: readonly ServiceInstance[]
  readonly stale: readonly ServiceInstance[]
  readonly dns: readonly { readonly node: string, readonly port: number }[] | null
}

async function look(name: string, client: SystemClient): Promise<Look | { readonly error: string }> {
  const read = (consistency: ReadConsistency) => port(client, 'services').instances(name, consistency)
  const consistent = await read('consistent')
  if (consistent.type !== 'ok') return { error: consistent.error }
  const stale = await read('stale')
  if (stale.type !== 'ok') return { error: stale.error }
  if (client.dns === undefined) return { consistent: consistent.instances, stale: stale.instances, dns: null }
  const dns = await client.dns.locations(name)
  return dns.type === 'ok' ? { consistent: consistent.instances, stale: stale.instances, dns: dns.locations } : { error: dns.error }
}

function isAsExpected({ consistent, stale, dns }: Look, { critical, passing, gone, ports }: Expected): boolean {
  const fits = (seen: readonly ServiceInstance[]) => {
    const status = new Map(seen.map((instance) => [instance.id, instance.status]))
    return critical.every((id) => status.get(id) === 'critical') && passing.every((id) => status.get(id) === 'passing') && !gone.some((id) => status.has(id))
      && seen.every(({ nodeStatus }) => nodeStatus === 'passing')
  }
  return fits(consistent) && fits(stale) && (dns === null || ports.every((wanted) => dns.some((location) => location.port === wanted)))
}

async function checkRun(history: readonly HistoryEvent[], plan: RunPlan, { members, faults }: RunFacts): Promise<CheckResult> {
  return checkRegistration({ history, members, faults, pushMs: pushMsOf(plan), stallMs: plan.env === 'simulated' ? null : realStallMs })
}
