import type { FilterField, FilterFields } from './filter.ts'

/** What can be selected in each answer that takes `?filter=` (Consul's HTTP API, the tables of filterable fields). */

const serviceAddress: FilterFields = { Address: 'text', Port: 'integer' }
const proxy: FilterField = { fields: { DestinationServiceName: 'text', DestinationServiceID: 'text', LocalServiceAddress: 'text', LocalServicePort: 'integer' } }
const connect: FilterField = { fields: { Native: 'flag' } }
const weights: FilterField = { fields: { Passing: 'integer', Warning: 'integer' } }

export const nodeShape: FilterFields = {
  ID: 'text', Node: 'text', Address: 'text', Datacenter: 'text', TaggedAddresses: 'text-map', Meta: 'text-map',
}

export const instanceShape: FilterFields = {
  ID: 'text', Node: 'text', Address: 'text', Datacenter: 'text', TaggedAddresses: 'text-map', NodeMeta: 'text-map',
  ServiceKind: 'text', ServiceID: 'text', ServiceName: 'text', ServiceTags: 'texts', ServiceAddress: 'text', ServiceTaggedAddresses: { byName: serviceAddress },
  ServiceWeights: weights, ServiceMeta: 'text-map', ServicePort: 'integer', ServiceEnableTagOverride: 'flag', ServiceProxy: proxy, ServiceConnect: connect,
}

export const agentServiceShape: FilterFields = {
  ID: 'text', Kind: 'text', Service: 'text', Tags: 'texts', Address: 'text', TaggedAddresses: { byName: serviceAddress }, Meta: 'text-map', Port: 'integer',
  Weights: weights, EnableTagOverride: 'flag',
}

export const serviceShape: FilterFields = { ...agentServiceShape, Proxy: proxy, Connect: connect }

export const checkShape: FilterFields = {
  Node: 'text', CheckID: 'text', Name: 'text', Status: 'text', Notes: 'text', Output: 'text', ServiceID: 'text', ServiceName: 'text', ServiceTags: 'texts', Type: 'text',
}

export const checkedInstanceShape: FilterFields = {
  Node: { fields: nodeShape }, Service: { fields: serviceShape }, Checks: { each: checkShape },
}
