import type { FilterFields } from '../filter/filter.ts'
import { checkedInstanceShape, checkShape, serviceShape } from '../filter/filter-shapes.ts'
import type { CatalogNode, CheckedInstance } from '../state/catalog-types.ts'
import { answerRead } from './blocking.ts'
import { checkJson, serviceJson } from './catalog-json.ts'
import { filterOf, missing } from './catalog-read.ts'
import type { ApiContext } from './context.ts'
import { isSet, unknownFreshness } from './query.ts'
import { emptyResponse, jsonResponse } from './responses.ts'
import type { Action, Route } from './routes.ts'

/** `/v1/internal/ui/…`: what Consul's web interface asks, and other tools with it. Undocumented; as observed of 1.8. */
export function internalUiRoutes(context: ApiContext): [path: string, actions: Route['actions']][] {
  const { catalog } = context
  const index = () => Math.max(catalog.indexOf({ kind: 'nodes-and-services' }), catalog.indexOf({ kind: 'checks' }))
  const interests = () => [...catalog.interestsOf({ kind: 'nodes-and-services' }), ...catalog.interestsOf({ kind: 'checks' })]
  const nodes: Action = (request, _wildcard, query, respond) => {
    const keep = filterOf(query, uiNodeShape)
    answerRead(context, request, query, respond, () => ({
      index: index(), interests,
      answer: (headers) => jsonResponse(catalog.nodes().value.map((node) => nodeJson(context, node)).filter(typeof keep === 'object' ? () => true : keep), isSet(query, 'pretty'), headers),
    }), null, { refusal: typeof keep === 'object' ? keep : null, errorHeaders: unknownFreshness })
  }
  const node: Action = (request, name, query, respond) => {
    answerRead(context, request, query, respond, () => ({
      index: index(), interests,
      answer: (headers) => {
        const found = catalog.node(name).value
        return found === null ? emptyResponse(404) : jsonResponse(nodeJson(context, found.node), isSet(query, 'pretty'), headers)
      },
    }), missing('node name', name), { errorHeaders: unknownFreshness })
  }
  const services: Action = (request, _wildcard, query, respond) => {
    const keep = filterOf(query, checkedInstanceShape)
    answerRead(context, request, query, respond, () => ({
      index: index(), interests,
      answer: (headers) => jsonResponse(summaries(context, typeof keep === 'object' ? () => true : keep), isSet(query, 'pretty'), headers),
    }), null, { refusal: typeof keep === 'object' ? keep : null, errorHeaders: unknownFreshness })
  }
  return [
    ['/v1/internal/ui/nodes', { GET: nodes }],
    ['/v1/internal/ui/node/*', { GET: node }],
    ['/v1/internal/ui/services', { GET: services }],
  ]
}

const uiNodeShape: FilterFields = {
  ID: 'text', Node: 'text', Address: 'text', TaggedAddresses: 'text-map', Meta: 'text-map', Services: { each: serviceShape }, Checks: { each: checkShape },
}

const orNull = (texts: readonly string[]) => texts.length === 0 ? null : texts

/** A node with all that runs on it. */
function nodeJson({ catalog }: ApiContext, { id, name, address, taggedAddresses, meta }: CatalogNode): object {
  return {
    ID: id, Node: name, Address: address, TaggedAddresses: taggedAddresses, Meta: meta,
    // Lists that are empty are null here.
    Services: catalog.node(name).value?.services.map((service) => ({ ...serviceJson(service), Tags: orNull(service.tags) })) ?? [],
    Checks: catalog.nodeChecks(name).value.map((check) => ({ ...checkJson(check), ServiceTags: orNull(check.serviceTags) })),
  }
}

/** Each service with the number of its instances and of their checks, those of their nodes too. */
function summaries({ catalog, datacenter }: ApiContext, keep: (json: unknown) => boolean): object[] {
  const names = new Set(catalog.instances().value.map(({ service }) => service.name))
  return [...names].sort().flatMap((name) => {
    const instances = catalog.serviceHealth(name).value.filter((instance) => keep(filtered(instance, datacenter)))
    return instances.length === 0 ? [] : [summary(name, instances)]
  })
}

function filtered({ node, service, checks }: CheckedInstance, datacenter: string): object {
  const { id, name, address, taggedAddresses, meta } = node
  return { Node: { ID: id, Node: name, Address: address, Datacenter: datacenter, TaggedAddresses: taggedAddresses, Meta: meta }, Service: serviceJson(service), Checks: checks.map(checkJson) }
}

function summary(name: string, instances: readonly CheckedInstance[]): object {
  const distinct = (texts: readonly string[]) => [...new Set(texts)].sort()
  const checks = instances.flatMap((instance) => instance.checks)
  const count = (status: string) => checks.filter((check) => check.status === status).length
  return {
    Name: name, Tags: orNull(distinct(instances.flatMap(({ service }) => service.tags))), Nodes: distinct(instances.map(({ node }) => node.name)), InstanceCount: instances.length,
    ChecksPassing: count('passing'), ChecksWarning: count('warning'), ChecksCritical: count('critical'),
    ExternalSources: orNull(distinct(instances.flatMap(({ service }) => service.meta?.['external-source'] ?? []))), GatewayConfig: {},
  }
}
