import autocannon from 'autocannon'
import { seededRandom } from '../../../node/base/random.ts'
import { requestsOfConnections } from './kv-requests.ts'
import type { LoadJob, LoadOutcome } from './load-job.ts'

/** Between looks whether the time is up. */
const sampleMs = 100
export const requestTimeoutS = 10

/**
 * What the system does when every connection sends its next request as soon as
 * the last was answered. It measures throughput and no latency: a system that
 * stands still is asked less, and few requests see it (coordinated omission).
 */
export async function closedLoop({ urls, connections, seconds, load, seed }: LoadJob): Promise<Omit<LoadOutcome, 'cpuMs'>> {
  const requests = requestsOfConnections(load, connections, seededRandom(seed)).map((mine) => mine.map(({ target, ...request }) => ({ ...request, path: target })))
  let made = 0
  const result = await autocannon({
    // Several are allowed (connections take them in turn), which its types do not know.
    url: [...urls] as unknown as string,
    connections, duration: seconds, timeout: requestTimeoutS,
    sampleInt: sampleMs,
    // Given here, and not for all: else each connection would copy the requests of all.
    setupClient(client) {
      client.setRequests(requests[made++]!)
    },
  } satisfies autocannon.Options & { readonly sampleInt: number })
  return { ok: result['2xx'], non2xx: result.non2xx, errors: result.errors, seconds: result.duration, latency: null }
}
