import { createHash } from 'node:crypto'
import type { LocalCheck } from '../local/definitions.ts'
import type { LocalAgent } from '../local/local-agent.ts'
import type { ServiceDefinition } from '../state/catalog-types.ts'
import { taggedJson } from './catalog-json.ts'

/** The agent's own services and checks as Consul writes them. */

export function localServiceJson(service: ServiceDefinition): object {
  return {
    ID: service.id, Service: service.name, Tags: service.tags, Meta: service.meta ?? {}, Port: service.port, Address: service.address,
    ...service.taggedAddresses === null ? {} : { TaggedAddresses: taggedJson(service.taggedAddresses) },
    Weights: { Passing: service.weights.passing, Warning: service.weights.warning }, EnableTagOverride: service.enableTagOverride,
  }
}

/** Changes with anything that is shown of the service. */
export function contentHash(service: ServiceDefinition): string {
  return createHash('sha256').update(JSON.stringify(localServiceJson(service))).digest('hex').slice(0, 16)
}

export function localCheckJson({ spec, status, output }: LocalCheck, agent: LocalAgent, definition: object = {}): object {
  const service = spec.serviceId === '' ? null : agent.state.service(spec.serviceId)
  return {
    Node: agent.nodeName, CheckID: spec.checkId, Name: spec.name, Status: status, Notes: spec.notes, Output: output,
    ServiceID: spec.serviceId, ServiceName: service?.name ?? '', ServiceTags: service?.tags ?? [],
    Type: spec.method.kind, Definition: definition, CreateIndex: 0, ModifyIndex: 0,
  }
}
