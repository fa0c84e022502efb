import { parseDurationNs } from '../base/duration.ts'
import { compileFilter, type FilterFields } from '../filter/filter.ts'
import { FilterError } from '../filter/filter-syntax.ts'
import type { CatalogRead } from '../state/catalog.ts'
import type { CatalogNode, TextMap } from '../state/catalog-types.ts'
import type { ApiContext } from './context.ts'
import type { ApiRequest, ApiResponse } from './exchange.ts'
import { answerRead } from './blocking.ts'
import { isSet, unknownFreshness } from './query.ts'
import { errorResponse, jsonResponse } from './responses.ts'

type Respond = (response: ApiResponse) => void

/**
 * Answers a read of the catalog. `find` reads the state as it is, `show` makes
 * JSON of it. All reads of catalog and health go through here.
 *
 * `shape`: of what `?filter=` is about; `keep` tells which to keep. Null: a
 * filter is ignored. `refusal`: what the route has against the request, said
 * behind what all reads refuse.
 */
export function answerCatalog<T>(
  context: ApiContext, request: ApiRequest, query: URLSearchParams, respond: Respond,
  find: () => CatalogRead<T>, shape: FilterFields | null, show: (value: T, keep: Keep) => unknown, refusal: ApiResponse | null = null, cache: typeof cacheMiss | null = null,
): void {
  const keep = filterOf(query, shape)
  const effective = { 'X-Consul-Effective-Consistency': effectiveConsistency(query), ...cache === null || !isSet(query, 'cached') ? {} : cache }
  answerRead(context, request, query, respond, () => {
    const { index, value, watch } = find()
    return {
      index, interests: () => context.catalog.interestsOf(watch),
      answer: (headers) => jsonResponse(show(value, typeof keep === 'object' ? () => true : keep), isSet(query, 'pretty'), { ...headers, ...effective }),
    }
  }, refusal, { refusal: typeof keep === 'object' ? keep : null, errorHeaders: unknownFreshness })
}

/** What `?cached` is told by routes that Consul's agent caches: there is no cache here, every answer is made for its request. */
export const cacheMiss = { 'X-Cache': 'MISS' } as const

/** What was asked for. An answer may be as fresh as it likes: `?max_stale` allows a stale one. */
function effectiveConsistency(query: URLSearchParams): 'leader' | 'consistent' | 'stale' {
  if (isSet(query, 'stale') || (parseDurationNs(query.get('max_stale') ?? '') ?? 0) > 0) return 'stale'
  return isSet(query, 'consistent') ? 'consistent' : 'leader'
}

export type Keep = (json: unknown) => boolean

/** What `?filter=` keeps, or why it cannot be told. */
export function filterOf(query: URLSearchParams, shape: FilterFields | null): Keep | ApiResponse {
  const text = query.get('filter') ?? ''
  if (text === '' || shape === null) return () => true
  try {
    return compileFilter(text, shape)
  } catch (error) {
    if (!(error instanceof FilterError)) throw error
    return errorResponse(500, `Failed to create boolean expression evaluator: ${error.message}`)
  }
}

/** `?node-meta=key:value`, repeated: a node must have all of them. */
export function nodeMetaWanted(query: URLSearchParams): (node: CatalogNode) => boolean {
  const wanted = query.getAll('node-meta').map(metaPair)
  return ({ meta }) => wanted.every(([key, value]) => (meta as TextMap | null)?.[key] === value)
}

function metaPair(text: string): [key: string, value: string] {
  const colon = text.indexOf(':')
  return colon < 0 ? [text, ''] : [text.slice(0, colon), text.slice(colon + 1)]
}

/** `?tag=`, repeated: all of them, whatever their case. */
export function tagsWanted(query: URLSearchParams): (tags: readonly string[]) => boolean {
  const wanted = query.getAll('tag').map((tag) => tag.toLowerCase())
  return (tags) => wanted.every((tag) => tags.some((other) => other.toLowerCase() === tag))
}

export function missing(what: string, value: string): ApiResponse | null {
  return value === '' ? errorResponse(400, `Missing ${what}`) : null
}
