import { z } from 'zod'
import { type AgentClient } from '../agent-client.ts'
import { keyPath, type KvEntry } from '../commands/kv-entry.ts'
import { CommandFailure } from '../terminal.ts'
import { deleteIfUnchanged, look, watchUntilLost, write, type HeldLock } from './held-lock.ts'

/** Marks keys as a semaphore's; Consul's own clients check for the same number. */
const semaphoreFlags = 0xe0f69a2baa414de0n

const holdersOf = z.object({ Limit: z.int(), Holders: z.record(z.string(), z.boolean()).nullable() })

/**
 * Takes one of `limit` places for a session, waiting for it: the protocol of
 * Consul's tutorial "Semaphores with sessions". Each contender locks a key of
 * its own below the prefix; who is in stands in `.lock`, changed by
 * compare-and-set; whoever comes removes those whose own key is gone.
 */
export async function acquireSemaphore(client: AgentClient, prefix: string, limit: number, session: string, retries: number, signal: AbortSignal): Promise<HeldLock> {
  const lockKey = `${prefix}/.lock`
  const contender = `${prefix}/${session}`
  const flags = String(semaphoreFlags)
  if (!await write(client, contender, { acquire: session, flags })) throw new CommandFailure('Lock acquisition failed: failed to make contender entry')
  const read = (entries: readonly KvEntry[]) => {
    const lock = entries.find((entry) => entry.Key === lockKey)
    const alive = new Set(entries.flatMap((entry) => entry.Key !== lockKey && entry.Session !== undefined ? [entry.Session] : []))
    return { lock, alive, holders: lock === undefined ? [] : holders(lock, limit) }
  }
  const setHolders = (lock: KvEntry | undefined, ids: readonly string[]) => write(client, lockKey, { cas: String(lock?.ModifyIndex ?? 0), flags },
    JSON.stringify({ Limit: limit, Holders: Object.fromEntries(ids.map((id) => [id, true])) }))

  let index: string | undefined
  for (;;) {
    const seen = await look(client, `${prefix}/`, { index, recurse: true, signal })
    const { lock, alive, holders } = read(seen.entries)
    const inside = holders.filter((id) => alive.has(id))
    if (inside.length >= limit) {
      index = seen.index
      continue
    }
    if (await setHolders(lock, [...inside, session])) break
    // Somebody else was faster: look again at once.
    index = undefined
  }
  return {
    watch: (until) => watchUntilLost(client, `${prefix}/`, { recurse: true, retries, signal: until }, (entries) => {
      const { alive, holders } = read(entries)
      return holders.includes(session) && alive.has(session)
    }),
    async release() {
      for (;;) {
        const { lock, holders } = read((await look(client, `${prefix}/`, { recurse: true })).entries)
        if (!holders.includes(session) || await setHolders(lock, holders.filter((id) => id !== session))) break
      }
      await client.succeed('DELETE', keyPath(contender))
    },
    async cleanUp() {
      const { lock, holders } = read((await look(client, `${prefix}/`, { recurse: true })).entries)
      if (lock === undefined) return true
      return holders.length === 0 && await deleteIfUnchanged(client, lock)
    },
  }
}

/** Throws CommandFailure where the entry is no semaphore's, or another limit's. */
function holders(lock: KvEntry, limit: number): string[] {
  if (BigInt(lock.Flags) !== semaphoreFlags) throw new CommandFailure('Lock acquisition failed: Existing key does not match semaphore use')
  const { Limit, Holders } = holdersOf.parse(JSON.parse(Buffer.from(lock.Value ?? '', 'base64').toString()))
  if (Limit !== limit) throw new CommandFailure(`Lock acquisition failed: semaphore limit conflict (lock: ${Limit}, local: ${limit})`)
  return Object.entries(Holders ?? {}).filter(([, holds]) => holds).map(([id]) => id)
}
