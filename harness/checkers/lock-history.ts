/**
 * What workers did with sessions and locks, as the history of the lock workload
 * has it. An operation that may have happened still tells which session it was
 * about: its `info` event has the value.
 */
import { z } from 'zod'
import type { HistoryEvent, OperationEvent } from '../history/event.ts'
import { MalformedHistoryError } from '../history/operations.ts'

/** How a session was made; see workloads/ports/sessions.ts. */
export const sessionSpecSchema = z.object({
  ttlMs: z.number(), lockDelayMs: z.number(), behavior: z.enum(['release', 'delete']), endsWithMember: z.boolean(),
})
export type SessionSpec = z.infer<typeof sessionSpecSchema>

const token = z.string()
const session = z.string()

/** The values of completions, by function. Of an `info` the answers are missing. */
export const lockValues = {
  /** `created`: the session was made by this operation, before. */
  acquire: z.object({ session, token, created: sessionSpecSchema.optional(), held: z.boolean().optional(), known: z.boolean().optional() }),
  release: z.object({ session, token, released: z.boolean().optional() }),
  renew: z.object({ session, known: z.boolean().optional() }),
  destroy: z.object({ session }),
  abandon: z.object({ session }),
  read: z.object({ lock: z.object({ session: session.nullable(), token, lockIndex: z.int(), version: z.int() }).nullable() }),
  /** Read `from` and wrote `to` at what the lock guards. */
  guard: z.object({ session, from: token.nullable(), to: token }),
  /** Made a session that does not expire, acquired, released, destroyed. `held` false: not within `waitedMs`; `known` false: because its session was gone. */
  cycle: z.object({ session, token, releaseToken: token, held: z.boolean().optional(), known: z.boolean().optional(), waitedMs: z.number().optional() }),
}

export type LockFunction = keyof typeof lockValues
type Values = { readonly [F in LockFunction]: z.infer<(typeof lockValues)[F]> }

/** One operation that happened, or may have. */
export type LockOperation = { readonly [F in LockFunction]: LockOperationOf<F> }[LockFunction]

export interface LockOperationOf<F extends LockFunction> {
  readonly f: F
  readonly value: Values[F]
  readonly outcome: 'ok' | 'info'
  /** Empty where the operation is about no key. */
  readonly key: string
  readonly process: number
  readonly member: string | null
  readonly stale: boolean
  /** Positions in the history; the return's is Infinity for `info`. */
  readonly invoke: number
  readonly return: number
  readonly invokeNs: number
  readonly returnNs: number
  readonly invokeIndex: number
  readonly returnIndex: number | null
}

const staleSchema = z.object({ stale: z.literal(true) })

/** In order of invocation. Operations that failed did not happen and are left out. Throws MalformedHistoryError. */
export function lockOperations(history: readonly HistoryEvent[]): LockOperation[] {
  const operations: LockOperation[] = []
  const open = new Map<number, { readonly event: OperationEvent, readonly position: number }>()
  history.forEach((event, position) => {
    if (event.process === 'nemesis') return
    if (event.type === 'invoke') {
      open.set(event.process, { event, position })
      return
    }
    const begun = open.get(event.process)
    if (begun === undefined) throw new MalformedHistoryError(`Worker ${event.process} ends ${event.f} at index ${event.index}, but it has invoked nothing.`)
    open.delete(event.process)
    if (event.type === 'fail') return
    operations.push(decode(event, begun.event, begun.position, position))
  })
  for (const { event: { process, f, index } } of open.values()) {
    throw new MalformedHistoryError(`The ${f} that worker ${process} began at index ${index} has no end: nothing says which session it was about.`)
  }
  return operations.sort((a, b) => a.invoke - b.invoke)
}

function decode(event: OperationEvent, invoked: OperationEvent, invoke: number, position: number): LockOperation {
  if (!Object.hasOwn(lockValues, event.f)) throw new MalformedHistoryError(`The lock checker knows ${Object.keys(lockValues).join(', ')}, not ${event.f} (index ${event.index}).`)
  const f = event.f as LockFunction
  const parsed = lockValues[f].safeParse(event.value)
  if (!parsed.success) {
    throw new MalformedHistoryError(`The ${f} at index ${event.index} does not say what it was about: ${z.prettifyError(parsed.error).replaceAll('\n', ' ')}${event.error === undefined ? '' : ` (it ended with: ${event.error})`}`)
  }
  const certain = event.type === 'ok'
  return {
    f, value: parsed.data, outcome: certain ? 'ok' : 'info', key: event.key ?? '', process: event.process, member: invoked.node ?? null,
    stale: staleSchema.safeParse(invoked.value).success,
    invoke, return: certain ? position : Infinity, invokeNs: invoked.time, returnNs: certain ? event.time : Infinity,
    invokeIndex: invoked.index, returnIndex: event.index,
  } as LockOperation
}
