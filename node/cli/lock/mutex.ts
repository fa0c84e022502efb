import { setTimeout as sleep } from 'node:timers/promises'
import type { AgentClient } from '../agent-client.ts'
import { CommandFailure } from '../terminal.ts'
import { deleteIfUnchanged, look, retryMs, watchUntilLost, write, type HeldLock } from './held-lock.ts'

/** Marks a key as a lock; Consul's own clients check for the same number. */
const lockFlags = 0x2ddccbc058a50c18n

/**
 * Takes the lock on a key for a session, waiting for it: the protocol of
 * Consul's tutorial "Application leader elections with sessions", so that
 * its clients and these exclude each other. Rejects with the signal's reason,
 * AgentError, or CommandFailure where the key is used for something else.
 */
export async function acquireMutex(client: AgentClient, key: string, session: string, retries: number, signal: AbortSignal): Promise<HeldLock> {
  const conflict = new CommandFailure('Lock acquisition failed: Existing key does not match lock use')
  let index: string | undefined
  for (;;) {
    const { entries: [entry], index: seen } = await look(client, key, { index, signal })
    if (entry !== undefined && BigInt(entry.Flags) !== lockFlags) throw conflict
    if (entry?.Session !== undefined && entry.Session !== session) {
      index = seen
      continue
    }
    if (await write(client, key, { acquire: session, flags: String(lockFlags) })) break
    const { entries: [now], index: after } = await look(client, key, { signal })
    index = now?.Session === undefined ? undefined : after
    if (index === undefined) await sleep(retryMs, undefined, { signal })
  }
  return {
    watch: (until) => watchUntilLost(client, key, { recurse: false, retries, signal: until }, ([entry]) => entry?.Session === session),
    release: async () => void await write(client, key, { release: session, flags: String(lockFlags) }),
    async cleanUp() {
      const { entries: [entry] } = await look(client, key)
      if (entry === undefined) return true
      return entry.Session === undefined && BigInt(entry.Flags) === lockFlags && await deleteIfUnchanged(client, entry)
    },
  }
}
