import type { HistoryEvent, Unrecorded } from '../history/event.ts'
import type { HarnessClock } from '../environments/environment.ts'
import type { CheckResult } from '../checkers/verdict.ts'
import type { ActiveFault, Fault } from '../../nemesis/nemesis.ts'
import type { RunStatus } from './run-context.ts'

/** One line of `faults.jsonl`: a fault's start or its end. Times as in the history. */
export interface FaultRecord {
  /** Counts the faults of a run from 0. */
  readonly fault: number
  readonly name: string
  readonly step: 'start' | 'stop'
  readonly value: unknown
  readonly askedNs: number
  readonly doneNs: number
  /** What the probe saw; null where the step failed. */
  readonly observed: unknown
  readonly error: string | null
}

export interface ConductorPorts {
  readonly clock: HarnessClock
  readonly record: (event: Unrecorded<HistoryEvent>) => void
  readonly recordFault: (record: FaultRecord) => void
  readonly status: RunStatus
}

interface RunningFault {
  readonly id: number
  readonly fault: Fault
  readonly active: ActiveFault
}

/**
 * Starts and stops faults, one step at a time (a probe of one fault must not
 * meet another that is half done), writes each to the history, and remembers
 * what is still broken, so that nothing is left so.
 */
export class FaultConductor {
  readonly #ports: ConductorPorts
  readonly #running: RunningFault[] = []
  readonly #failures: string[] = []
  #count = 0
  #started = 0
  #turn: Promise<unknown> = Promise.resolve()

  constructor(ports: ConductorPorts) {
    this.#ports = ports
  }

  /** Breaks. Returns what `stop` needs, or null if the fault could not be proven, which makes the verdict unknown. */
  start(fault: Fault): Promise<number | null> {
    return this.#inTurn(async () => {
      const id = this.#count++
      const active = await this.#step(id, fault, 'start', async () => {
        const started = await fault.start()
        return { observed: started.observed, result: started }
      })
      if (active === null) return null
      this.#started += 1
      this.#running.push({ id, fault, active })
      this.#showStatus()
      return id
    })
  }

  /** Mends one. A fault that could not be mended stays on the list for `healAll`. */
  stop(id: number): Promise<void> {
    return this.#inTurn(() => this.#stopOne(id))
  }

  /** Mends all that is broken, the newest first; tries each, whatever becomes of the others. Never rejects. */
  healAll(): Promise<void> {
    return this.#inTurn(async () => {
      for (const { id } of [...this.#running].reverse()) await this.#stopOne(id)
    })
  }

  /** What the faults mean for the verdict. `expected`: the plan asks for faults. */
  result(expected: boolean): CheckResult | null {
    if (!expected) return null
    const details = { started: this.#started, failures: this.#failures }
    if (this.#failures.length > 0) {
      return { checker: 'faults', verdict: 'unknown', summary: `a fault did not do what was asked: ${this.#failures.join('; ')}`, evidence: [], details }
    }
    if (this.#started === 0) {
      return { checker: 'faults', verdict: 'unknown', summary: 'no fault was started within the time limit: raise --time-limit or lower --interval', evidence: [], details }
    }
    return { checker: 'faults', verdict: 'valid', summary: `${this.#started} fault${this.#started === 1 ? '' : 's'}, each proven by a probe at its start and its end`, evidence: [], details }
  }

  async #stopOne(id: number): Promise<void> {
    const at = this.#running.findIndex((running) => running.id === id)
    if (at < 0) return
    const { fault, active } = this.#running[at]!
    const stopped = await this.#step(id, fault, 'stop', async () => ({ observed: await active.stop(), result: true }))
    if (stopped === null) return
    this.#running.splice(this.#running.findIndex((running) => running.id === id), 1)
    this.#showStatus()
  }

  async #step<T>(id: number, fault: Fault, step: 'start' | 'stop', task: () => Promise<{ observed: unknown, result: T }>): Promise<T | null> {
    const { clock, record, recordFault } = this.#ports
    const f = `${step}-${fault.name}`
    const askedNs = clock.nowNs()
    const line = { fault: id, name: fault.name, step, value: fault.value, askedNs }
    record({ type: 'info', process: 'nemesis', f, value: fault.value })
    try {
      const { observed, result } = await task()
      record({ type: 'info', process: 'nemesis', f, value: fault.value })
      recordFault({ ...line, doneNs: clock.nowNs(), observed, error: null })
      return result
    } catch (cause) {
      const error = (cause as Error)?.message ?? String(cause)
      record({ type: 'info', process: 'nemesis', f, value: fault.value, error })
      recordFault({ ...line, doneNs: clock.nowNs(), observed: null, error })
      this.#failures.push(`${f} ${JSON.stringify(fault.value)}: ${error}`)
      return null
    }
  }

  #showStatus(): void {
    this.#ports.status.faultsOn = this.#running.map(({ fault }) => describeFault(fault))
  }

  #inTurn<T>(task: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(task)
    this.#turn = mine.catch(() => {})
    return mine
  }
}

/** `partition isolate-leader n2`. */
export function describeFault(fault: Fault): string {
  const value = fault.value as { readonly target?: string, readonly members?: readonly string[] } | null
  return [fault.name, value?.target, value?.members?.join(' ')].filter((part) => part !== undefined).join(' ')
}
