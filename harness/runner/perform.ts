import type { OperationEvent, Unrecorded } from '../history/event.ts'
import type { Operation, OperationOutcome, SystemClient, Worker } from '../../workloads/workload.ts'
import type { RunContext } from './run-context.ts'

/** What a slot's workers have in common. */
export interface Workplace {
  readonly client: SystemClient
  readonly memory: Map<string, unknown>
}

/** Does one operation by one worker, between its two events in the history. Nothing is retried. Never rejects. */
export async function performRecorded(context: RunContext, worker: Worker, operation: Operation, { client, memory }: Workplace): Promise<OperationOutcome> {
  const { recording, status, workload, plan, environment } = context
  recording.record(operationEvent('invoke', worker, operation, operation.value))
  let outcome: OperationOutcome
  try {
    outcome = await workload.perform(operation, client, { plan, worker, clock: environment.clock, memory })
  } catch (error) {
    // An exception in a workload says nothing of the system: the operation may have happened.
    outcome = { type: 'info', error: `the workload threw ${String(error)}` }
  }
  status.counts[outcome.type] += 1
  const value = outcome.value === undefined ? operation.value : outcome.value
  if (outcome.type === 'ok') {
    recording.record(operationEvent('ok', worker, operation, value, outcome.version))
  } else {
    recording.record(operationEvent(outcome.type, worker, operation, value, undefined, outcome.error))
  }
  return outcome
}

function operationEvent(
  type: OperationEvent['type'], { process, member }: Worker, { f, key, consistency }: Operation, value: unknown, version?: number, error?: string,
): Unrecorded<OperationEvent> {
  return { type, process, f, key, value, version, consistency: type === 'invoke' ? consistency : undefined, node: member, error }
}
