import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { AgentError, decode, type AgentClient } from '../agent-client.ts'

const ttlMs = 15_000
const created = z.object({ ID: z.string() })

/** A session of ours, kept alive until disposed of; then it is destroyed. */
export interface KeptSession extends AsyncDisposable {
  readonly id: string
  /** Resolves with the reason once it is, or may be, no longer alive. */
  readonly lost: Promise<string>
}

/** Rejects with AgentError. `behavior`: what becomes of its keys when it ends otherwise than by release. */
export async function keepSession(client: AgentClient, name: string, behavior: 'release' | 'delete'): Promise<KeptSession> {
  const body = JSON.stringify({ Name: name, TTL: `${ttlMs / 1000}s`, Behavior: behavior })
  const { ID: id } = decode(await client.succeed('PUT', '/v1/session/create', { body }), created)
  const ended = new AbortController()
  const lost = Promise.withResolvers<string>()
  const renewing = renewUntil(client, id, ended.signal, lost.resolve)
  return {
    id,
    lost: lost.promise,
    async [Symbol.asyncDispose]() {
      ended.abort()
      await renewing
      // Not reached: it ends by itself, after its TTL.
      await client.request('PUT', `/v1/session/destroy/${id}`).catch(() => {})
    },
  }
}

/** Twice in each TTL. Without a renewal for a whole TTL the session may be gone, whoever is to blame. */
async function renewUntil(client: AgentClient, id: string, signal: AbortSignal, lost: (reason: string) => void): Promise<void> {
  let renewedMs = performance.now()
  let waitMs = ttlMs / 2
  for (;;) {
    if (await sleep(waitMs, false, { signal }).catch(() => true)) return
    try {
      const askedMs = performance.now()
      const { status } = await client.request('PUT', `/v1/session/renew/${id}`, { signal: AbortSignal.any([signal, AbortSignal.timeout(ttlMs / 2)]) })
      if (status === 404) return lost('the session has ended')
      if (status !== 200) throw new AgentError(`Unexpected response code: ${status}`, status)
      renewedMs = askedMs
      waitMs = ttlMs / 2
    } catch (error) {
      if (signal.aborted) return
      if (performance.now() - renewedMs > ttlMs) return lost(`the session could not be renewed: ${(error as Error).message}`)
      waitMs = 1000
    }
  }
}
