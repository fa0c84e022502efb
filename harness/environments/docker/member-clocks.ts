import type { Clocks, ClockSkew, Effect, SkewClock } from '../environment.ts'
import { pollUntil } from './deadline.ts'
import { messageOf } from './engine.ts'

/**
 * Clocks of members that lie: docker/skewed-clock.c, loaded into the member's
 * process, adds what a small file says. The file is on a volume of the run that
 * the member sees read-only; never is the host's clock touched.
 *
 * Not libfaketime: it opens and reads its file at every look at the clock (11 µs
 * instead of 0.4 µs with Node), and only at its start can it be told whether
 * the monotonic clock lies too.
 */

/** Where the volume is, in namespace containers and (read-only) in members. */
export const clocksPath = '/run/splitbrain-clocks'

/** For a member's process. */
export function clockEnvironment(member: string): Record<string, string> {
  return { LD_PRELOAD: '/opt/splitbrain/skewed-clock.so', SPLITBRAIN_CLOCK: `${clocksPath}/${member}` }
}

/** Ends with 0 where a program that has the library loaded sees a clock that is some twelve years ahead. */
export const tryClockScript = `python3 -c 'import struct; open("/tmp/clock", "wb").write(struct.pack("=10q", 0, 1, 4 * 10 ** 17, *[0] * 7).ljust(4096, bytes(1)))' \\
  && test "$(SPLITBRAIN_CLOCK=/tmp/clock LD_PRELOAD=/opt/splitbrain/skewed-clock.so date +%Y)" -gt "$(( $(date +%Y) + 10 ))" || { ls -l /opt/splitbrain/skewed-clock.so; false; }`

const nsPerMs = 1_000_000
const billion = 1_000_000_000n
const slotWords = 9
/** From when something is written until it takes effect: longer than the writing takes. */
const leadNs = 400n * 1_000_000n

/** One slot of the state file, as docker/skewed-clock.c has it. */
export interface ClockSlot {
  readonly wall: boolean
  readonly offsetNs: bigint
  readonly sinceNs: bigint
  readonly untilNs: bigint
  readonly wallPpb: bigint
  readonly monotonicPpb: bigint
  /** By how much the monotonic clock leads for good. */
  readonly monotonicNs: bigint
  readonly strobeNs: bigint
  readonly periodNs: bigint
}

const farNs = 2n ** 62n
export const trueClock: ClockSlot = {
  wall: false, offsetNs: 0n, sinceNs: 0n, untilNs: 0n, wallPpb: 0n, monotonicPpb: 0n, monotonicNs: 0n, strobeNs: 0n, periodNs: 0n,
}

/**
 * The slot for a skew. A monotonic clock cannot go back, so of `all` clocks it
 * follows a jump forward and a drift, for good, and stays where it is otherwise.
 * @param nowNs the machine's monotonic clock
 */
export function skewedSlot(before: ClockSlot, skew: ClockSkew, clocks: Clocks, nowNs: bigint): ClockSlot {
  const ns = (ms: number) => BigInt(Math.round(ms * nsPerMs))
  const calm = { ...trueClock, wall: true, monotonicNs: monotonicLead(before), sinceNs: nowNs + leadNs, untilNs: farNs }
  switch (skew.kind) {
    case 'jump': return { ...calm, offsetNs: ns(skew.offsetMs), monotonicNs: calm.monotonicNs + (clocks === 'all' && skew.offsetMs > 0 ? ns(skew.offsetMs) : 0n) }
    case 'drift': {
      const ppb = BigInt(Math.round((skew.rate - 1) * 1e9))
      return { ...calm, wallPpb: ppb, monotonicPpb: clocks === 'all' ? ppb : 0n }
    }
    // To and fro within one period.
    case 'strobe': return { ...calm, strobeNs: ns(skew.offsetMs), periodNs: ns(Math.max(1, skew.periodMs / 2)) }
    default: return skew satisfies never
  }
}

/** The slot in which the wall clock is right again, and the monotonic one stops to gain or lose. */
export function healedSlot(skewed: ClockSlot, nowNs: bigint): ClockSlot {
  return { ...skewed, wall: false, offsetNs: 0n, wallPpb: 0n, strobeNs: 0n, periodNs: 0n, untilNs: nowNs + leadNs }
}

/** By how much the monotonic clock leads when a slot's time is over; divided as in C. */
export function monotonicLead({ monotonicNs, monotonicPpb, sinceNs, untilNs }: ClockSlot): bigint {
  const passed = monotonicPpb === 0n || untilNs <= sinceNs ? 0n : untilNs - sinceNs
  return monotonicNs + passed / billion * monotonicPpb + passed % billion * monotonicPpb / billion
}

export function slotBytes({ wall, offsetNs, sinceNs, untilNs, wallPpb, monotonicPpb, monotonicNs, strobeNs, periodNs }: ClockSlot): Buffer {
  const bytes = Buffer.alloc(slotWords * 8)
  for (const [i, word] of [wall ? 1n : 0n, offsetNs, sinceNs, untilNs, wallPpb, monotonicPpb, monotonicNs, strobeNs, periodNs].entries()) bytes.writeBigInt64LE(word, i * 8)
  return bytes
}

/** How far the clocks that a process sees are from the machine's own, ms. */
export interface ClockDifference {
  readonly wallMs: number
  readonly monotonicMs: number
}

export interface ClockPorts {
  /** Runs a script in the member's namespace container, whose clocks are the machine's. */
  readonly run: (member: string, script: string) => Promise<string>
  /** Runs a script in the member's own container, with what its process has loaded; null when the member does not run. */
  readonly within: (member: string, script: string) => Promise<string | null>
  /** The wall clock that the member itself reports (its HTTP answers' `Date`, whole seconds) less the true one, ms; null when it does not answer. */
  readonly reported: (member: string) => Promise<number | null>
}

/** Prints the machine's monotonic clock, and by how much the time since its boot is more. */
const machineScript = `python3 -c 'import time; m = time.monotonic_ns(); print(m, time.clock_gettime_ns(7) - m)'`
/** The kernel's own time comes from where no library is asked: when a file was changed, and how long the machine has run. */
const differenceScript = `python3 -c '
import os, time
path = "/tmp/.splitbrain-clock"
with open(path, "w") as file: file.write("x")
wall = time.time_ns() - os.stat(path).st_mtime_ns
with open("/proc/uptime") as file: up = float(file.read().split()[0])
print(wall, time.monotonic_ns() - int(up * 1e9))'`

const proofTimeoutMs = 8_000
const proofPollMs = 50
/** The kernel's numbers have a resolution of some 10 ms, and the reader may be interrupted between two of them. */
const readingSlackMs = 100
const driftProofMs = 1_000
/** So long is a member's own answer waited for; one that hangs for another reason has none. */
const ownAnswerWaitMs = 3_000

export class MemberClocks implements SkewClock {
  readonly kinds = ['jump', 'strobe', 'drift'] as const
  readonly clocks = ['wall', 'all'] as const
  readonly #ports: ClockPorts
  readonly #slots = new Map<string, { readonly slot: ClockSlot, readonly place: 0 | 1 }>()
  readonly #skewed = new Set<string>()

  constructor(ports: ClockPorts) {
    this.#ports = ports
  }

  /** Makes a member's file, before its first start. */
  async prepare(member: string): Promise<void> {
    await this.#write(member, trueClock)
  }

  async skew(member: string, skew: ClockSkew, clocks: Clocks): Promise<Effect> {
    if (this.#skewed.has(member)) throw new Error(`The clock of ${member} is skewed already`)
    this.#skewed.add(member)
    const before = this.#slots.get(member)?.slot ?? trueClock
    let [healed, leadMs] = [false, toMs(Number(monotonicLead(before)))]
    const heal = async () => {
      if (healed) return null
      try {
        const slot = this.#slots.get(member)!.slot
        if (slot.wall) {
          await this.#write(member, healedSlot(slot, (await this.#machine(member)).monotonicNs))
          leadMs = toMs(Number(monotonicLead(this.#slots.get(member)!.slot)))
        }
        const seen = await this.#prove(member, null, 'all', leadMs)
        healed = true
        this.#skewed.delete(member)
        return seen
      } catch (error) {
        throw new Error(`The clock of ${member} could not be set right: ${messageOf(error)}`, { cause: error })
      }
    }
    try {
      const slot = skewedSlot(before, skew, clocks, (await this.#machine(member)).monotonicNs)
      await this.#write(member, slot)
      return { observed: await this.#prove(member, skew, clocks, toMs(Number(slot.monotonicNs))), heal }
    } catch (error) {
      await heal().catch(() => {})
      throw new Error(`The clock of ${member} could not be skewed: ${messageOf(error)}`, { cause: error })
    }
  }

  /** In place, for the member has the file mapped: the slot that is not in force, then the word that says which is. */
  async #write(member: string, slot: ClockSlot): Promise<void> {
    const place = this.#slots.get(member)?.place === 0 ? 1 : 0
    const octal = (bytes: Buffer) => [...bytes].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('')
    const put = (bytes: Buffer, word: number) => `printf '${octal(bytes)}' | dd of=${clocksPath}/${member} bs=${bytes.length} seek=${word * 8} oflag=seek_bytes conv=notrunc iflag=fullblock status=none`
    const inForce = Buffer.alloc(8)
    inForce.writeBigInt64LE(BigInt(place))
    // A file of full length first: what is mapped beyond the end of a file must not be read.
    const script = [put(slotBytes(slot), 1 + place * slotWords), put(inForce, 0), `truncate -s '>${(1 + 2 * slotWords) * 8}' ${clocksPath}/${member}`]
    await this.#ports.run(member, script.join(' && '))
    this.#slots.set(member, { slot, place })
  }

  /** Reads the clocks until they say what they should. Null skew: the true time. */
  async #prove(member: string, skew: ClockSkew | null, clocks: Clocks, leadMs: number): Promise<unknown> {
    let problem = ''
    const readings: TimedDifference[] = []
    const answerByMs = performance.now() + (needsOwnAnswer(skew) ? ownAnswerWaitMs : 0)
    return await pollUntil(async () => {
      const { monotonicNs, bootLeadNs } = await this.#machine(member)
      const [printed, reportedMs] = await Promise.all([this.#ports.within(member, differenceScript), this.#ports.reported(member)])
      // A dead member has no clock; it will have this one when it starts.
      if (printed === null) return { running: false }
      const [wallNs, monotonicLagNs] = printed.trim().split(' ').map(Number)
      const seen = { wallMs: toMs(wallNs!), monotonicMs: toMs(monotonicLagNs! + Number(bootLeadNs)), atMs: Number(monotonicNs) / nsPerMs }
      readings.push(seen)
      problem = clockProblem(skew, clocks, readings, reportedMs, leadMs) ?? ''
      if (problem === '' && reportedMs === null && performance.now() < answerByMs) return null
      return problem === '' ? { wallMs: seen.wallMs, monotonicMs: seen.monotonicMs, reportedWallMs: reportedMs } : null
    }, proofPollMs, proofTimeoutMs + (skew?.kind === 'drift' ? driftSpanMs(skew.rate) : 0), () => problem)
  }

  async #machine(member: string): Promise<{ readonly monotonicNs: bigint, readonly bootLeadNs: bigint }> {
    const [monotonicNs, bootLeadNs] = (await this.#ports.run(member, machineScript)).trim().split(' ').map(BigInt)
    return { monotonicNs: monotonicNs!, bootLeadNs: bootLeadNs! }
  }
}

/** A drift is less than `Date` shows, and a strobe is either way. */
function needsOwnAnswer(skew: ClockSkew | null): boolean {
  return skew === null || skew.kind === 'jump'
}

function toMs(ns: number): number {
  return Math.round(ns / nsPerMs)
}

/** So long must a drift be looked at until it has gained more than a reading can be wrong. */
export function driftSpanMs(rate: number): number {
  return Math.max(driftProofMs, 100 / Math.abs(rate - 1))
}

interface TimedDifference extends ClockDifference {
  /** By the machine's monotonic clock. */
  readonly atMs: number
}

/**
 * Null where the clocks are as asked, or what is wrong.
 * @param readings differences from the true clocks, oldest first
 * @param leadMs by how much the monotonic clock is to lead (a drift adds to it)
 */
export function clockProblem(
  skew: ClockSkew | null, clocks: Clocks, readings: readonly TimedDifference[], reportedWallMs: number | null, leadMs: number,
): string | null {
  const last = readings.at(-1)!
  const says = `the wall clock differs by ${last.wallMs} ms (reported: ${reportedWallMs ?? 'nothing'}), the monotonic one by ${last.monotonicMs} ms`
  const near = (value: number, wanted: number, slackMs = readingSlackMs) => Math.abs(value - wanted) <= slackMs
  // `Date` has whole seconds and is made once a second, so it is up to two seconds old.
  const reportedFits = (wanted: number) => reportedWallMs === null || (reportedWallMs <= wanted + 500 && reportedWallMs >= wanted - 2_500)
  if (skew === null) return near(last.wallMs, 0) && near(last.monotonicMs, leadMs) && reportedFits(0) ? null : says
  switch (skew.kind) {
    case 'jump':
      return near(last.wallMs, skew.offsetMs) && near(last.monotonicMs, leadMs) && reportedFits(skew.offsetMs) ? null : says
    case 'strobe': {
      // Both of its states must have been seen.
      const far = readings.find(({ wallMs }) => near(wallMs, skew.offsetMs, Math.abs(skew.offsetMs) / 2 - 1))
      const here = readings.find(({ wallMs }) => near(wallMs, 0, Math.abs(skew.offsetMs) / 2 - 1))
      return far !== undefined && here !== undefined && near(last.monotonicMs, leadMs) ? null : `it was not seen to jump to and fro; ${says}`
    }
    case 'drift': {
      const first = readings.find(({ wallMs }) => Math.abs(wallMs) > 0) ?? last
      const passedMs = last.atMs - first.atMs
      const wantedMs = passedMs * (skew.rate - 1)
      const gained = { wallMs: last.wallMs - first.wallMs, monotonicMs: last.monotonicMs - first.monotonicMs }
      if (passedMs < driftSpanMs(skew.rate)) return `too little time has passed; ${says}`
      // Half of it before the drift has begun, at most.
      const slackMs = Math.abs(wantedMs) * 0.5 + 20
      return near(gained.wallMs, wantedMs, slackMs) && near(gained.monotonicMs, clocks === 'all' ? wantedMs : 0, slackMs)
        ? null : `within ${Math.round(passedMs)} ms the wall clock gained ${gained.wallMs} ms, the monotonic one ${gained.monotonicMs} ms`
    }
    default: return skew satisfies never
  }
}
