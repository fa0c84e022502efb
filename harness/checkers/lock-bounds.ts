import type { RunPlan } from '../plan/plan.ts'

/** Consul ends a session between once and twice its time to live after its last renewal. */
const ttlFactor = 2
/** A change of leaders in between begins that time anew. */
const leaderChanges = 1

/**
 * How long after the last fault, and the last renewal, the lock of a holder that
 * died may take to be somebody else's: its session ends at twice its TTL, anew
 * with another leader; its lock-delay follows; and the requests that this takes
 * (the expiry that the leader proposes, the acquisition) may each wait for as long as any.
 */
export function freeingBoundMs({ ttlMs, lockDelayMs }: { readonly ttlMs: number, readonly lockDelayMs: number }, { operationTimeoutMs }: Pick<RunPlan, 'operationTimeoutMs'>): number {
  return (1 + leaderChanges) * ttlFactor * ttlMs + lockDelayMs + 2 * operationTimeoutMs
}
