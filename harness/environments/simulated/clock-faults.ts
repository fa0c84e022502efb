import { unreachable } from '../../../node/base/assert.ts'
import type { ClockSkew, Clocks, Effect, SkewClock } from '../environment.ts'
import { effect } from './effect.ts'
import type { SimulatedMember } from './member.ts'
import type { VirtualTime } from './virtual-time.ts'

/** What rounding may leave of a clock. */
const clockToleranceMs = 0.01
const driftProbeMs = 1000

/** Clocks that lie, each proven by reading them as the member does. */
export class ClockFaults implements SkewClock {
  readonly kinds = ['jump', 'strobe', 'drift'] as const
  readonly clocks = ['wall', 'all'] as const
  readonly #time: VirtualTime
  readonly #member: (name: string) => SimulatedMember

  constructor(time: VirtualTime, member: (name: string) => SimulatedMember) {
    this.#time = time
    this.#member = member
  }

  async skew(name: string, skew: ClockSkew, clocks: Clocks): Promise<Effect> {
    const member = this.#member(name)
    const { clock } = member
    const before = this.#clockOf(member)
    const end = clock.skew(skew, clocks)
    try {
      const observed = await this.#proveSkewed(member, skew, clocks, before)
      return effect(observed, async () => {
        const wrongMs = clock.wallErrorMs
        end()
        const leftMs = clock.wallErrorMs
        const rate = await this.#monotonicRate(member)
        if (clock.skewCount === 0 && (Math.abs(leftMs) > clockToleranceMs || Math.abs(rate - 1) > 1e-6)) {
          throw new Error(`${name}'s clock is healed, and still ${leftMs} ms off at a rate of ${rate}`)
        }
        return { wallErrorMsBefore: wrongMs, wallErrorMs: leftMs, monotonicRate: rate }
      })
    } catch (error) {
      end()
      throw error
    }
  }

  async #proveSkewed(member: SimulatedMember, skew: ClockSkew, clocks: Clocks, before: ClockReading): Promise<unknown> {
    switch (skew.kind) {
      case 'jump': {
        const { wallErrorMs, monotonicErrorMs } = this.#clockOf(member)
        const jumpedMs = wallErrorMs - before.wallErrorMs
        if (Math.abs(jumpedMs - skew.offsetMs) > clockToleranceMs) throw new Error(`${member.name}'s clock jumped by ${jumpedMs} ms, not by ${skew.offsetMs}`)
        return { wallJumpedMs: jumpedMs, monotonicJumpedMs: monotonicErrorMs - before.monotonicErrorMs }
      }
      case 'strobe': {
        const seen = new Set<number>()
        for (let n = 0; n < 4; n++) {
          seen.add(Math.round(this.#clockOf(member).wallErrorMs - before.wallErrorMs))
          await this.#time.sleep(skew.periodMs / 2)
        }
        if (seen.size < 2) throw new Error(`${member.name}'s clock is to jump to and fro, and stood at ${[...seen].join(', ')} ms`)
        return { wallErrorsMs: [...seen] }
      }
      case 'drift': {
        const startMs = member.clock.wallMs()
        const monotonicRate = await this.#monotonicRate(member)
        const wallRate = (member.clock.wallMs() - startMs) / driftProbeMs
        const wanted = clocks === 'all' ? Math.abs(monotonicRate / before.rate - skew.rate) : Math.abs(monotonicRate - before.rate)
        if (wanted > 1e-3 || Math.abs(wallRate - 1) < Math.abs(skew.rate - 1) / 1000) {
          throw new Error(`${member.name}'s clocks are to run at ${skew.rate} (${clocks}): the wall clock runs at ${wallRate}, the monotonic one at ${monotonicRate}`)
        }
        return { wallRate, monotonicRate }
      }
      default: return unreachable(skew)
    }
  }

  #clockOf(member: SimulatedMember): ClockReading {
    const { clock } = member
    return { wallErrorMs: clock.wallErrorMs, monotonicErrorMs: clock.monotonicMs() - this.#time.nowNs() / 1e6, rate: clock.rate }
  }

  async #monotonicRate(member: SimulatedMember): Promise<number> {
    const startMs = member.clock.monotonicMs()
    await this.#time.sleep(driftProbeMs)
    return (member.clock.monotonicMs() - startMs) / driftProbeMs
  }
}

interface ClockReading {
  readonly wallErrorMs: number
  readonly monotonicErrorMs: number
  readonly rate: number
}
