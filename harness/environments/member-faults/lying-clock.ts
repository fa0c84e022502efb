import type { ActiveSkew } from './state.ts'

/** The machine's clocks, in ms. */
export interface RealClocks {
  readonly wallMs: () => number
  readonly monotonicMs: () => number
}

/**
 * Two clocks made from the machine's and what is wrong with them. The wall clock
 * is off by the sum of all skews, and right again when there is none. The
 * monotonic one only ever goes on: it follows jumps forward and wrong rates, keeps
 * what it has gained, and no jump back touches it.
 */
export class LyingClock {
  readonly #real: RealClocks
  #skews: readonly ActiveSkew[] = []
  /** Of the monotonic clock: what it had gained when its skews changed last, and when that was. */
  #gainedMs = 0
  #changedMs: number
  #rateOff = 0
  #latestMs = -Infinity

  constructor(real: RealClocks) {
    this.#real = real
    this.#changedMs = real.monotonicMs()
  }

  set(skews: readonly ActiveSkew[]): void {
    const nowMs = this.#real.monotonicMs()
    this.#gainedMs += (nowMs - this.#changedMs) * this.#rateOff
    this.#changedMs = nowMs
    this.#rateOff = 0
    for (const active of skews) {
      if (active.clocks !== 'all') continue
      const { skew } = active
      if (skew.kind === 'drift') this.#rateOff += skew.rate - 1
      if (skew.kind === 'jump' && skew.offsetMs > 0 && !this.#skews.some((old) => isSame(old, active))) this.#gainedMs += skew.offsetMs
    }
    this.#skews = skews
  }

  wallMs(): number {
    const realMs = this.#real.wallMs()
    return this.#skews.reduce((sum, active) => sum + offsetMs(active, realMs), realMs)
  }

  monotonicMs(): number {
    const realMs = this.#real.monotonicMs()
    // A rate that changes by rounding must not show as a step back.
    return this.#latestMs = Math.max(this.#latestMs, realMs + this.#gainedMs + (realMs - this.#changedMs) * this.#rateOff)
  }
}

/** How far one skew puts the wall clock off. */
function offsetMs({ skew, sinceMs }: ActiveSkew, realMs: number): number {
  switch (skew.kind) {
    case 'jump': return skew.offsetMs
    case 'strobe': return Math.floor((realMs - sinceMs) / skew.periodMs) % 2 === 0 ? skew.offsetMs : 0
    case 'drift': return (realMs - sinceMs) * (skew.rate - 1)
  }
}

const isSame = (a: ActiveSkew, b: ActiveSkew) => a.sinceMs === b.sinceMs && JSON.stringify(a.skew) === JSON.stringify(b.skew)

/** From now on every reader of this process's clocks is lied to; timers go by the kernel's. */
export function installClock(clock: LyingClock): void {
  const RealDate = Date
  const now = () => Math.floor(clock.wallMs())
  globalThis.Date = new Proxy(RealDate, {
    // `Date()` without `new` gives text; arguments mean a given time, not now.
    apply: () => new RealDate(now()).toString(),
    construct: (target, args, newTarget) => Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget) as object,
    get: (target, name) => name === 'now' ? now : Reflect.get(target, name) as unknown,
  })
  performance.now = () => clock.monotonicMs()
  const hrtime = (before?: [number, number]): [number, number] => {
    const nowNs = BigInt(Math.round(clock.monotonicMs() * 1e6))
    const ns = before === undefined ? nowNs : nowNs - BigInt(before[0]) * 1_000_000_000n - BigInt(before[1])
    return [Number(ns / 1_000_000_000n), Number(ns % 1_000_000_000n)]
  }
  process.hrtime = Object.assign(hrtime, { bigint: () => BigInt(Math.round(clock.monotonicMs() * 1e6)) })
}
