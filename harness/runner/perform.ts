import type { OperationEvent } from '../history/event.ts'
import type { Operation, OperationOutcome, SystemClient, Worker, WorkScope } from '../../workloads/workload.ts'
import type { RunContext } from './run-context.ts'

/** What a slot's workers have in common. */
export interface Workplace {
  readonly client: SystemClient
  readonly memory: Map<string, unknown>
}

/** Does one operation by one worker, between its two events in the history. Nothing is retried. Never rejects. */
export async function performRecorded(context: RunContext, worker: Worker, operation: Operation, { client, memory }: Workplace): Promise<OperationOutcome> {
  const { recording, status } = context
  recording.record(operationEvent('invoke', worker, operation, operation.value))
  const outcome = await performed(context, operation, client, { plan: context.plan, worker, clock: context.environment.clock, memory })
  status.counts[outcome.type] += 1
  const value = outcome.value === undefined ? operation.value : outcome.value
  if (outcome.type === 'ok') {
    recording.record(operationEvent('ok', worker, operation, value, { version: outcome.version }))
  } else {
    recording.record(operationEvent(outcome.type, worker, operation, value, { error: outcome.error }))
  }
  return outcome
}

/** An exception in a workload says nothing of the system: the operation may have happened. */
async function performed({ workload }: RunContext, operation: Operation, client: SystemClient, scope: WorkScope): Promise<OperationOutcome> {
  try {
    return await workload.perform(operation, client, scope)
  } catch (error) {
    return { type: 'info', error: `the workload threw ${String(error)}` }
  }
}

function operationEvent(
  type: OperationEvent['type'], worker: Worker, operation: Operation, value: unknown,
  more: { readonly version?: number | undefined, readonly error?: string } = {},
): Omit<OperationEvent, 'index' | 'time'> {
  return {
    type,
    process: worker.process,
    f: operation.f,
    ...(operation.key === undefined ? {} : { key: operation.key }),
    value,
    ...(more.version === undefined ? {} : { version: more.version }),
    ...(operation.consistency === undefined || type !== 'invoke' ? {} : { consistency: operation.consistency }),
    node: worker.member,
    ...(more.error === undefined ? {} : { error: more.error }),
  }
}
