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

const stateWords = 6
const nsPerMs = 1_000_000

/** The words of the state file, as docker/skewed-clock.c has them. @param sinceNs the machine's monotonic clock */
export function clockState(skew: ClockSkew | null, clocks: Clocks, sinceNs: bigint): Buffer {
  const words: readonly bigint[] = skew === null ? [] : [clocks === 'all' ? 3n : 1n, ...skewWords(skew, sinceNs)]
  const state = Buffer.alloc(stateWords * 8)
  words.forEach((word, i) => state.writeBigInt64LE(word, i * 8))
  return state
}

function skewWords(skew: ClockSkew, sinceNs: bigint): readonly bigint[] {
  const ns = (ms: number) => BigInt(Math.round(ms * nsPerMs))
  switch (skew.kind) {
    case 'jump': return [ns(skew.offsetMs), sinceNs, 0n, 0n, 0n]
    case 'drift': return [0n, sinceNs, BigInt(Math.round((skew.rate - 1) * 1e9)), 0n, 0n]
    // To and fro within one period.
    case 'strobe': return [0n, sinceNs, 0n, ns(skew.offsetMs), ns(Math.max(1, skew.periodMs / 2))]
    default: return skew satisfies never
  }
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

export class MemberClocks implements SkewClock {
  readonly kinds = ['jump', 'strobe', 'drift'] as const
  readonly clocks = ['wall', 'all'] as const
  readonly #ports: ClockPorts
  readonly #skewed = new Map<string, ClockSkew>()

  constructor(ports: ClockPorts) {
    this.#ports = ports
  }

  /** Sets a member's clock right; before its first start this makes the file. */
  async reset(member: string): Promise<void> {
    await this.#write(member, clockState(null, 'wall', 0n))
  }

  async skew(member: string, skew: ClockSkew, clocks: Clocks): Promise<Effect> {
    if (this.#skewed.has(member)) throw new Error(`The clock of ${member} is skewed already`)
    this.#skewed.set(member, skew)
    let healed = false
    const heal = async () => {
      if (healed) return null
      try {
        await this.reset(member)
        const seen = await this.#prove(member, null, 'all')
        healed = true
        this.#skewed.delete(member)
        return seen
      } catch (error) {
        throw new Error(`The clock of ${member} could not be set right: ${messageOf(error)}`, { cause: error })
      }
    }
    try {
      const { monotonicNs } = await this.#machine(member)
      await this.#write(member, clockState(skew, clocks, monotonicNs))
      return { observed: await this.#prove(member, skew, clocks), heal }
    } catch (error) {
      await heal().catch(() => {})
      throw new Error(`The clock of ${member} could not be skewed: ${messageOf(error)}`, { cause: error })
    }
  }

  /** In place, for the member has the file mapped: off first, so that no reader sees half of the old and half of the new. */
  async #write(member: string, state: Buffer): Promise<void> {
    const octal = (bytes: Buffer) => [...bytes].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('')
    const file = `${clocksPath}/${member}`
    const put = (bytes: Buffer, at: number) => `printf '${octal(bytes)}' | dd of=${file} bs=8 seek=${at} conv=notrunc iflag=fullblock status=none`
    await this.#ports.run(member, [put(Buffer.alloc(8), 0), put(state.subarray(8), 1), put(state.subarray(0, 8), 0)].join(' && '))
  }

  /** Reads the clocks until they say what they should. Null skew: the true time. */
  async #prove(member: string, skew: ClockSkew | null, clocks: Clocks): Promise<unknown> {
    let problem = ''
    const readings: TimedDifference[] = []
    return await pollUntil(async () => {
      const { monotonicNs, bootLeadNs } = await this.#machine(member)
      const [printed, reportedMs] = await Promise.all([this.#ports.within(member, differenceScript), this.#ports.reported(member)])
      // A dead member has no clock; it will have this one when it starts.
      if (printed === null) return { running: false }
      const [wallNs, monotonicLagNs] = printed.trim().split(' ').map(Number)
      const seen = { wallMs: toMs(wallNs!), monotonicMs: toMs(monotonicLagNs! + Number(bootLeadNs)), atMs: Number(monotonicNs) / nsPerMs }
      readings.push(seen)
      problem = clockProblem(skew, clocks, readings, reportedMs) ?? ''
      return problem === '' ? { wallMs: seen.wallMs, monotonicMs: seen.monotonicMs, reportedWallMs: reportedMs } : null
    }, proofPollMs, proofTimeoutMs, () => problem)
  }

  async #machine(member: string): Promise<{ readonly monotonicNs: bigint, readonly bootLeadNs: bigint }> {
    const [monotonicNs, bootLeadNs] = (await this.#ports.run(member, machineScript)).trim().split(' ').map(BigInt)
    return { monotonicNs: monotonicNs!, bootLeadNs: bootLeadNs! }
  }
}

function toMs(ns: number): number {
  return Math.round(ns / nsPerMs)
}

interface TimedDifference extends ClockDifference {
  /** By the machine's monotonic clock. */
  readonly atMs: number
}

/** Differences from the true clocks, oldest first. Null where they are as asked, or what is wrong. */
export function clockProblem(
  skew: ClockSkew | null, clocks: Clocks, readings: readonly TimedDifference[], reportedWallMs: number | null,
): string | null {
  const last = readings.at(-1)!
  const says = `the wall clock differs by ${last.wallMs} ms (reported: ${reportedWallMs ?? 'nothing'}), the monotonic one by ${last.monotonicMs} ms`
  const near = (value: number, wanted: number, slackMs = readingSlackMs) => Math.abs(value - wanted) <= slackMs
  const monotonicWanted = (wanted: number) => (clocks === 'all' && skew !== null ? wanted : 0)
  // `Date` has whole seconds and is made once a second, so it is up to two seconds old.
  const reportedFits = (wanted: number) => reportedWallMs === null || (reportedWallMs <= wanted + 500 && reportedWallMs >= wanted - 2_500)
  if (skew === null) return near(last.wallMs, 0) && near(last.monotonicMs, 0) && reportedFits(0) ? null : says
  switch (skew.kind) {
    case 'jump':
      return near(last.wallMs, skew.offsetMs) && near(last.monotonicMs, monotonicWanted(skew.offsetMs)) && reportedFits(skew.offsetMs) ? null : says
    case 'strobe': {
      // Both of its states must have been seen.
      const far = readings.find(({ wallMs }) => near(wallMs, skew.offsetMs, Math.abs(skew.offsetMs) / 2 - 1))
      const here = readings.find(({ wallMs }) => near(wallMs, 0, Math.abs(skew.offsetMs) / 2 - 1))
      return far !== undefined && here !== undefined && (clocks === 'all' || near(last.monotonicMs, 0)) ? null : `it was not seen to jump to and fro; ${says}`
    }
    case 'drift': {
      const first = readings[0]!
      const passedMs = last.atMs - first.atMs
      const wantedMs = passedMs * (skew.rate - 1)
      if (passedMs < Math.max(driftProofMs, 150 / Math.abs(skew.rate - 1))) return `too little time has passed; ${says}`
      const slackMs = Math.abs(wantedMs) * 0.5 + 10
      return near(last.wallMs - first.wallMs, wantedMs, slackMs) && near(last.monotonicMs - first.monotonicMs, monotonicWanted(wantedMs), slackMs) ? null : `within ${Math.round(passedMs)} ms it gained ${last.wallMs - first.wallMs} ms; ${says}`
    }
    default: return skew satisfies never
  }
}
