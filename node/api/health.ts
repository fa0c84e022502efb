import { checkedInstanceShape, checkShape } from '../filter/filter-shapes.ts'
import type { CatalogCheck, CheckStatus } from '../state/catalog-types.ts'
import { checkJson, checkedInstanceJson } from './catalog-json.ts'
import { answerCatalog, cacheMiss, type Keep, missing, nodeMetaWanted, tagsWanted } from './catalog-read.ts'
import type { ApiContext } from './context.ts'
import type { ApiResponse } from './exchange.ts'
import { errorResponse } from './responses.ts'
import type { Action, Route } from './routes.ts'

/** `/v1/health/…` (Consul's HTTP API, Health). */
export function healthRoutes(context: ApiContext): [path: string, actions: Route['actions']][] {
  const { catalog, datacenter } = context
  /** Checks on nodes with the wanted metadata. */
  const shown = (query: URLSearchParams) => {
    const wanted = nodeMetaWanted(query)
    return (checks: readonly CatalogCheck[], keep: Keep) => {
      const kept = query.has('node-meta') ? checks.filter(({ node }) => {
        const found = catalog.node(node).value
        return found !== null && wanted(found.node)
      }) : checks
      return kept.map(checkJson).filter(keep)
    }
  }
  const service: Action = (request, name, query, respond) => {
    const passing = passingOnly(query)
    const wanted = nodeMetaWanted(query)
    const wantsTags = tagsWanted(query)
    answerCatalog(context, request, query, respond, () => catalog.serviceHealth(name), checkedInstanceShape, (list, keep) => list
      .filter(({ node, service, checks }) => wanted(node) && wantsTags(service.tags)
        && (passing !== true || checks.every(({ status }) => status === 'passing')))
      .map((instance) => checkedInstanceJson(instance, datacenter)).filter(keep),
    missing('service name', name) ?? (typeof passing === 'object' ? passing : null), cacheMiss)
  }
  const node: Action = (request, name, query, respond) =>
    answerCatalog(context, request, query, respond, () => catalog.nodeChecks(name), checkShape, (checks, keep) => checks.map(checkJson).filter(keep), missing('node name', name))
  const checks: Action = (request, name, query, respond) =>
    answerCatalog(context, request, query, respond, () => catalog.serviceChecks(name), checkShape, shown(query), missing('service name', name))
  const state: Action = (request, name, query, respond) => {
    // Of a state that does not exist there are no checks.
    const find = () => isState(name) ? catalog.checksInState(name) : { ...catalog.checksInState('any'), value: [] }
    answerCatalog(context, request, query, respond, find, checkShape, shown(query), missing('check state', name))
  }
  const connect: Action = (request, name, query, respond) =>
    answerCatalog(context, request, query, respond, () => catalog.instances(), checkedInstanceShape, () => [], missing('service name', name))
  return [
    ['/v1/health/service/*', { GET: service }],
    ['/v1/health/connect/*', { GET: connect }],
    ['/v1/health/node/*', { GET: node }],
    ['/v1/health/checks/*', { GET: checks }],
    ['/v1/health/state/*', { GET: state }],
  ]
}

function isState(text: string): text is CheckStatus | 'any' {
  return text === 'any' || text === 'passing' || text === 'warning' || text === 'critical'
}

/** `?passing` counts by presence; with a value it is read as Go reads a bool. */
function passingOnly(query: URLSearchParams): boolean | ApiResponse {
  const value = query.get('passing')
  if (value === null) return false
  if (['', '1', 't', 'T', 'TRUE', 'true', 'True'].includes(value)) return true
  if (['0', 'f', 'F', 'FALSE', 'false', 'False'].includes(value)) return false
  return errorResponse(400, 'Invalid value for ?passing')
}
