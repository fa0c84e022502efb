import type { ApiContext } from './context.ts'
import type { ApiRequest, ApiResponse } from './exchange.ts'
import { awaitConsistency, checkDatacenter, isSet } from './query.ts'
import { emptyResponse, errorResponse } from './responses.ts'

/**
 * `/v1/snapshot` (Consul's HTTP API, "Snapshot"). A follower saves its own
 * state, once that has all that the leader's had when it was asked; it restores
 * through the leader's log.
 */
export const snapshotPath = '/v1/snapshot'

/** Of an archive that is to be restored, packed. */
export const archiveBytesMax = 512 * 1024 * 1024

/** A client agent passes these requests on; it has no state of its own. */
const noArchives = errorResponse(500, 'No cluster leader')

type Respond = (response: ApiResponse) => void

export function getSnapshot(context: ApiContext, query: URLSearchParams, request: ApiRequest, respond: Respond): void {
  const refusal = checkDatacenter(query, context)
  if (refusal !== null) return respond(refusal)
  const { archives } = context
  if (archives === null) return respond(noArchives)
  awaitConsistency(context, isSet(query, 'stale') ? 'stale' : 'default', respond, (freshness) => {
    archives.save((outcome) => {
      if (outcome.kind === 'failed') return respond(errorResponse(500, outcome.problem))
      const { index, archive } = outcome
      request.onGone?.(() => archive.destroy())
      respond({
        status: 200, headers: { Vary: 'Accept-Encoding', 'Content-Type': 'application/x-gzip', 'X-Consul-Index': String(index), ...freshness },
        body: '', source: archive,
      })
    })
  })
}

export function putSnapshot(context: ApiContext, query: URLSearchParams, request: ApiRequest, respond: Respond): void {
  const refusal = checkDatacenter(query, context)
  if (refusal !== null) return respond(refusal)
  const pieces = request.pieces ?? (request.body.length === 0 ? [] : [request.body])
  if (context.archives === null) return respond(noArchives)
  context.archives.restore(pieces).then(
    (outcome) => respond(outcome.kind === 'restored' ? emptyResponse(200) : errorResponse(500, outcome.problem)),
    (error: unknown) => queueMicrotask(() => { throw error }),
  )
}
