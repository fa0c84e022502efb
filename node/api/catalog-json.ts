import type { CatalogCheck, CatalogNode, CatalogService, CheckedInstance, ServiceInstance } from '../state/catalog-types.ts'

/** Entries of the catalog as Consul writes them, its fields in its order. */

export function nodeJson(node: CatalogNode, datacenter: string): object {
  return {
    ID: node.id, Node: node.name, Address: node.address, Datacenter: datacenter,
    TaggedAddresses: node.taggedAddresses, Meta: node.meta,
    CreateIndex: node.createIndex, ModifyIndex: node.modifyIndex,
  }
}

/** As `/v1/catalog/service` has it: node and service in one. */
export function instanceJson({ node, service }: ServiceInstance, datacenter: string): object {
  return {
    ID: node.id, Node: node.name, Address: node.address, Datacenter: datacenter,
    TaggedAddresses: node.taggedAddresses, NodeMeta: node.meta,
    ServiceKind: '', ServiceID: service.id, ServiceName: service.name, ServiceTags: service.tags, ServiceAddress: service.address,
    ...service.taggedAddresses === null ? {} : { ServiceTaggedAddresses: taggedJson(service.taggedAddresses) },
    ServiceWeights: weightsJson(service), ServiceMeta: service.meta ?? {}, ServicePort: service.port,
    ServiceEnableTagOverride: service.enableTagOverride, ServiceProxy: { MeshGateway: {}, Expose: {} }, ServiceConnect: {},
    CreateIndex: service.createIndex, ModifyIndex: service.modifyIndex,
  }
}

/** As `/v1/catalog/node` and `/v1/health/service` have it. */
export function serviceJson(service: CatalogService): object {
  return {
    ID: service.id, Service: service.name, Tags: service.tags, Address: service.address,
    ...service.taggedAddresses === null ? {} : { TaggedAddresses: taggedJson(service.taggedAddresses) },
    Meta: service.meta, Port: service.port, Weights: weightsJson(service), EnableTagOverride: service.enableTagOverride,
    Proxy: { MeshGateway: {}, Expose: {} }, Connect: {},
    CreateIndex: service.createIndex, ModifyIndex: service.modifyIndex,
  }
}

export function checkJson(check: CatalogCheck): object {
  return {
    Node: check.node, CheckID: check.checkId, Name: check.name, Status: check.status, Notes: check.notes, Output: check.output,
    ServiceID: check.serviceId, ServiceName: check.serviceName, ServiceTags: check.serviceTags, Type: check.type,
    Definition: check.definition, CreateIndex: check.createIndex, ModifyIndex: check.modifyIndex,
  }
}

export function checkedInstanceJson({ node, service, checks }: CheckedInstance, datacenter: string): object {
  return { Node: nodeJson(node, datacenter), Service: serviceJson(service), Checks: checks.map(checkJson) }
}

export function taggedJson(addresses: NonNullable<CatalogService['taggedAddresses']>): object {
  return Object.fromEntries(Object.entries(addresses).map(([tag, { address, port }]) => [tag, { Address: address, Port: port }]))
}

function weightsJson({ weights }: CatalogService): object {
  return { Passing: weights.passing, Warning: weights.warning }
}
