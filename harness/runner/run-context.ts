import type { Environment } from '../environments/environment.ts'
import type { HistoryEvent, Unrecorded } from '../history/event.ts'
import type { RunPlan } from '../plan/plan.ts'
import type { System } from '../systems/system.ts'
import type { Random } from '../../node/base/random.ts'
import type { Workload } from '../../workloads/workload.ts'
import type { Stop } from './stop.ts'

/** What every phase of a run works with. */
export interface RunContext {
  readonly plan: RunPlan
  readonly environment: Environment
  readonly system: System
  readonly workload: Workload
  readonly random: Random
  readonly recording: Recording
  readonly status: RunStatus
  /** Ctrl-C: every phase ends as soon as it is seen. */
  readonly interrupt: Stop
}

/** Where events go. */
export interface Recording {
  /** All so far. */
  readonly events: readonly HistoryEvent[]
  record(event: Unrecorded<HistoryEvent>): void
}

/** What is shown while a run goes on. Changes in place; read by whoever draws it. */
export interface RunStatus {
  phase: string
  /** The environment's clock, once there is one. */
  nowNs: () => number
  /** When the main phase began; null before. */
  mainStartedNs: number | null
  counts: { ok: number, fail: number, info: number }
  leader: string | null
  /** `partition isolate-leader n2`. */
  faultsOn: readonly string[]
}

export function freshStatus(): RunStatus {
  return { phase: 'preparing', nowNs: () => 0, mainStartedNs: null, counts: { ok: 0, fail: 0, info: 0 }, leader: null, faultsOn: [] }
}
