/** Operations of transactions on the catalog: nodes, services, checks (Consul's HTTP API, "Transactions"). */
import type { CatalogChange, CatalogOutcome, CatalogReader, CatalogTable } from './catalog.ts'
import type { CatalogCheck, CatalogNode, CatalogService, CheckDefinition, NodeDefinition, ServiceDefinition } from './catalog-types.ts'

export type CatalogOperation = NodeOperation | ServiceOperation | CheckOperation

interface CatalogOperationBase {
  /** `get`, `set`, `cas`, `delete`, `delete-cas`, as it was given: an unknown one fails in its place among the others. */
  readonly verb: string
  /** For `cas` and `delete-cas`; 0 with `cas`: it must be absent. */
  readonly index: number
}

/** Reads go by the id, if there is one. */
export interface NodeOperation extends CatalogOperationBase {
  readonly kind: 'node'
  readonly node: NodeDefinition
}

export interface ServiceOperation extends CatalogOperationBase {
  readonly kind: 'service'
  readonly node: string
  readonly service: ServiceDefinition
}

export interface CheckOperation extends CatalogOperationBase {
  readonly kind: 'check'
  readonly node: string
  readonly check: CheckDefinition
}

export type CatalogResult =
  | { readonly kind: 'node', readonly node: CatalogNode }
  | { readonly kind: 'service', readonly service: CatalogService }
  | { readonly kind: 'check', readonly check: CatalogCheck }

export type CatalogStep = readonly CatalogResult[] | { readonly what: string }

export function isCatalogWrite({ verb }: CatalogOperation): boolean {
  return verb !== 'get'
}

/** What is wrong with an operation whatever the state, or null. Reads are not looked at. */
export function problemBefore(operation: CatalogOperation): string | null {
  if (operation.verb === 'get') return null
  switch (operation.kind) {
    case 'node':
      if (operation.node.name === '') return 'Must provide node'
      return nodeIdProblem(operation.node.id)
    case 'service': return operation.service.id !== '' && operation.service.name === '' ? 'Must provide service name with ID' : null
    case 'check': return null
  }
}

/** Of a node: empty, or a UUID. */
export function nodeIdProblem(id: string): string | null {
  if (id === '') return null
  if (id.length !== 36) return 'Bad node ID: uuid string is wrong length'
  if ([8, 13, 18, 23].some((at) => id[at] !== '-')) return 'Bad node ID: uuid is improperly formatted'
  const wrong = [...id.replaceAll('-', '')].find((digit) => !/[0-9a-fA-F]/.test(digit))
  return wrong === undefined ? null : `Bad node ID: encoding/hex: invalid byte: U+${wrong.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')} '${wrong}'`
}

export function readCatalog(catalog: CatalogReader, operation: CatalogOperation): CatalogStep {
  const found = find(catalog, operation)
  return found === null ? { what: `${named(operation)} doesn't exist` } : [found]
}

/** `changed` hears what sessions must know. */
export function writeCatalog(catalog: CatalogTable, index: number, operation: CatalogOperation, changed: (change: CatalogChange) => void): CatalogStep {
  const { verb } = operation
  switch (verb) {
    case 'set': return put(catalog, index, operation, changed)
    case 'cas': return isAt(catalog, operation) ? put(catalog, index, operation, changed) : { what: `failed to set ${named(operation)}, index is stale` }
    case 'delete': return remove(catalog, index, operation, changed)
    case 'delete-cas': {
      const isThere = find(catalog, operation) !== null && isAt(catalog, operation)
      return isThere ? remove(catalog, index, operation, changed) : { what: `failed to delete ${named(operation)}, index is stale` }
    }
    default: return { what: `unknown ${operation.kind[0]!.toUpperCase()}${operation.kind.slice(1)} verb ${JSON.stringify(verb)}` }
  }
}

function put(catalog: CatalogTable, index: number, operation: CatalogOperation, changed: (change: CatalogChange) => void): CatalogStep {
  const outcome = register(catalog, index, operation)
  if (outcome.kind === 'refused') return { what: outcome.problem }
  changed(outcome.change)
  return [find(catalog, operation)!]
}

function register(catalog: CatalogTable, index: number, operation: CatalogOperation): CatalogOutcome {
  const refuse = (problem: string): CatalogOutcome => ({ kind: 'refused', problem })
  if (operation.kind === 'node') return catalog.register(index, { kind: 'catalog-register', node: operation.node, skipNodeUpdate: false, service: null, checks: [] })
  const found = catalog.node(operation.node).value
  if (found === null) return refuse('Missing node registration')
  const command = { kind: 'catalog-register', node: found.node, skipNodeUpdate: true } as const
  if (operation.kind === 'service') {
    if (operation.service.id === '') return refuse('failed inserting service: object missing primary index')
    return catalog.register(index, { ...command, service: operation.service, checks: [] })
  }
  const { checkId, serviceId } = operation.check
  if (checkId === '') return refuse('failed inserting check: object missing primary index')
  if (serviceId !== '' && !found.services.some(({ id }) => same(id, serviceId))) return refuse('Missing service registration')
  return catalog.register(index, { ...command, service: null, checks: [operation.check] })
}

function remove(catalog: CatalogTable, index: number, operation: CatalogOperation, changed: (change: CatalogChange) => void): CatalogStep {
  const node = operation.kind === 'node' ? operation.node.name : operation.node
  const outcome = catalog.deregister(index, {
    kind: 'catalog-deregister', node,
    serviceId: operation.kind === 'service' ? operation.service.id : null, checkId: operation.kind === 'check' ? operation.check.checkId : null,
  })
  if (outcome.kind === 'changed') changed(outcome.change)
  return []
}

function find(catalog: CatalogReader, operation: CatalogOperation): CatalogResult | null {
  switch (operation.kind) {
    case 'node': {
      const { id, name } = operation.node
      const node = id === '' ? catalog.node(name).value?.node ?? null : catalog.nodeById(id)
      return node && { kind: 'node', node }
    }
    case 'service': {
      const service = catalog.node(operation.node).value?.services.find(({ id }) => same(id, operation.service.id))
      return service === undefined ? null : { kind: 'service', service }
    }
    case 'check': {
      const check = catalog.nodeChecks(operation.node).value.find(({ checkId }) => same(checkId, operation.check.checkId))
      return check === undefined ? null : { kind: 'check', check }
    }
  }
}

function isAt(catalog: CatalogReader, operation: CatalogOperation): boolean {
  const found = find(catalog, operation)
  if (found === null) return operation.index === 0
  const { modifyIndex } = found.kind === 'node' ? found.node : found.kind === 'service' ? found.service : found.check
  return modifyIndex === operation.index
}

function named(operation: CatalogOperation): string {
  switch (operation.kind) {
    case 'node': return `node ${JSON.stringify(operation.node.name)}`
    case 'service': return `service ${JSON.stringify(operation.service.id)} on node ${JSON.stringify(operation.node)}`
    case 'check': return `check ${JSON.stringify(operation.check.checkId)} on node ${JSON.stringify(operation.node)}`
  }
}

const same = (one: string, other: string) => one.toLowerCase() === other.toLowerCase()
