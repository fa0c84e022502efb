import { encodeCommand } from '../state/commands.ts'
import { instanceShape, nodeShape, serviceShape } from '../filter/filter-shapes.ts'
import type { ServiceInstance } from '../state/catalog-types.ts'
import { parseDeregistration, parseRegistration } from './catalog-body.ts'
import { instanceJson, nodeJson, serviceJson } from './catalog-json.ts'
import { answerCatalog, cacheMiss, missing, nodeMetaWanted, tagsWanted } from './catalog-read.ts'
import type { ApiContext } from './context.ts'
import type { ApiResponse } from './exchange.ts'
import { DecodeError } from './json-body.ts'
import { isSet } from './query.ts'
import { errorResponse, jsonResponse, writeResponse } from './responses.ts'
import type { Action, Route } from './routes.ts'

/** `/v1/catalog/…` (Consul's HTTP API, Catalog). */
export function catalogRoutes(context: ApiContext): [path: string, actions: Route['actions']][] {
  const { catalog, datacenter } = context
  const nodes: Action = (request, _wildcard, query, respond) => {
    const wanted = nodeMetaWanted(query)
    answerCatalog(context, request, query, respond, () => catalog.nodes(), nodeShape,
      (list, keep) => list.filter(wanted).map((node) => nodeJson(node, datacenter)).filter(keep))
  }
  const services: Action = (request, _wildcard, query, respond) => {
    const wanted = nodeMetaWanted(query)
    const find = () => {
      if (query.has('node-meta')) return catalog.instances()
      const watch = { kind: 'services' } as const
      return { ...catalog.instances(), index: catalog.indexOf(watch), watch }
    }
    answerCatalog(context, request, query, respond, find, null, (list) => tagsByService(list.filter(({ node }) => wanted(node))), null, cacheMiss)
  }
  const service: Action = (request, name, query, respond) => {
    const wanted = nodeMetaWanted(query)
    const wantsTags = tagsWanted(query)
    answerCatalog(context, request, query, respond, () => catalog.serviceInstances(name), instanceShape,
      (list, keep) => list.filter((instance) => wanted(instance.node) && wantsTags(instance.service.tags)).map((instance) => instanceJson(instance, datacenter)).filter(keep),
      missing('service name', name), cacheMiss)
  }
  // Connect is not here: nothing is reached through it.
  const connect: Action = (request, name, query, respond) =>
    answerCatalog(context, request, query, respond, () => catalog.instances(), instanceShape, () => [], missing('service name', name))
  const node: Action = (request, name, query, respond) => answerCatalog(context, request, query, respond, () => catalog.node(name), serviceShape,
    (found, keep) => found === null ? null : {
      Node: nodeJson(found.node, datacenter),
      Services: Object.fromEntries(found.services.map((service) => [service.id, serviceJson(service)] as const).filter(([, shown]) => keep(shown))),
    }, missing('node name', name))
  const nodeServices: Action = (request, name, query, respond) => answerCatalog(context, request, query, respond, () => catalog.node(name), serviceShape,
    (found, keep) => found === null ? { Node: null, Services: null } : { Node: nodeJson(found.node, datacenter), Services: found.services.map(serviceJson).filter(keep) },
    missing('node name', name))
  return [
    ['/v1/catalog/register', { PUT: writing(context, (body) => parseRegistration(body, datacenter)) }],
    ['/v1/catalog/deregister', { PUT: writing(context, (body) => parseDeregistration(body, datacenter)) }],
    ['/v1/catalog/datacenters', { GET: (_request, _wildcard, query, respond) => respond(jsonResponse([datacenter], isSet(query, 'pretty'), isSet(query, 'cached') ? cacheMiss : {})) }],
    ['/v1/catalog/nodes', { GET: nodes }],
    ['/v1/catalog/services', { GET: services }],
    ['/v1/catalog/service/*', { GET: service }],
    ['/v1/catalog/connect/*', { GET: connect }],
    ['/v1/catalog/node/*', { GET: node }],
    ['/v1/catalog/node-services/*', { GET: nodeServices }],
  ]
}

function writing(context: ApiContext, parse: (body: Uint8Array) => ReturnType<typeof parseRegistration> | ReturnType<typeof parseDeregistration>): Action {
  return (request, _wildcard, query, respond) => {
    // Which data centre, the body says alone.
    const command = decoded(() => parse(request.body))
    if ('status' in command) return respond(command)
    if (command.kind === 'refused') return respond(errorResponse(500, command.problem))
    context.write(encodeCommand(command), (outcome) => respond(writeResponse(outcome, isSet(query, 'pretty'))))
  }
}

/** What `decode` makes of a body, or the answer to a body that is none. */
export function decoded<T>(decode: () => T): T | ApiResponse {
  try {
    return decode()
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    return errorResponse(400, `Request decode failed: ${error.message}`)
  }
}

/** Every service, with the tags of all its instances. */
function tagsByService(instances: readonly ServiceInstance[]): object {
  const tags = new Map<string, Set<string>>()
  for (const { service } of instances) {
    let known = tags.get(service.name)
    if (known === undefined) tags.set(service.name, known = new Set())
    for (const tag of service.tags) known.add(tag)
  }
  return Object.fromEntries([...tags].sort(([a], [b]) => a < b ? -1 : 1).map(([name, set]) => [name, [...set]]))
}
