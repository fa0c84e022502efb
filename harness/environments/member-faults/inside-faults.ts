import type { ClockSkew, Clocks, DiskTrouble, Effect, SkewClock, TroubleDisk } from '../capabilities.ts'
import { type ControlLine, MemberEndedError } from './control-line.ts'
import { noFaults, type ActiveSkew, type ControlAnswer, type MemberFaultState } from './state.ts'

const answerTimeoutMs = 5_000
/** What a clock may be off by: the answer's way, and a busy machine. */
const clockToleranceMs = 250
/** A rate is measured over so long, or until this much difference has come together. */
const rateSpanMsMin = 500
const rateSpanMsMax = 5_000
const rateDifferenceMs = 25
const samplePauseMs = 10

type Reading = Extract<ControlAnswer, { kind: 'clock' }> & { readonly realWallMs: number, readonly realMonotonicMs: number }

/**
 * Faults that are made inside a member's process: its clocks and its disk. Keeps
 * what is wrong with each member over restarts; a member that does not run is told when it starts.
 */
export class InsideFaults {
  readonly skewClock: SkewClock = {
    kinds: ['jump', 'strobe', 'drift'], clocks: ['wall', 'all'],
    skew: (member, skew, clocks) => this.#skew(member, skew, clocks),
  }
  readonly troubleDisk: TroubleDisk = {
    kinds: ['full', 'slow', 'read-only'],
    trouble: (member, trouble) => this.#trouble(member, trouble),
  }
  readonly #states = new Map<string, MemberFaultState>()
  readonly #lineOf: (member: string) => ControlLine | null

  /** @param lineOf null where the member does not run */
  constructor(lineOf: (member: string) => ControlLine | null) {
    this.#lineOf = lineOf
  }

  /** For a process that is about to start. */
  stateOf(member: string): MemberFaultState {
    return this.#states.get(member) ?? noFaults
  }

  async #skew(member: string, skew: ClockSkew, clocks: Clocks): Promise<Effect> {
    const active: ActiveSkew = { skew, clocks, sinceMs: Date.now() }
    const before = await this.#read(member)
    const undo = () => this.#change(member, (state) => ({ ...state, skews: state.skews.filter((one) => one !== active) }))
    await this.#change(member, (state) => ({ ...state, skews: [...state.skews, active] }))
    try {
      const observed = await this.#proveSkew(member, skew, before)
      return { observed, heal: async () => { await undo(); return await this.#proveRight(member) } }
    } catch (error) {
      await undo().catch(() => {})
      throw error
    }
  }

  async #trouble(member: string, trouble: DiskTrouble): Promise<Effect> {
    const own = { ...trouble }
    const undo = () => this.#change(member, (state) => ({ ...state, troubles: state.troubles.filter((one) => one !== own) }))
    try {
      const seen = await this.#change(member, (state) => ({ ...state, troubles: [...state.troubles, own] }))
      if (seen === null) throw new Error(`${member} does not run: nothing inside it can be seen`)
      const wrong = own.kind === 'slow' ? seen.syncMs < own.syncMs ? `a sync took ${seen.syncMs.toFixed(1)} ms` : null
        : seen.error === null ? 'a write succeeded' : null
      if (wrong !== null) throw new Error(`${member}'s disk is not ${own.kind}: ${wrong}`)
      return { observed: seen, heal: async () => this.#proveSound(member, await undo()) }
    } catch (error) {
      await undo().catch(() => {})
      throw error
    }
  }

  /** What its disk does then; null for one that does not run: it gets the state when it starts. */
  async #change(member: string, change: (state: MemberFaultState) => MemberFaultState): Promise<DiskSeen | null> {
    const state = change(this.stateOf(member))
    this.#states.set(member, state)
    const line = this.#lineOf(member)
    if (line === null) return null
    try {
      return diskSeen(member, await line.ask({ ask: 'set', state }, this.#diskTimeoutMs(member)))
    } catch (error) {
      // What was wrong with it may end a member at any moment.
      if (error instanceof MemberEndedError) return null
      throw error
    }
  }

  async #read(member: string): Promise<Reading> {
    const [wallBefore, monotonicBefore] = [Date.now(), performance.now()]
    const answer = await this.#line(member).ask({ ask: 'clock' }, answerTimeoutMs)
    if (answer.kind !== 'clock') throw new Error(`${member} was asked for its clock and answered ${answer.kind}`)
    return { ...answer, realWallMs: (wallBefore + Date.now()) / 2, realMonotonicMs: (monotonicBefore + performance.now()) / 2 }
  }

  #diskTimeoutMs(member: string): number {
    return this.stateOf(member).troubles.reduce((sum, one) => sum + (one.kind === 'slow' ? one.syncMs : 0), answerTimeoutMs)
  }

  #line(member: string): ControlLine {
    const line = this.#lineOf(member)
    if (line === null) throw new Error(`${member} does not run: nothing inside it can be seen`)
    return line
  }

  /** What the member itself reads has changed by what was asked. Rejects if it has not. */
  async #proveSkew(member: string, skew: ClockSkew, before: Reading): Promise<unknown> {
    const offsetBeforeMs = before.wallMs - before.realWallMs
    switch (skew.kind) {
      case 'jump': {
        const now = await this.#read(member)
        const movedMs = now.wallMs - now.realWallMs - offsetBeforeMs
        if (Math.abs(movedMs - skew.offsetMs) > clockToleranceMs) throw new Error(`${member}'s clock moved by ${Math.round(movedMs)} ms; asked were ${skew.offsetMs} ms`)
        return { movedMs: Math.round(movedMs) }
      }
      case 'strobe': {
        const seen = new Set<boolean>()
        const endMs = performance.now() + 3 * skew.periodMs + answerTimeoutMs
        while (seen.size < 2) {
          const now = await this.#read(member)
          const movedMs = now.wallMs - now.realWallMs - offsetBeforeMs
          seen.add(Math.abs(movedMs) > Math.abs(skew.offsetMs) / 2)
          if (performance.now() > endMs) throw new Error(`${member}'s clock does not jump to and fro; it was off by ${Math.round(movedMs)} ms`)
          await new Promise((resolve) => setTimeout(resolve, samplePauseMs))
        }
        return { seen: 'both sides' }
      }
      case 'drift': {
        const start = await this.#read(member)
        const spanMs = Math.min(rateSpanMsMax, Math.max(rateSpanMsMin, rateDifferenceMs / Math.abs(skew.rate - 1)))
        await new Promise((resolve) => setTimeout(resolve, spanMs))
        const end = await this.#read(member)
        const passedMs = end.realMonotonicMs - start.realMonotonicMs
        const gainedMs = end.wallMs - start.wallMs - passedMs
        const expectedMs = passedMs * (skew.rate - 1)
        if (gainedMs * expectedMs <= 0 || Math.abs(gainedMs - expectedMs) > Math.abs(expectedMs) / 2 + 5) {
          throw new Error(`${member}'s clock gained ${gainedMs.toFixed(1)} ms in ${passedMs.toFixed(0)} ms; asked were ${expectedMs.toFixed(1)}`)
        }
        return { gainedMs: Math.round(gainedMs * 10) / 10, inMs: Math.round(passedMs) }
      }
    }
  }

  async #proveRight(member: string): Promise<unknown> {
    if (this.stateOf(member).skews.length > 0 || this.#lineOf(member) === null) return { proven: 'nothing to see: it does not run, or is wrong in another way' }
    const now = await this.#read(member)
    const offMs = now.wallMs - now.realWallMs
    if (Math.abs(offMs) > clockToleranceMs) throw new Error(`${member}'s clock is still off by ${Math.round(offMs)} ms`)
    return { offMs: Math.round(offMs) }
  }

  #proveSound(member: string, seen: DiskSeen | null): unknown {
    if (this.stateOf(member).troubles.length > 0 || seen === null) return { proven: 'nothing to see: it does not run, or its disk is troubled in another way' }
    if (seen.error !== null) throw new Error(`${member}'s disk still fails: ${seen.error}`)
    return seen
  }
}

interface DiskSeen {
  readonly error: string | null
  readonly syncMs: number
}

function diskSeen(member: string, answer: ControlAnswer): DiskSeen {
  if (answer.kind !== 'disk') throw new Error(`${member} was asked for its disk and answered ${answer.kind}`)
  return { error: answer.error, syncMs: answer.syncMs }
}
