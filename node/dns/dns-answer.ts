import { isIP, isIPv4, isIPv6 } from 'node:net'
import type { Answer } from 'dns-packet'
import { unreachable } from '../base/assert.ts'
import type { Random } from '../base/random.ts'
import type { CatalogReader } from '../state/catalog.ts'
import type { CatalogNode, CheckedInstance } from '../state/catalog-types.ts'
import { canonicalIPv6, hexOfIPv4, hexOfIPv6, isWireName, parseDnsName } from './dns-name.ts'

/** What is answered from. */
export interface DnsZone {
  readonly catalog: CatalogReader
  readonly datacenter: string
  /** Without dots around it, `consul`. */
  readonly domain: string
  /** Leave out instances with a warning too. */
  readonly onlyPassing: boolean
  /** Seconds that an answer may be kept. */
  readonly ttl: number
}

export interface DnsAnswer {
  readonly code: 'NOERROR' | 'NXDOMAIN' | 'REFUSED' | 'SERVFAIL' | 'NOTIMP'
  readonly answers: readonly Answer[]
  readonly authorities: readonly Answer[]
  /** Addresses and texts of the names in `answers`; they go when those go. */
  readonly additionals: readonly Answer[]
}

/** `name`: as it was asked, whose case the answer keeps. `type`: `A`, `SRV`, `ANY`, …. `wallMs`: for the SOA's serial. */
export function answerQuestion(zone: DnsZone, name: string, type: string, random: Random, wallMs: number): DnsAnswer {
  return new Answerer(zone, name, type, random, wallMs).answer()
}

class Answerer {
  readonly #zone: DnsZone
  readonly #name: string
  readonly #type: string
  readonly #random: Random
  readonly #wallMs: number

  constructor(zone: DnsZone, name: string, type: string, random: Random, wallMs: number) {
    this.#zone = zone
    this.#name = name
    this.#type = type
    this.#random = random
    this.#wallMs = wallMs
  }

  answer(): DnsAnswer {
    const { domain, datacenter } = this.#zone
    const subject = parseDnsName(this.#name, domain, datacenter)
    if (subject.kind === 'foreign') return { ...none, code: 'REFUSED' }
    if (subject.kind !== 'reverse') {
      const { records, addresses } = this.#nameServers()
      // Of the zone, whatever the name in it.
      if (this.#type === 'SOA') return { code: 'NOERROR', answers: [this.#soa()], authorities: records, additionals: addresses }
      if (this.#type === 'NS') return { code: 'NOERROR', answers: records, authorities: [], additionals: addresses }
      if (this.#type === 'AXFR') return { ...none, code: 'NOTIMP' }
    }
    switch (subject.kind) {
      case 'apex': return this.#apex()
      case 'node': return this.#node(subject.name)
      case 'service': return this.#service(subject.name, subject.tag)
      case 'address': return this.#address(subject.address)
      case 'reverse': return this.#reverse(subject.address)
      case 'nothing': return this.#nonexistent()
      default: return unreachable(subject)
    }
  }

  #apex(): DnsAnswer {
    if (this.#type !== 'NS' && this.#type !== 'ANY') return this.#nonexistent()
    const { records, addresses } = this.#nameServers()
    return { code: 'NOERROR', answers: this.#type === 'ANY' ? [this.#soa(), ...records] : records, authorities: [], additionals: addresses }
  }

  #node(name: string): DnsAnswer {
    // Consul looks no further for what a node cannot have, even where there is no such node.
    if (!['A', 'AAAA', 'TXT', 'ANY'].includes(this.#type)) return none
    const found = this.#zone.catalog.node(name).value
    if (found === null) return this.#nonexistent()
    const { node } = found
    const texts = this.#texts(this.#name, node)
    const wantsTexts = this.#type === 'TXT' || this.#type === 'ANY'
    const addresses = this.#type === 'TXT' && isIP(node.address) !== 0 ? [] : this.#addressRecords(this.#name, node.address)
    return { ...none, answers: wantsTexts ? [...addresses, ...texts] : addresses, additionals: wantsTexts ? [] : texts }
  }

  #service(name: string, tag: string | null): DnsAnswer {
    const healthy = this.#zone.catalog.serviceHealth(name).value.filter((instance) => this.#isHealthy(instance))
    // Tags are in lower case here, as the name that was asked for.
    const wanted = tag === null ? healthy : healthy.filter(({ service }) => service.tags.some((other) => other.toLowerCase() === tag))
    if (wanted.length === 0) return this.#nonexistent()
    const shuffled = this.#random.shuffle(wanted)
    return this.#type === 'SRV' ? this.#locations(shuffled) : this.#serviceAddresses(shuffled)
  }

  #serviceAddresses(instances: readonly CheckedInstance[]): DnsAnswer {
    const seen = new Set<string>()
    const records: Answer[] = []
    for (const { node, service } of instances) {
      const address = service.address === '' ? node.address : service.address
      // Several instances at one address are one answer.
      if (seen.has(address)) continue
      seen.add(address)
      records.push(...this.#addressRecords(this.#name, address))
    }
    const addresses = records.filter(({ type }) => type !== 'CNAME')
    // A name may have one alias, and nothing beside it (RFC 1034 §3.6.2).
    const answers = addresses.length > 0 ? addresses : records.slice(0, 1)
    // The name is there, and this of it is not: for how long that holds is in the SOA (RFC 2308 §2.2).
    return { ...none, answers, authorities: answers.length === 0 ? [this.#soa()] : [] }
  }

  #locations(instances: readonly CheckedInstance[]): DnsAnswer {
    const answers: Answer[] = []
    const additionals: Answer[] = []
    const seen = new Set<string>()
    const targets = new Set<string>()
    const nodes = new Set<string>()
    for (const { node, service, checks } of instances) {
      const target = this.#targetOf(node, service.address)
      const port = service.port
      const key = `${target}:${port}`
      if (!isWireName(target) || seen.has(key)) continue
      const weight = checks.some(({ status }) => status === 'warning') ? service.weights.warning : service.weights.passing
      answers.push({ type: 'SRV', name: this.#name, ttl: this.#zone.ttl, data: { priority: 1, weight, port, target } })
      seen.add(key)
      if (!targets.has(target)) {
        additionals.push(...this.#addressRecords(target, service.address === '' ? node.address : service.address, 'ANY'))
        targets.add(target)
      }
      if (!nodes.has(node.name)) additionals.push(...this.#texts(this.#nodeName(node), node))
      nodes.add(node.name)
    }
    return { ...none, answers, additionals }
  }

  #address(address: string | null): DnsAnswer {
    if (address === null) return none
    // A question for the location of an address has its answer beside it.
    const records = this.#addressRecords(this.#name, address, this.#type === 'SRV' ? 'ANY' : this.#type)
    return this.#type === 'SRV' ? { ...none, additionals: records } : { ...none, answers: records }
  }

  #reverse(address: string | null): DnsAnswer {
    const { catalog, datacenter, domain, ttl } = this.#zone
    const asWritten = (text: string) => isIPv6(text) ? canonicalIPv6(text) : text
    const pointers = new Set<string>()
    if (address !== null) {
      for (const node of catalog.nodes().value) if (asWritten(node.address) === address) pointers.add(this.#nodeName(node))
      for (const { service } of catalog.instances().value) {
        if (asWritten(service.address) === address) pointers.add(`${service.name}.service.${datacenter}.${domain}`)
      }
    }
    const names = [...pointers].filter(isWireName)
    // There is nobody else to ask.
    if (names.length === 0) return { ...none, code: 'SERVFAIL' }
    return { ...none, answers: this.#type === 'PTR' || this.#type === 'ANY' ? names.map((data) => ({ type: 'PTR', name: this.#name, ttl, data })) : [] }
  }

  #nonexistent(): DnsAnswer {
    return { ...none, code: 'NXDOMAIN', authorities: [this.#soa()] }
  }

  #isHealthy({ checks }: CheckedInstance): boolean {
    return checks.every(({ status }) => status === 'passing' || (status === 'warning' && !this.#zone.onlyPassing))
  }

  #targetOf(node: CatalogNode, serviceAddress: string): string {
    const { datacenter, domain } = this.#zone
    // A node by its name, unless its address is a name itself.
    if (serviceAddress === '' && (node.address === '' || isIP(node.address) !== 0)) return this.#nodeName(node)
    const address = serviceAddress === '' ? node.address : serviceAddress
    if (isIPv4(address)) return `${hexOfIPv4(address)}.addr.${datacenter}.${domain}`
    if (isIPv6(address)) return `${hexOfIPv6(address)}.addr.${datacenter}.${domain}`
    return address.replace(/\.$/, '')
  }

  #nodeName({ name }: CatalogNode): string {
    return `${name}.node.${this.#zone.datacenter}.${this.#zone.domain}`
  }

  /** Of the address, if it is of the family that was asked for; an alias if it is a name. */
  #addressRecords(name: string, address: string, type = this.#type): Answer[] {
    const { ttl } = this.#zone
    const wants = (one: string) => type === one || type === 'ANY' || type === 'TXT'
    if (isIPv4(address)) return wants('A') ? [{ type: 'A', name, ttl, data: address }] : []
    if (isIPv6(address)) return wants('AAAA') ? [{ type: 'AAAA', name, ttl, data: address }] : []
    const alias = address.replace(/\.$/, '')
    return isWireName(alias) && alias !== name && !['SRV', 'NS', 'PTR'].includes(type) ? [{ type: 'CNAME', name, ttl, data: alias }] : []
  }

  /** The node's metadata: `key=value`, and the value alone where the key begins with `rfc1035-`. */
  #texts(name: string, { meta }: CatalogNode): Answer[] {
    return Object.entries(meta ?? {}).map(([key, value]): Answer => {
      const text = Buffer.from(/^rfc1035-/i.test(key) ? value : `${key}=${value}`)
      // A character string holds 255 bytes (RFC 1035 §3.3).
      const parts = Array.from({ length: Math.max(1, Math.ceil(text.length / 255)) }, (_, i) => text.subarray(i * 255, i * 255 + 255))
      return { type: 'TXT', name, ttl: this.#zone.ttl, data: parts }
    })
  }

  /** Up to three of the servers, by chance. */
  #nameServers(): { readonly records: Answer[], readonly addresses: Answer[] } {
    const { catalog, domain, ttl } = this.#zone
    const servers = catalog.serviceHealth('consul').value.filter((instance) => this.#isHealthy(instance) && isWireName(this.#nodeName(instance.node)))
    const chosen = this.#random.shuffle(servers).slice(0, 3).map(({ node }) => node)
    return {
      records: chosen.map((node) => ({ type: 'NS', name: domain, ttl, data: this.#nodeName(node) })),
      addresses: chosen.flatMap((node) => this.#addressRecords(this.#nodeName(node), node.address, 'ANY')),
    }
  }

  #soa(): Answer {
    const { domain } = this.#zone
    return {
      type: 'SOA', name: domain, ttl: 0,
      data: { mname: `ns.${domain}`, rname: `hostmaster.${domain}`, serial: Math.floor(this.#wallMs / 1000) >>> 0, refresh: 3600, retry: 600, expire: 86_400, minimum: 0 },
    }
  }
}

const none: DnsAnswer = { code: 'NOERROR', answers: [], authorities: [], additionals: [] }
