import type { CatalogRegister } from '../catalog-commands.ts'
import type { CheckDefinition, NodeDefinition, ServiceDefinition } from '../catalog-types.ts'
import type { Registrations } from '../sessions.ts'

/** Complete definitions for tests, of which each names only what it is about. */

export function sampleNode(name: string, parts: Partial<NodeDefinition> = {}): NodeDefinition {
  return { name, id: '', address: '10.0.0.1', taggedAddresses: null, meta: null, ...parts }
}

export function sampleService(name: string, parts: Partial<ServiceDefinition> = {}): ServiceDefinition {
  return {
    id: name, name, tags: [], address: '', taggedAddresses: null, port: 80, meta: null,
    weights: { passing: 1, warning: 1 }, enableTagOverride: false, ...parts,
  }
}

export function sampleCheck(checkId: string, parts: Partial<CheckDefinition> = {}): CheckDefinition {
  return { checkId, name: checkId, status: 'passing', notes: '', output: '', serviceId: '', type: '', definition: {}, ...parts }
}

export function registration(node: NodeDefinition, service: ServiceDefinition | null = null, checks: readonly CheckDefinition[] = []): CatalogRegister {
  return { kind: 'catalog-register', node, skipNodeUpdate: false, service, checks }
}

/** Where the catalog is not what a test is about: every node is there, and every check passes. */
export const everythingRegistered: Registrations = { hasNode: () => true, checkStatus: () => 'passing' }
