import { parseDurationNs } from '../base/duration.ts'
import type { CheckStatus, ServiceAddress, ServiceDefinition, TextMap } from '../state/catalog-types.ts'
import { DecodeError, JsonFields, typeName } from './json-body.ts'

/**
 * Fields of services and checks in the bodies of requests. Names count in any
 * case and with or without underscores: `ServiceID`, `serviceid`, `service_id`.
 */
export class DefinitionFields {
  readonly #fields: JsonFields
  readonly #path: string
  readonly #given: readonly string[]

  /** Throws DecodeError for anything but an object or null. */
  constructor(value: unknown, path = '') {
    this.#path = path
    const entries = typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.entries(value).map(([name, field]) => [name.replaceAll('_', ''), field] as const) : null
    this.#given = entries === null ? [] : Object.keys(value as object)
    this.#fields = new JsonFields(entries === null ? value : Object.fromEntries(entries), path)
  }

  /** Refuses fields with other names. Throws DecodeError. */
  only(names: readonly string[]): this {
    const known = new Set(names.map((name) => name.toLowerCase()))
    for (const given of this.#given) {
      if (!known.has(given.replaceAll('_', '').toLowerCase())) throw new DecodeError(`json: unknown field ${JSON.stringify(given)}`)
    }
    return this
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

  flag(name: string): boolean {
    const value = this.#fields.get(name)
    if (value === undefined || typeof value === 'boolean') return value ?? false
    throw this.#fields.wrongType(name, 'bool')
  }

  /** Null if absent. */
  object(name: string): DefinitionFields | null {
    const value = this.#fields.get(name)
    if (value === undefined) return null
    if (typeof value !== 'object' || Array.isArray(value)) throw this.#fields.wrongType(name, 'object')
    return new DefinitionFields(value, `${this.#path}.${name}`)
  }

  objects(name: string): DefinitionFields[] {
    return (this.#fields.list(name) ?? []).filter((item) => item !== null).map((item) => new DefinitionFields(item, `${this.#path}.${name}`))
  }

  textMap(name: string): TextMap | null {
    return this.#map(name, (value) => {
      if (typeof value === 'string') return value
      throw this.#fields.wrongType(name, 'map[string]string')
    })
  }

  /** HTTP headers: lists of values by name. */
  textLists(name: string): Readonly<Record<string, readonly string[]>> {
    return this.#map(name, (value) => {
      if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value as string[]
      throw this.#fields.wrongType(name, 'map[string][]string')
    }) ?? {}
  }

  addresses(name: string): Readonly<Record<string, ServiceAddress>> | null {
    return this.#map(name, (value) => {
      const fields = new DefinitionFields(value, `${this.#path}.${name}`)
      return { address: fields.text('Address'), port: fields.integer('Port') }
    })
  }

  /** Nanoseconds: Go's text, or a number of them. 0 if absent. */
  durationNs(name: string): number {
    const value = this.#fields.get(name)
    if (value === undefined || value === '') return 0
    // A number of more than 53 bits is a bigint.
    if (typeof value === 'number' || typeof value === 'bigint') {
      const ns = Math.trunc(Number(value))
      if (Math.abs(ns) >= 2 ** 63) throw this.#fields.wrongType(name, 'time.Duration')
      return ns
    }
    const ns = typeof value === 'string' ? parseDurationNs(value) : null
    if (ns === null) throw new DecodeError(`time: invalid duration ${typeof value === 'string' ? JSON.stringify(value) : typeof value === 'boolean' ? value : typeName(value)}`)
    return ns
  }

  #map<T>(name: string, take: (value: unknown) => T): Readonly<Record<string, T>> | null {
    const value = this.#fields.get(name)
    if (value === undefined) return null
    if (typeof value !== 'object' || Array.isArray(value)) throw this.#fields.wrongType(name, 'map[string]string')
    return Object.fromEntries(Object.entries(value as object).map(([key, item]) => [key, take(item)]))
  }
}

/** Everything of a service but its name, which has another field in each body. */
export function serviceFields(fields: DefinitionFields, name: string): ServiceDefinition {
  const weights = fields.object('Weights')
  return {
    id: fields.text('ID') || name, name, tags: fields.texts('Tags'), address: fields.text('Address'),
    taggedAddresses: fields.addresses('TaggedAddresses'), port: fields.integer('Port'), meta: fields.textMap('Meta'),
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
