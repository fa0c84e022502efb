import { parseDurationNs } from '../base/duration.ts'
import type { CheckStatus, ServiceAddress, ServiceDefinition, TextMap } from '../state/catalog-types.ts'
import { DecodeError, type GoNames, JsonFields } from './json-body.ts'

const isDuration = /^(ttl|interval|timeout|deregister_?critical_?service_?after)$/i

/** What Go calls an object, and where it stands. */
export interface GoObject extends GoNames {
  /** Before the names of its fields: `NodeService.Service`, of a struct without a name ''. */
  readonly path: string
}

/**
 * Fields of services and checks in the bodies of requests. Names count in any
 * case; some may be written with underscores as well.
 */
export class DefinitionFields {
  readonly #fields: JsonFields
  readonly #go: GoObject
  readonly #given: readonly (readonly [name: string, value: unknown])[]

  /** Throws DecodeError for anything but an object or null. */
  constructor(value: unknown, go: GoObject = { path: '' }) {
    this.#go = go
    const entries = typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : null
    this.#given = entries ?? []
    this.#fields = new JsonFields(entries === null ? value : Object.fromEntries(entries.map(([name, field]) => [name.replaceAll('_', ''), field] as const)), go.path, go)
  }

  /** Refuses fields that are not written as one of these. `anyUnderscores`: they may stand anywhere. Throws DecodeError. */
  only(names: readonly string[], anyUnderscores = false): this {
    const plain = (name: string) => (anyUnderscores ? name.replaceAll('_', '') : name).toLowerCase()
    const known = new Set(names.map(plain))
    for (const [given] of this.#given) if (!known.has(plain(given))) throw new DecodeError(`json: unknown field ${JSON.stringify(given)}`)
    return this
  }

  /** Nothing is said: every field is absent, or as if it were. */
  get isEmpty(): boolean {
    return this.#given.every(([name, value]) => (isDuration.test(name) && this.durationNs(name.replaceAll('_', '')) === 0) || value === null || value === '' || value === 0 || value === false || (typeof value === 'object' && Object.keys(value).length === 0))
  }

  has(name: string): boolean {
    return this.#fields.has(name)
  }

  /** Empty if absent. */
  text(name: string): string {
    return this.#fields.text(name) ?? ''
  }

  texts(name: string): string[] {
    return this.#fields.texts(name) ?? []
  }

  integer(name: string): number {
    const value = this.#fields.get(name)
    if (value === undefined) return 0
    if (typeof value === 'number' && Number.isSafeInteger(value)) return value
    throw this.#fields.wrongType(name, 'int')
  }

  /** An index: above 2^53 - 1 it matches nothing, and is that. */
  index(name: string): number {
    const value = this.#fields.unsigned(name) ?? 0n
    return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(value)
  }

  flag(name: string): boolean {
    const value = this.#fields.get(name)
    if (value === undefined || typeof value === 'boolean') return value ?? false
    throw this.#fields.wrongType(name, 'bool')
  }

  /** Null if absent. */
  object(name: string, go: GoObject = { path: `${this.#go.path}.${name}` }): DefinitionFields | null {
    const value = this.#fields.get(name)
    if (value === undefined) return null
    if (typeof value !== 'object' || Array.isArray(value)) throw this.#fields.wrongType(name, 'object')
    return new DefinitionFields(value, go)
  }

  /** `itemType`: what Go calls one of them. */
  objects(name: string, itemType = 'object', go: GoObject = { path: `${this.#go.path}.${name}` }): DefinitionFields[] {
    return (this.#fields.list(name) ?? []).filter((item) => item !== null).map((item) => {
      if (typeof item !== 'object' || Array.isArray(item)) throw this.#fields.wrongType(name, itemType, item)
      return new DefinitionFields(item, go)
    })
  }

  textMap(name: string): TextMap | null {
    return this.#map(name, 'map[string]string', (value) => {
      if (value === null) return ''
      if (typeof value === 'string') return value
      throw this.#fields.wrongType(name, 'string', value)
    })
  }

  /** HTTP headers: lists of values by name. */
  textLists(name: string): Readonly<Record<string, readonly string[]>> {
    return this.#map(name, 'map[string][]string', (value) => {
      if (!Array.isArray(value)) throw this.#fields.wrongType(name, '[]string', value)
      const other = value.find((item) => typeof item !== 'string')
      if (other !== undefined) throw this.#fields.wrongType(name, 'string', other)
      return value as string[]
    }) ?? {}
  }

  /** `path`: Go's, of their struct. */
  addresses(name: string, path: string): Readonly<Record<string, ServiceAddress>> | null {
    return this.#map(name, 'map[string]structs.ServiceAddress', (value) => {
      if (value !== null && (typeof value !== 'object' || Array.isArray(value))) throw this.#fields.wrongType(name, 'structs.ServiceAddress', value)
      const fields = new DefinitionFields(value, { path })
      return { address: fields.text('Address'), port: fields.integer('Port') }
    })
  }

  /** Nanoseconds: Go's text, or a number of them. 0 if absent, or anything else. Throws DecodeError for a text that is none. */
  durationNs(name: string): number {
    const value = this.#fields.get(name)
    if (value === '') return 0
    // A number of more than 53 bits is a bigint.
    if (typeof value === 'number' || typeof value === 'bigint') {
      const ns = Math.trunc(Number(value))
      if (Math.abs(ns) >= 2 ** 63) throw this.#fields.wrongType(name, 'time.Duration')
      return ns
    }
    if (typeof value !== 'string') return 0
    const ns = parseDurationNs(value)
    if (ns === null) throw new DecodeError(`time: ${/^[+-]?(\d+\.?\d*|\.\d+)$/.test(value) ? 'missing unit in' : 'invalid'} duration ${JSON.stringify(value)}`)
    return ns
  }

  #map<T>(name: string, type: string, take: (value: unknown) => T): Readonly<Record<string, T>> | null {
    const value = this.#fields.get(name)
    if (value === undefined) return null
    if (typeof value !== 'object' || Array.isArray(value)) throw this.#fields.wrongType(name, type)
    return Object.fromEntries(Object.entries(value as object).map(([key, item]) => [key, take(item)]))
  }
}

/** What Go says of a service that stands at `Service`, in a struct of the name `struct`: '' for the outermost. */
export function goService(struct: string, at = ''): GoObject {
  return {
    path: `${struct}${at}`,
    fields: {
      Weights: 'structs.Weights', Kind: 'structs.ServiceKind', Checks: 'structs.CheckTypes', Check: goCheckType('ServiceID string "json:\\"ServiceID\\""; '),
      Proxy: 'struct { DestinationServiceNameSnake string "json:\\"destination_service_name\\""; DestinationServiceIDSnake string "json:\\"destination_service_id\\""; LocalServiceAddressSnake string "json:\\"local_service_address\\""; LocalServicePortSnake int "json:\\"local_service_port\\""; *structs.Alias }',
      Connect: 'struct { SidecarServiceSnake *structs.ServiceDefinition "json:\\"sidecar_service\\""; *structs.Alias }',
    },
  }
}

/** The struct by which Go reads a check: it names all that it takes in two spellings. */
export function goCheckType(serviceId = ''): string {
  return `struct { Interval interface {}; Timeout interface {}; TTL interface {}; DeregisterCriticalServiceAfter interface {}; Args []string "json:\\"args\\""; ScriptArgsSnake []string "json:\\"script_args\\""; DeregisterCriticalServiceAfterSnake interface {} "json:\\"deregister_critical_service_after\\""; DockerContainerIDSnake string "json:\\"docker_container_id\\""; TLSSkipVerifySnake bool "json:\\"tls_skip_verify\\""; ${serviceId}ServiceIDSnake string "json:\\"service_id\\""; *structs.Alias }`
}

/** Everything of a service but its name, which has another field in each body. `at`: where it stands, `.Service`. */
export function serviceFields(fields: DefinitionFields, name: string, at = ''): ServiceDefinition {
  const weights = fields.object('Weights', { path: `Weights${at}.Weights` })
  return {
    id: fields.text('ID') || name, name, tags: fields.texts('Tags'), address: fields.text('Address'),
    taggedAddresses: fields.addresses('TaggedAddresses', `ServiceAddress${at}.TaggedAddresses`), port: fields.integer('Port'), meta: fields.textMap('Meta'),
    weights: weights === null ? { passing: 1, warning: 1 } : { passing: weights.integer('Passing'), warning: weights.integer('Warning') },
    enableTagOverride: fields.flag('EnableTagOverride'),
  }
}

/** What cannot be stored, or null. */
export function numbersProblem({ port, weights, taggedAddresses }: ServiceDefinition): string | null {
  const ports = [port, ...Object.values(taggedAddresses ?? {}).map((tagged) => tagged.port)]
  const bad = ports.find((number) => number < 0 || number > 65535)
  if (bad !== undefined) return `Invalid port ${bad}: must be between 0 and 65535`
  return [weights.passing, weights.warning].every((weight) => weight >= 0 && weight <= 65535) ? null : 'Invalid Weights: DNS Weight must be between 0 and 65535'
}

export function isCheckStatus(text: string): text is CheckStatus {
  return text === 'passing' || text === 'warning' || text === 'critical'
}
