import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { AgentError, decode, unexpectedStatus, type AgentClient, type Query } from '../agent-client.ts'
import { keyPath, kvEntry, type KvEntry } from '../commands/kv-entry.ts'

/** A lock, or one of a semaphore's places, that is ours. */
export interface HeldLock {
  /** Resolves with the reason once it is, or may be, no longer ours; stops watching, and never resolves, when the signal aborts. */
  watch(signal: AbortSignal): Promise<string>
  release(): Promise<void>
  /** Removes what is left of it, unless somebody uses it: false. */
  cleanUp(): Promise<boolean>
}

/** How long one blocking query waits. */
export const waitTime = '15s'
/** A lock that nobody holds and nobody gets is in its lock-delay; nothing tells of its end. */
export const retryMs = 5000

/** What is at a key or below a prefix, and the index to wait beyond. */
export interface Seen {
  readonly entries: readonly KvEntry[]
  readonly index: string
}

/** Reads with `consistent`: who asks for a lock must not be told of the past. Waits for a change where an index is given. */
export async function look(client: AgentClient, key: string, { index, recurse = false, signal }: { readonly index?: string | undefined, readonly recurse?: boolean, readonly signal?: AbortSignal } = {}): Promise<Seen> {
  const query: Query = { consistent: '', recurse: recurse ? '' : undefined, index, wait: index === undefined ? undefined : waitTime }
  const answer = await client.request('GET', keyPath(key), { query, ...signal === undefined ? {} : { signal } })
  if (answer.status !== 200 && answer.status !== 404) throw unexpectedStatus(answer)
  return { entries: answer.status === 404 ? [] : decode(answer, z.array(kvEntry)), index: String(answer.headers['x-consul-index'] ?? '1') }
}

/** True: written. */
export async function write(client: AgentClient, key: string, query: Query, body?: string): Promise<boolean> {
  return decode(await client.succeed('PUT', keyPath(key), { query, body: body ?? '' }), z.boolean())
}

export async function deleteIfUnchanged(client: AgentClient, entry: KvEntry): Promise<boolean> {
  return decode(await client.succeed('DELETE', keyPath(entry.Key), { query: { cas: String(entry.ModifyIndex) } }), z.boolean())
}

/**
 * Looks again at each change until `stillOurs` says no. Errors of a cluster
 * that is choosing a leader are borne `retries` times in a row, a second apart.
 */
export async function watchUntilLost(client: AgentClient, key: string, { recurse, retries, signal }: { readonly recurse: boolean, readonly retries: number, readonly signal: AbortSignal }, stillOurs: (entries: readonly KvEntry[]) => boolean): Promise<string> {
  const never = new Promise<string>(() => {})
  let index: string | undefined
  for (let failures = 0; ;) {
    try {
      const seen = await look(client, key, { index, recurse, signal })
      if (!stillOurs(seen.entries)) return 'it is no longer ours'
      failures = 0
      index = seen.index
    } catch (error) {
      if (signal.aborted) return never
      if (!(error instanceof AgentError) || ++failures > retries) return (error as Error).message
      index = undefined
      if (await sleep(1000, false, { signal }).catch(() => true)) return never
    }
  }
}
