import type { HistoryEvent, Unrecorded } from '../history/event.ts'
import type { HarnessClock } from '../environments/environment.ts'
import type { CheckResult } from '../checkers/verdict.ts'
import { conflict } from '../../nemesis/impact.ts'
import { layers, NotNowError, type ActiveFault, type Fault, type Impact } from '../../nemesis/nemesis.ts'
import type { FaultRecord } from './fault-record.ts'
import type { RunStatus } from './run-context.ts'

export interface ConductorPorts {
  readonly clock: HarnessClock
  readonly record: (event: Unrecorded<HistoryEvent>) => void
  readonly recordFault: (record: FaultRecord) => void
  readonly status: RunStatus
  /** In the cluster; for the rule which faults may be on at once. */
  readonly memberCount: number
}

/** What came of asking for a fault. */
export type Started =
  | { readonly kind: 'on', readonly id: number }
  /** It could not be proven, which makes the verdict unknown. */
  | { readonly kind: 'failed' }
  /** It cannot be on together with what is on. */
  | { readonly kind: 'skipped' }

interface RunningFault {
  readonly id: number
  readonly fault: Fault
  readonly active: ActiveFault
}

/** How often the last phase tries to mend what it could not: what stood in the way may be mended by then. */
const healRounds = 3
const healPauseMs = 500
/** A heal that takes longer is given up for this round. */
const healTimeoutMs = 90_000
const timeoutGrainMs = 1000

/**
 * Starts and stops faults, one step at a time (a probe of one fault must not
 * meet another that is half done), writes each to the history, and remembers
 * what is still broken, so that nothing is left so.
 */
export class FaultConductor {
  readonly #ports: ConductorPorts
  readonly #running: RunningFault[] = []
  readonly #startFailures: string[] = []
  /** By the fault's number; goes when a later try mends it. */
  readonly #stopFailures = new Map<number, string>()
  #count = 0
  #started = 0
  #skipped = 0
  #mendedLater = 0
  #turn: Promise<unknown> = Promise.resolve()

  constructor(ports: ConductorPorts) {
    this.#ports = ports
  }

  /**
   * Breaks. The fault is chosen when its turn has come: its targets are those
   * of that moment. Null: it is not wanted any more.
   * @param rule `unless-conflicting`: not begun where it cannot be on together with what is on. A script's are always begun.
   */
  start(choose: () => Promise<Fault | null>, rule: 'unless-conflicting' | 'always'): Promise<Started> {
    return this.#inTurn(async () => {
      const fault = await choose()
      if (fault === null) return { kind: 'skipped' }
      const id = this.#count++
      const refusal = rule === 'always' ? null : this.#conflictOf(fault)
      if (refusal !== null) {
        this.#skip(id, fault, refusal)
        return { kind: 'skipped' }
      }
      const step = await this.#step(id, fault, 'start', async () => {
        const started = await fault.start()
        return { observed: started.observed, result: started }
      })
      if ('error' in step && step.notNow === true) return { kind: 'skipped' }
      if ('error' in step) {
        this.#startFailures.push(`start-${fault.name} ${JSON.stringify(fault.value)}: ${step.error}`)
        return { kind: 'failed' }
      }
      this.#started += 1
      this.#running.push({ id, fault, active: step.result })
      this.#showStatus()
      return { kind: 'on', id }
    })
  }

  /** Mends one. False: that could not be proven; it is still on the list, for another try or for `healAll`. */
  stop(id: number): Promise<boolean> {
    return this.#inTurn(() => this.#stopOne(id))
  }

  /**
   * Mends all that is broken: by layers from the network up to who is a member
   * at all, the newest of a layer first. Tries each, whatever becomes of the
   * others, and what could not be mended again once the others are. Never rejects.
   * @param rounds 1 for whoever is in a hurry
   */
  healAll(rounds: number = healRounds): Promise<void> {
    return this.#inTurn(async () => {
      for (let round = 0; round < rounds && this.#running.length > 0; round++) {
        if (round > 0) await this.#ports.clock.sleep(healPauseMs)
        for (const { id } of healingOrder(this.#running)) await this.#stopOne(id)
      }
    })
  }

  /** Of all that is on now. */
  get impacts(): readonly Impact[] {
    return this.#running.flatMap(({ fault }) => fault.impact === undefined ? [] : [fault.impact])
  }

  /** What the faults mean for the verdict. `expected`: the plan asks for faults. */
  result(expected: boolean): CheckResult | null {
    if (!expected) return null
    const failures = [...this.#startFailures, ...this.#stopFailures.values()]
    const details = { started: this.#started, skipped: this.#skipped, mendedLater: this.#mendedLater, failures }
    if (failures.length > 0) {
      return { checker: 'faults', verdict: 'unknown', summary: `a fault did not do what was asked: ${failures.join('; ')}`, evidence: [], details }
    }
    if (this.#started === 0) {
      return { checker: 'faults', verdict: 'unknown', summary: 'no fault was started within the time limit: raise --time-limit or lower --interval', evidence: [], details }
    }
    const skipped = this.#skipped === 0 ? '' : `; ${this.#skipped} not begun, because they did not fit what was on`
    return { checker: 'faults', verdict: 'valid', summary: `${this.#started} fault${this.#started === 1 ? '' : 's'}, each proven by a probe at its start and its end${skipped}`, evidence: [], details }
  }

  #conflictOf(fault: Fault): string | null {
    if (fault.impact === undefined) return null
    return conflict(fault.impact, this.impacts, this.#ports.memberCount)
  }

  /** `askedNs` before now: it was begun and given up. What it did until then may have been felt. */
  #skip(id: number, fault: Fault, refusal: string, askedNs: number = this.#ports.clock.nowNs()): void {
    this.#skipped += 1
    this.#ports.recordFault({
      fault: id, name: fault.name, step: 'skip', value: fault.value, askedNs, doneNs: this.#ports.clock.nowNs(), sinceMainS: this.#sinceMainS(askedNs), observed: null, error: refusal,
    })
  }

  async #stopOne(id: number): Promise<boolean> {
    const running = this.#running.find((candidate) => candidate.id === id)
    if (running === undefined) return true
    const { fault, active } = running
    const step = await this.#step(id, fault, 'stop', async () => ({ observed: await this.#inTime(active.stop()), result: true }))
    if (!('result' in step)) {
      this.#stopFailures.set(id, `stop-${fault.name} ${JSON.stringify(fault.value)}: ${step.error}`)
      return false
    }
    if (this.#stopFailures.delete(id)) this.#mendedLater += 1
    this.#running.splice(this.#running.indexOf(running), 1)
    this.#showStatus()
    return true
  }

  async #step<T>(id: number, fault: Fault, step: 'start' | 'stop', task: () => Promise<{ observed: unknown, result: T }>): Promise<{ result: T } | { error: string, notNow?: true }> {
    const { clock, record, recordFault } = this.#ports
    const f = `${step}-${fault.name}`
    const askedNs = clock.nowNs()
    const line = { fault: id, name: fault.name, step, value: fault.value, askedNs, sinceMainS: this.#sinceMainS(askedNs) }
    record({ type: 'info', process: 'nemesis', f, value: fault.value })
    try {
      const { observed, result } = await task()
      record({ type: 'info', process: 'nemesis', f, value: fault.value })
      recordFault({ ...line, doneNs: clock.nowNs(), observed, error: null })
      return { result }
    } catch (cause) {
      const error = (cause as Error)?.message ?? String(cause)
      if (step === 'start' && cause instanceof NotNowError) {
        record({ type: 'info', process: 'nemesis', f, value: fault.value, error: `not now: ${error}` })
        this.#skip(id, fault, error, askedNs)
        return { error, notNow: true }
      }
      record({ type: 'info', process: 'nemesis', f, value: fault.value, error })
      recordFault({ ...line, doneNs: clock.nowNs(), observed: null, error })
      return { error }
    }
  }

  /** A heal that hangs must not keep the others from being tried. Sleeps in small steps, so that no long timer outlives it. */
  async #inTime<T>(healing: Promise<T>): Promise<T> {
    let settled = false
    const done = healing.finally(() => {
      settled = true
    })
    done.catch(() => {})
    const late = async (): Promise<never> => {
      for (let waitedMs = 0; waitedMs < healTimeoutMs && !settled; waitedMs += timeoutGrainMs) await this.#ports.clock.sleep(timeoutGrainMs)
      throw new Error(`not mended within ${healTimeoutMs / 1000} s`)
    }
    const tooLate = late()
    tooLate.catch(() => {})
    return Promise.race([done, tooLate])
  }

  #sinceMainS(nowNs: number): number | null {
    const { mainStartedNs } = this.#ports.status
    return mainStartedNs === null ? null : (nowNs - mainStartedNs) / 1e9
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

/** What says nothing of itself goes first, as links do. */
const layerOf = (impact: Impact | undefined) => impact === undefined ? 0 : layers.indexOf(impact.layer)

function healingOrder(running: readonly RunningFault[]): RunningFault[] {
  return [...running].sort((a, b) => layerOf(a.fault.impact) - layerOf(b.fault.impact) || b.id - a.id)
}

/** `partition isolate-leader n2`. */
export function describeFault(fault: Fault): string {
  const value = fault.value as { readonly target?: string, readonly members?: readonly string[] } | null
  return [fault.name, value?.target, value?.members?.join(' ')].filter((part) => part !== undefined).join(' ')
}
