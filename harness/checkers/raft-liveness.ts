import { z } from 'zod'
import type { FaultRecord } from '../runner/fault-record.ts'
import type { CheckResult } from './verdict.ts'

/**
 * Election timeouts within which a leader must be known after the last healing.
 * Each wait is drawn between once and twice the timeout; a first wait and a
 * vote that is split a few times fit into it. Of sixty simulated runs with mixed faults
 * the slowest took 1.6; a split vote repeats with a chance well below one half.
 */
export const electionTimeoutsMax = 20

/** Faults after which a quorum's log may be gone for good, where targets ask for more than a minority. */
const destroys: ReadonlySet<string> = new Set(['damage', 'membership'])

const recoverySchema = z.looseObject({ leader: z.union([
  z.object({ afterMs: z.number(), leader: z.string() }),
  z.object({ afterMs: z.null(), waitedMs: z.number() }),
]) })
const raftSchema = z.looseObject({ electionTimeoutMs: z.number() })

/**
 * Raft's liveness (thesis §3.9: a leader is elected where the broadcast time
 * is far below the election timeout): once all is healed a majority names a
 * leader within `electionTimeoutsMax` election timeouts. In virtual time that
 * it took longer is the members' own fault: invalid. In real time it may be
 * the machine's: unknown. Empty where there is nothing to judge by: no trace
 * says what the election timeout is, or the run ended before its healing.
 */
export function checkRaftLiveness(known: readonly CheckResult[], { exactTime, faults }: { readonly exactTime: boolean, readonly faults: readonly FaultRecord[] }): readonly CheckResult[] {
  const recovery = recoverySchema.safeParse(known.find(({ checker }) => checker === 'recovery')?.details).data
  const raft = raftSchema.safeParse(known.find(({ checker }) => checker === 'raft')?.details).data
  if (recovery === undefined || raft === undefined) return []
  const boundMs = electionTimeoutsMax * raft.electionTimeoutMs
  const { leader } = recovery
  const took = leader.afterMs ?? leader.waitedMs
  const timeouts = took / raft.electionTimeoutMs
  const base = { checker: 'raft-liveness', evidence: [], details: { afterMs: leader.afterMs, electionTimeoutMs: raft.electionTimeoutMs, boundMs } }
  const bound = `${electionTimeoutsMax} election timeouts of ${raft.electionTimeoutMs} ms`
  if (leader.afterMs !== null && took <= boundMs) {
    return [{ ...base, verdict: 'valid', summary: `a majority named ${leader.leader} as leader ${took.toFixed(0)} ms after the last healing: ${timeouts.toFixed(1)} of at most ${electionTimeoutsMax} election timeouts` }]
  }
  const what = leader.afterMs === null ? `no majority named a leader within ${(took / 1000).toFixed(1)} s after the last healing` : `a majority named a leader only ${(took / 1000).toFixed(1)} s after the last healing`
  // The deadline of the recovery came first.
  if (leader.afterMs === null && took <= boundMs) return [{ ...base, verdict: 'unknown', summary: `${what}, and ${bound} were not waited for: give a longer --recovery-timeout` }]
  const lost = [...new Set(faults.filter(({ name }) => destroys.has(name)).map(({ name }) => name))]
  if (leader.afterMs === null && lost.length > 0) {
    return [{ ...base, verdict: 'unknown', summary: `${what}, more than ${bound}; what ${lost.join(' and ')} took away may have been a quorum's` }]
  }
  if (!exactTime) return [{ ...base, verdict: 'unknown', summary: `${what}, more than ${bound}; in real time that may be the machine's doing` }]
  return [{
    ...base, verdict: 'invalid', summary: `${what}, more than ${bound}`,
    evidence: [{ title: 'No leader in time', explanation: [`All faults were healed, and every member could reach every other; ${what}. The bound is ${bound}, ${(boundMs / 1000).toFixed(1)} s (thesis §3.9).`], key: null, eventIndexes: [] }],
  }]
}
