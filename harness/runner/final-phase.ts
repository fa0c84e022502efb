import { clientOf } from '../systems/leader.ts'
import { performRecorded } from './perform.ts'
import type { RunContext } from './run-context.ts'
import { WorkerPool } from './workers.ts'

export interface FinalReads {
  readonly total: number
  /** Operations that succeeded at no member, with the last reason: `read k3: 500 No cluster leader`. */
  readonly unanswered: readonly string[]
}

/** The workload's last operations, each once through every member; the members side by side. */
export async function finalPhase(context: RunContext): Promise<FinalReads> {
  const { environment, plan, system, workload, recording, status } = context
  status.phase = 'final reads'
  const operations = workload.finalOperations(plan, recording.events)
  // Workers of their own, whose numbers nobody had: in a clear multiple, so
  // that a reader of the history sees where the final reads begin.
  const pool = new WorkerPool(environment.members.length, environment.members, firstFreeProcess(context))
  const answered = new Set<number>()
  const reasons = new Map<number, string>()
  await context.interrupt.orInterrupt(Promise.all(environment.members.map(async () => {
    let worker = await pool.take()
    const workplace = { client: clientOf(system, environment, worker.member, plan.operationTimeoutMs), memory: new Map<string, unknown>() }
    for (const [at, operation] of operations.entries()) {
      const outcome = await performRecorded(context, worker, operation, workplace)
      if (outcome.type === 'ok') answered.add(at)
      else reasons.set(at, `${operation.f}${operation.key === undefined ? '' : ` ${operation.key}`}: ${outcome.error}`)
      if (outcome.type === 'info') worker = { ...worker, process: worker.process + environment.members.length }
    }
  })))
  const unanswered = operations.flatMap((_, at) => answered.has(at) ? [] : [reasons.get(at)!])
  return { total: operations.length, unanswered }
}

function firstFreeProcess({ recording, plan }: RunContext): number {
  let highest = -1
  for (const event of recording.events) if (event.process !== 'nemesis') highest = Math.max(highest, event.process)
  return Math.ceil((highest + 1) / plan.concurrency) * plan.concurrency
}
