import type { HistoryEvent } from '../history/event.ts'
import type { FaultRecord } from '../runner/fault-record.ts'
import { CatalogLag, lagBounds, type LagBounds } from './catalog-lag.ts'
import { catalogImpact, type CatalogImpact } from './catalog-impact.ts'
import { faultSpans, type FaultSpan } from './fault-times.ts'
import { stallsOf } from './membership-polls.ts'
import { registrationHistory, type CatalogRead, type DnsRead, type LastLook, type ServiceLife, type Span } from './registration-history.ts'
import { ServiceStates, type ServiceState } from './registration-states.ts'
import type { CheckResult, Evidence } from './verdict.ts'

export interface RegistrationInput {
  readonly history: readonly HistoryEvent[]
  /** Those of the start. */
  readonly members: readonly string[]
  readonly faults: readonly FaultRecord[]
  /** See `lagBounds`. */
  readonly pushMs: number
  /** With real schedulers: a member that does not answer within this stood still. Null: time is virtual. */
  readonly stallMs: number | null
}

type Rule = 'phantom' | 'missing' | 'came back' | 'check' | 'node' | 'DNS'

interface Finding {
  readonly rule: Rule
  readonly title: string
  readonly key: string
  readonly lines: readonly string[]
  readonly eventIndexes: readonly number[]
}

const evidenceMax = 5

/**
 * The catalog against what agents acknowledged. Each service is registered once
 * and deregistered once, under an id of its own, so that of every instance that
 * a read shows, or does not, it is known what its agent may have held, and when
 * (`ServiceStates`). What a read shows must be one of those states, of a moment
 * not longer ago than the catalog may be behind (`CatalogLag`): a push in peace;
 * else since the last peace. So:
 *
 * - visible within its bound, and from then on everywhere (`missing`);
 * - gone within its bound after it was deregistered, and for good (`came back`);
 * - never what was not registered, nor under another name (`phantom`);
 * - checks as they were reported, critical after their TTL (`check`).
 *
 * Stale reads and DNS are answered from what one member has: they are judged
 * where nothing was broken for long enough; there nodes must pass too (`node`).
 */
export function checkRegistration(input: RegistrationInput): CheckResult {
  const judge = new Judge(input)
  return judge.result()
}

class Judge {
  readonly #services: ReadonlyMap<string, ServiceLife>
  readonly #byName = new Map<string, ServiceLife[]>()
  readonly #states = new Map<string, ServiceStates>()
  readonly #reads: readonly CatalogRead[]
  readonly #dnsReads: readonly DnsRead[]
  /** Of what the catalog can feel; of what gossip can feel as well. */
  readonly #lag: CatalogLag
  readonly #lagOfAll: CatalogLag
  readonly #bounds: LagBounds
  /** By agent: from when on its own services may be lost with its disk. */
  readonly #diskLostNs = new Map<string, number>()
  readonly #findings: Finding[] = []
  readonly #agreed: { readonly names: number, readonly of: number }
  #judged = 0
  #judgedStale = 0
  #judgedDns = 0

  constructor({ history, members, faults, pushMs, stallMs }: RegistrationInput) {
    const { services, reads, dnsReads, lastLooks } = registrationHistory(history)
    this.#agreed = agreedNames(lastLooks)
    this.#services = services
    this.#reads = reads
    this.#dnsReads = dnsReads
    this.#bounds = lagBounds(pushMs, members.length)
    const stalls = stallMs === null ? [] : stallsOf(history, stallMs)
    const felt = faultSpans(faults).map((span) => ({ span, impact: catalogImpact(span) }))
    const spansOf = (impacts: readonly CatalogImpact['kind'][]) => felt.filter(({ impact }) => impacts.includes(impact.kind)).map(({ span }): Pick<FaultSpan, 'mayBeginNs' | 'overNs'> => span)
    this.#lag = new CatalogLag([...spansOf(['disturbed', 'disk-lost']), ...stalls], this.#bounds)
    this.#lagOfAll = new CatalogLag([...spansOf(['disturbed', 'disk-lost', 'gossip']), ...stalls], this.#bounds)
    for (const { span, impact } of felt) {
      if (impact.kind !== 'disk-lost') continue
      for (const member of impact.members) this.#diskLostNs.set(member, Math.min(this.#diskLostNs.get(member) ?? Infinity, span.mayBeginNs))
    }
    for (const life of services.values()) {
      this.#states.set(life.id, new ServiceStates(life, this.#lag))
      const same = this.#byName.get(life.name)
      if (same === undefined) this.#byName.set(life.name, [life])
      else same.push(life)
    }
    for (const read of reads) this.#judgeRead(read)
    for (const read of dnsReads) this.#judgeDns(read)
  }

  #judgeRead(read: CatalogRead): void {
    const settled = this.#lag.isSettled(read.fromNs, read.toNs)
    const seen = new Set<string>()
    for (const instance of read.instances) {
      const life = this.#services.get(instance.id)
      seen.add(instance.id)
      const shown = `${describe(read)} shows ${instance.id}`
      const phantom = life === undefined ? 'nobody ever registered it'
        : life.registered === null ? 'its registration certainly did not happen'
          : read.toNs < life.registered.fromNs ? 'it was registered later'
            : life.name !== read.name || life.node !== instance.node || life.port !== instance.port ? `it was registered as ${life.name} on ${life.node} with port ${life.port}` : null
      if (phantom !== null) this.#find('phantom', `${instance.id} was never so`, read, [life?.registered ?? null], [`${shown} on ${instance.node} with port ${instance.port}: ${phantom}.`])
    }
    // A stale read may be of any age while something is broken, and a while after.
    if (read.mode === 'stale' && !settled) return
    this.#judged += 1
    if (read.mode === 'stale') this.#judgedStale += 1
    const sinceNs = this.#lag.reflectedSinceNs(read.fromNs, this.#bounds.fullSyncMs)
    const retriedSinceNs = this.#lag.reflectedSinceNs(read.fromNs, this.#bounds.retryMs)
    const calm = this.#lagOfAll.isSettled(read.fromNs, read.toNs)
    for (const instance of read.instances) {
      const life = this.#services.get(instance.id)
      if (life === undefined || life.registered === null || this.#isLost(life, read)) continue
      const states = this.#states.get(instance.id)!
      const may = states.within(sinceNs, read.toNs)
      if (!may.includes(instance.status as ServiceState)) {
        const gone = may.length === 1 && may[0] === 'absent'
        this.#find(gone ? 'came back' : 'check', gone ? `${life.id} is there, and was deregistered` : `${life.id} is ${instance.status}, and cannot be`, read, [life.registered, ...life.reports.slice(-2), life.deregistered], [
          ...this.#told(life), `${describe(read)} shows it ${instance.status}.`, `Since ${seconds(sinceNs)}, what its agent held then and later, it was ${may.join(' or ')} only. ${this.#why(sinceNs, read.fromNs)}`,
        ])
      }
      if (calm && instance.nodeStatus !== 'passing') {
        this.#find('node', `${life.node} is ${instance.nodeStatus}, and nothing is broken`, read, [], [`${describe(read)} shows the node ${life.node} ${instance.nodeStatus}.`, `Nothing was broken for ${ms(this.#bounds.fullSyncMs)}.`])
      }
    }
    for (const life of this.#byName.get(read.name) ?? []) {
      if (seen.has(life.id) || life.registered === null || this.#isLost(life, read)) continue
      if (this.#states.get(life.id)!.may('absent', retriedSinceNs, read.toNs)) continue
      this.#find('missing', `${life.id} is registered, and not there`, read, [life.registered, life.deregistered], [
        ...this.#told(life), `${describe(read)} does not show it.`, `At ${seconds(retriedSinceNs)}, and ever since, its agent held it. ${this.#why(retriedSinceNs, read.fromNs)}`,
      ])
    }
  }

  #judgeDns(read: DnsRead): void {
    if (!this.#lagOfAll.isSettled(read.fromNs, read.toNs)) return
    this.#judgedDns += 1
    const sinceNs = this.#lagOfAll.reflectedSinceNs(read.fromNs, this.#bounds.fullSyncMs)
    const known = this.#byName.get(read.name) ?? []
    for (const { node, port } of read.locations) {
      const life = known.find((one) => one.port === port)
      const may = life === undefined ? [] : this.#states.get(life.id)!.within(sinceNs, read.toNs)
      if (life !== undefined && (this.#isLost(life, read) || (life.node === node && (may.includes('passing') || may.includes('warning'))))) continue
      this.#find('DNS', `DNS gives ${node}:${port}, which is not healthy`, read, [life?.registered ?? null, life?.deregistered ?? null], [
        ...life === undefined ? [] : this.#told(life), `${describe(read)} gives ${node}:${port}.`,
        life === undefined ? 'No instance was ever registered with that port.' : `Since ${seconds(sinceNs)} it was ${may.join(' or ')} only, on ${life.node}. ${this.#why(sinceNs, read.fromNs)}`,
      ])
    }
    for (const life of known) {
      if (life.registered === null || this.#isLost(life, read) || read.locations.some(({ port }) => port === life.port)) continue
      const may = this.#states.get(life.id)!.within(sinceNs, read.toNs)
      if (may.includes('absent') || may.includes('critical')) continue
      this.#find('DNS', `${life.id} is healthy, and DNS does not give it`, read, [life.registered], [
        ...this.#told(life), `${describe(read)} gives ${read.locations.length === 0 ? 'nothing' : read.locations.map(({ node, port }) => `${node}:${port}`).join(', ')}.`,
        `Since ${seconds(sinceNs)} it was ${may.join(' or ')}. ${this.#why(sinceNs, read.fromNs)}`,
      ])
    }
  }

  /** Its agent may have lost its disk, and all that it knew. */
  #isLost({ node }: ServiceLife, read: Span): boolean {
    return (this.#diskLostNs.get(node) ?? Infinity) <= read.toNs
  }

  #find(rule: Rule, title: string, read: Span & { readonly name: string }, also: readonly (Span | null)[], lines: readonly string[]): void {
    const eventIndexes = [...new Set([...also.flatMap((span) => span?.eventIndexes ?? []), ...read.eventIndexes])].sort((a, b) => a - b)
    this.#findings.push({ rule, title, key: read.name, lines, eventIndexes })
  }

  #told({ id, node, ttlMs, registered, reports, deregistered }: ServiceLife): string[] {
    const when = ({ fromNs, toNs, eventIndexes }: Span) => `${seconds(fromNs)}, ${toNs === Infinity ? 'without an answer' : `acknowledged ${seconds(toNs)}`} (index ${eventIndexes.join('–')})`
    const last = reports.at(-1)
    return [
      ...registered === null ? [] : [`${id} was registered at ${node}${ttlMs === null ? '' : ` with a TTL of ${ms(ttlMs)}`} at ${when(registered)}.`],
      ...last === undefined ? [] : [`Its check was last reported ${last.status} at ${when(last)}.`],
      ...deregistered === null ? [] : [`It was deregistered at ${when(deregistered)}.`],
    ]
  }

  #why(sinceNs: number, readNs: number): string {
    const { pushMs, retryMs, fullSyncMs } = this.#bounds
    return sinceNs >= readNs - pushMs * 1e6
      ? `Nothing is broken, so a change is to be read within ${ms(pushMs)}.`
      : `That was the last peace; after it ${ms(retryMs)} are allowed for a push that failed, ${ms(fullSyncMs)} for all else.`
  }

  result(): CheckResult {
    const findings = this.#findings
    const counts = { services: this.#services.size, reads: this.#reads.length, judgedReads: this.#judged, judgedStaleReads: this.#judgedStale, dnsReads: this.#dnsReads.length, judgedDnsReads: this.#judgedDns }
    const base = { checker: 'registration', details: { ...counts, bounds: this.#bounds, agreed: this.#agreed, findings: findings.length } }
    const dns = this.#dnsReads.length === 0 ? 'DNS was not compared: no member\'s DNS answered the harness, or it cannot be reached here.' : `${this.#judgedDns} of ${this.#dnsReads.length} DNS answers were compared.`
    if (findings.length > 0) {
      const distinct = [...new Map(findings.map((finding) => [finding.title, finding] as const).reverse()).values()].reverse()
      const rules = [...new Set(findings.map(({ rule }) => rule))]
      return {
        ...base, verdict: 'invalid',
        summary: `The catalog is not what agents acknowledged (${rules.join(', ')}): ${findings[0]!.title}; ${findings.length} contradictions in ${this.#judged} reads. ${dns}`,
        evidence: distinct.slice(0, evidenceMax).map(({ title, key, lines, eventIndexes }): Evidence => ({ title, explanation: lines, key, eventIndexes })),
      }
    }
    const registered = [...this.#services.values()].filter((life) => life.registered !== null && life.registered.toNs < Infinity).length
    if (registered === 0 || this.#judged === 0) {
      return { ...base, verdict: 'unknown', evidence: [], summary: `There was nothing to check: ${registered === 0 ? 'no registration was acknowledged' : 'no read of the catalog succeeded'}. ${dns}` }
    }
    return { ...base, verdict: 'valid', evidence: [], summary: `${this.#judged} reads (${this.#judgedStale} of them stale) show of ${registered} registered services only what their agents held, within the bounds of anti-entropy. ${dns}${this.#agreed.of === 0 ? '' : ` At the end all members${this.#dnsReads.length === 0 ? '' : ' and their DNS'} agreed on ${this.#agreed.names} of ${this.#agreed.of} names.`}` }
  }
}

/** Names of which every member's last look shows the same, and gives in DNS those that pass. For the reader: what they must show is judged instance by instance. */
function agreedNames(looks: readonly LastLook[]): { readonly names: number, readonly of: number } {
  const views = new Map<string, Set<string>>()
  for (const { name, instances, locations } of looks) {
    const shown = instances.map(({ id, status, nodeStatus }) => `${id} ${status} ${nodeStatus}`).sort()
    const healthy = instances.filter(({ status, nodeStatus }) => status !== 'critical' && nodeStatus !== 'critical').map(({ port }) => port).sort((a, b) => a - b)
    const fits = locations === null || JSON.stringify(locations.map(({ port }) => port).sort((a, b) => a - b)) === JSON.stringify(healthy)
    const seen = views.get(name) ?? new Set()
    views.set(name, seen.add(fits ? shown.join() : 'DNS differs').add(shown.join()))
  }
  return { names: [...views.values()].filter((seen) => seen.size === 1).length, of: views.size }
}

const describe = ({ member, toNs, eventIndexes, ...read }: CatalogRead | DnsRead) =>
  `${member}${'mode' in read ? `, in a ${read.mode} read` : '\'s DNS'} of ${read.name} answered at ${seconds(toNs)} (index ${eventIndexes.join('–')}),`
const seconds = (ns: number) => ns <= 0 ? 'the start' : `${(ns / 1e9).toFixed(3)} s`
const ms = (value: number) => value >= 1000 ? `${Number((value / 1000).toFixed(2))} s` : `${Math.round(value)} ms`
