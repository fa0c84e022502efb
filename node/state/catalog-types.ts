/** What the catalog holds (Consul's catalog and health API). Entries are immutable and replaced, so that a reader may keep one. */

export type CheckStatus = 'passing' | 'warning' | 'critical'

export type TextMap = Readonly<Record<string, string>>

export interface NodeDefinition {
  readonly name: string
  /** A UUID; empty for a node that was registered from outside without one. */
  readonly id: string
  readonly address: string
  readonly taggedAddresses: TextMap | null
  readonly meta: TextMap | null
}

export interface ServiceAddress {
  readonly address: string
  readonly port: number
}

export interface ServiceDefinition {
  /** Unique on its node. */
  readonly id: string
  readonly name: string
  readonly tags: readonly string[]
  /** Empty: the node's. */
  readonly address: string
  readonly taggedAddresses: Readonly<Record<string, ServiceAddress>> | null
  readonly port: number
  readonly meta: TextMap | null
  /** What DNS SRV answers weigh an instance with while it passes, and while a check warns. */
  readonly weights: { readonly passing: number, readonly warning: number }
  /** Others than the node's own agent may change the tags; anti-entropy leaves them alone. */
  readonly enableTagOverride: boolean
}

export interface CheckDefinition {
  /** Unique on its node. */
  readonly checkId: string
  readonly name: string
  readonly status: CheckStatus
  readonly notes: string
  readonly output: string
  /** Empty: a check of the node. */
  readonly serviceId: string
  /** `ttl`, `http`, `tcp`, …; empty if unknown. */
  readonly type: string
  /** How it is checked: strings as Consul shows them, `{ "HTTP": "http://x", "Interval": "10s" }`. For reading only. */
  readonly definition: Readonly<Record<string, unknown>>
}

/** Log indexes of the commands that made and last changed an entry. */
export interface Indexed {
  readonly createIndex: number
  readonly modifyIndex: number
}

export interface CatalogNode extends NodeDefinition, Indexed {}

export interface CatalogService extends ServiceDefinition, Indexed {}

export interface CatalogCheck extends CheckDefinition, Indexed {
  readonly node: string
  /** Of the instance that it checks, as that is now; empty for a check of the node. */
  readonly serviceName: string
  readonly serviceTags: readonly string[]
}

/** One instance of a service, and where it runs. */
export interface ServiceInstance {
  readonly node: CatalogNode
  readonly service: CatalogService
}

/** With the checks of its node and its own, in order of their ids. */
export interface CheckedInstance extends ServiceInstance {
  readonly checks: readonly CatalogCheck[]
}
