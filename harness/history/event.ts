/**
 * The history of one run, one JSON object a line, in the order of things.
 * Times are ns since the start of the run, from one monotonic clock.
 */
export type HistoryEvent = OperationEvent | NemesisEvent

/** `invoke` opens an operation; `ok` it happened, `fail` it did not, `info` it may have. */
export type OperationEventType = 'invoke' | 'ok' | 'fail' | 'info'

export interface OperationEvent {
  readonly index: number
  readonly time: number
  readonly type: OperationEventType
  /** The worker's number. A worker whose operation ended `info` is retired; its successor has a new number. */
  readonly process: number
  readonly f: string
  /** Absent where the workload has one object only. */
  readonly key?: string
  /** What is written, what was read, or [expected, next] of a cas. JSON. `null`: absent, or a read not yet answered. */
  readonly value: unknown
  /** What the system calls this version of the key, where known (Consul: ModifyIndex). */
  readonly version?: number
  /** On an invocation of a read: how consistent it was asked to be, where that is not the plan's. */
  readonly consistency?: 'default' | 'consistent' | 'stale'
  /** The member that was asked. */
  readonly node?: string
  /** Why, on `fail` and `info`. */
  readonly error?: string
}

/** A fault's start or end: an `info` event before it is done and one after, as Jepsen writes them. */
export interface NemesisEvent {
  readonly index: number
  readonly time: number
  readonly type: 'info'
  readonly process: 'nemesis'
  /** `start-partition`, `stop-partition`, `start-kill`, … */
  readonly f: string
  readonly value: unknown
  readonly error?: string
}

/** An event before the recorder has given it its index and time. */
export type Unrecorded<E extends HistoryEvent> = E extends HistoryEvent ? Omit<E, 'index' | 'time'> : never
