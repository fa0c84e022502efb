import type { HistoryEvent } from '../../harness/history/event.ts'
import type { FaultRecord } from '../../harness/runner/fault-record.ts'

/** What a page shows of a run that goes on; times in seconds of the run, counted from its first operation. */
export interface LiveState {
  readonly phase: 'starting' | 'running' | 'ending'
  readonly elapsedS: number
  readonly leftS: number
  readonly timeLimitS: number
  /** Ended so far. */
  readonly counts: { readonly ok: number, readonly fail: number, readonly info: number }
  readonly open: number
  /** Of the last seconds. */
  readonly perSecond: number
  readonly latencyMs: { readonly p50: number, readonly p99: number } | null
  readonly leader: string | null
  readonly faultsOn: readonly string[]
  /** One entry a second of the run, the last of them still filling. */
  readonly series: {
    readonly fromS: number
    readonly ok: readonly number[]
    readonly fail: readonly number[]
    readonly info: readonly number[]
    /** Of what succeeded then; null: nothing did. */
    readonly p50Ms: readonly (number | null)[]
    readonly p99Ms: readonly (number | null)[]
  }
}

interface Second { ok: number, fail: number, info: number, readonly tookMs: number[], quantiles: { p50: number, p99: number } | null }

/** Shown of a long run: its last minutes. */
const secondsMax = 300
const recentS = 3

/** Takes what a run writes, in the order in which it is written. Time comes in as an argument. */
export class LiveRun {
  readonly #timeLimitS: number
  readonly #open = new Map<number, number>()
  readonly #seconds: Second[] = []
  #firstSecond = 0
  readonly #counts = { ok: 0, fail: 0, info: 0 }
  readonly #faults = new Map<number, string>()
  #leader: string | null = null
  #startNs: number | null = null
  #lastNs = 0
  #lastSeenMs = 0

  constructor(timeLimitS: number) {
    this.#timeLimitS = timeLimitS
  }

  /** @param nowMs when it was read, by the clock that `state` is asked with */
  event(event: HistoryEvent, nowMs: number): void {
    this.#lastNs = Math.max(this.#lastNs, event.time)
    this.#lastSeenMs = nowMs
    if (event.process === 'nemesis') return
    if (event.type === 'invoke') {
      this.#startNs ??= event.time
      this.#open.set(event.process, event.time)
      return
    }
    const begunNs = this.#open.get(event.process)
    this.#open.delete(event.process)
    this.#counts[event.type]++
    const second = this.#second(Math.floor((event.time - (this.#startNs ?? event.time)) / 1e9))
    if (second === null) return
    second[event.type]++
    if (event.type === 'ok' && begunNs !== undefined) {
      second.tookMs.push((event.time - begunNs) / 1e6)
      second.quantiles = null
    }
  }

  fault({ fault, name, step, value, error }: FaultRecord): void {
    if (step === 'start') this.#faults.set(fault, faultText(name, value, error))
    // One that could not be ended is still on.
    else if (step === 'skip' || error === null) this.#faults.delete(fault)
  }

  leader(leader: string | null): void {
    this.#leader = leader
  }

  state(nowMs: number): LiveState {
    // The run's time goes on where nothing ends for a while.
    const sinceMs = this.#lastSeenMs === 0 ? 0 : Math.max(0, nowMs - this.#lastSeenMs)
    const elapsedS = this.#startNs === null ? 0 : (this.#lastNs - this.#startNs) / 1e9 + sinceMs / 1e3
    const last = this.#seconds.slice(-recentS - 1, -1)
    const ended = last.reduce((sum, { ok, fail, info }) => sum + ok + fail + info, 0)
    const series = this.#seconds.map(quantilesOf)
    return {
      phase: this.#startNs === null ? 'starting' : elapsedS < this.#timeLimitS ? 'running' : 'ending',
      elapsedS, leftS: Math.max(0, this.#timeLimitS - elapsedS), timeLimitS: this.#timeLimitS,
      counts: { ...this.#counts }, open: this.#open.size,
      perSecond: last.length === 0 ? 0 : ended / last.length,
      latencyMs: quantile(last.flatMap(({ tookMs }) => tookMs)),
      leader: this.#leader, faultsOn: [...this.#faults.values()],
      series: {
        fromS: this.#firstSecond,
        ok: this.#seconds.map(({ ok }) => ok), fail: this.#seconds.map(({ fail }) => fail), info: this.#seconds.map(({ info }) => info),
        p50Ms: series.map((one) => one?.p50 ?? null), p99Ms: series.map((one) => one?.p99 ?? null),
      },
    }
  }

  /** Null: too long ago to be shown. */
  #second(number: number): Second | null {
    while (this.#firstSecond + this.#seconds.length <= number) {
      this.#seconds.push({ ok: 0, fail: 0, info: 0, tookMs: [], quantiles: null })
      if (this.#seconds.length > secondsMax) {
        this.#seconds.shift()
        this.#firstSecond++
      }
    }
    return this.#seconds[number - this.#firstSecond] ?? null
  }
}

function quantilesOf(second: Second): { p50: number, p99: number } | null {
  return second.quantiles ??= quantile(second.tookMs)
}

function quantile(values: readonly number[]): { p50: number, p99: number } | null {
  if (values.length === 0) return null
  const sorted = [...values].sort((a, b) => a - b)
  const at = (q: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))]!
  return { p50: at(0.5), p99: at(0.99) }
}

function faultText(name: string, value: unknown, error: string | null): string {
  const { target, members } = (value ?? {}) as { readonly target?: unknown, readonly members?: unknown }
  return [name, ...typeof target === 'string' ? [target] : [], ...Array.isArray(members) ? [members.join(' ')] : [], ...error === null ? [] : ['(its start failed)']].join(' ')
}
