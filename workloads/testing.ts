import type { TransactionOperation, TransactionRead } from './ports/transactions.ts'
import type { SystemClient } from './workload.ts'

export interface MemorySystem {
  readonly client: SystemClient
  /** What was asked, in order: `transact get:a cas:b`. */
  readonly asked: string[]
  readonly values: ReadonlyMap<string, string>
  /** Called before each request is carried out; may do what somebody else does meanwhile. */
  before: (request: string) => void
}

/** A system of one member in memory, for tests of workloads: keys with versions, transactions, prefixes. */
export function memorySystem(): MemorySystem {
  const entries = new Map<string, { readonly value: string, readonly version: number }>()
  let version = 0
  const asked: string[] = []
  const put = (key: string, value: string) => entries.set(key, { value, version: ++version })
  const versionOf = (key: string) => entries.get(key)?.version ?? 0
  const ask = async (request: string) => {
    asked.push(request)
    system.before(request)
  }
  const client: SystemClient = {
    async read(key) {
      await ask(`read ${key}`)
      return { type: 'ok', value: entries.get(key)?.value ?? null, version: entries.get(key)?.version ?? null }
    },
    async write(key, value) {
      await ask(`write ${key}`)
      put(key, value)
      return { type: 'ok' }
    },
    async compareAndSet(key, value, expected) {
      await ask(`compareAndSet ${key}`)
      if (versionOf(key) !== expected) return { type: 'ok', swapped: false }
      put(key, value)
      return { type: 'ok', swapped: true }
    },
    transactions: {
      operationsMax: 64,
      async transact(operations) {
        await ask(`transact ${operations.map(({ verb, key }) => `${verb}:${key}`).join(' ')}`)
        const stale = operations.find((operation: TransactionOperation) => (operation.verb === 'cas' || operation.verb === 'check') && versionOf(operation.key) !== operation.version)
        if (stale !== undefined) return { type: 'ok', committed: false, why: `${stale.key} has changed` }
        const reads: TransactionRead[] = []
        for (const operation of operations) {
          if (operation.verb === 'set' || operation.verb === 'cas') put(operation.key, operation.value)
          else if (operation.verb === 'get') reads.push({ key: operation.key, value: entries.get(operation.key)?.value ?? null, version: entries.get(operation.key)?.version ?? null })
        }
        return { type: 'ok', committed: true, reads }
      },
    },
    prefixes: {
      async list(prefix) {
        await ask(`list ${prefix}`)
        return { type: 'ok', entries: [...entries].filter(([key]) => key.startsWith(prefix)).map(([key, entry]) => ({ key, ...entry })) }
      },
    },
    deletes: {
      async delete(key) {
        await ask(`remove ${key}`)
        entries.delete(key)
        return { type: 'ok' }
      },
    },
  }
  const system: MemorySystem = {
    client, asked, before: () => {},
    get values() { return new Map([...entries].map(([key, { value }]) => [key, value])) },
  }
  return system
}
