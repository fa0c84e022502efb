import { spreadOf } from '../../../results/bench/spread.ts'
import type { Environment } from '../../environments/environment.ts'
import { clientOf } from '../../systems/leader.ts'
import { systems } from '../../systems/index.ts'
import type { BenchContext } from '../benchmark.ts'
import type { LoadGenerator } from '../load/load-generator.ts'

const timeoutMs = 10_000
const keyCount = 20
const valueBytes = 64
/** Refused at once, again and again, would let no time pass in a simulation. */
const pauseAfterFailureMs = 10

/** How the latency was come to; for who reads the numbers. */
export const latencyNotes = {
  process: 'Latency of writes is that at half of the throughput just measured, from the moment when each write was due.',
  clients: 'Latency of writes is that of clients who write again as soon as they are answered, in virtual time.',
} as const

export interface WriteLoadSeen {
  readonly throughputPerS: number
  readonly latencyP50Ms: number
  readonly latencyP99Ms: number
  /** Writes that were not acknowledged. */
  readonly failed: number
}

export interface WriteLoadPorts {
  readonly context: Pick<BenchContext, 'system' | 'throwIfStopped' | 'orStopped'>
  readonly environment: Environment
  readonly connections: number
  readonly seconds: number
  /** What is sent is drawn from it. */
  readonly seed: number
}

/**
 * Writes at one member, as many as it takes; then at half that rate for the
 * latency. From a process of its own, as this one carries the links between
 * local members; the first half of the time warms up.
 */
export async function loadByProcess({ context, environment, connections, seconds, seed }: WriteLoadPorts, generator: LoadGenerator, member: string): Promise<WriteLoadSeen> {
  const run = (lengthS: number, ratePerS: number | null) => context.orStopped(generator.run({
    urls: [environment.httpAddress!(member)], connections, seconds: lengthS, ratePerS, seed,
    load: { system: context.system, valueBytes, keyCount, operation: { kind: 'write' } },
  }))
  await run(seconds / 2, null)
  const closed = await run(seconds, null)
  const throughputPerS = closed.ok / closed.seconds
  const paced = closed.ok === 0 ? null : await run(seconds, throughputPerS / 2)
  if (paced === null || paced.latency === null) throw new Error(`${member} leads, but acknowledged none of ${closed.non2xx + closed.errors} writes in ${seconds} s.`)
  const { p50, p99 } = paced.latency.corrected
  return { throughputPerS, latencyP50Ms: p50, latencyP99Ms: p99, failed: closed.non2xx + closed.errors + paced.non2xx + paced.errors }
}

/** In virtual time: so many clients, each with one write at a time. */
export async function loadByClients({ context, environment, connections, seconds }: Omit<WriteLoadPorts, 'seed'>, member: string): Promise<WriteLoadSeen> {
  const { clock } = environment
  const startNs = clock.nowNs()
  const endNs = startNs + seconds * 1e9
  const latenciesMs: number[] = []
  let failed = 0
  await Promise.all(Array.from({ length: connections }, async (_, i) => {
    const client = clientOf(systems[context.system], environment, member, timeoutMs)
    for (let n = 0; clock.nowNs() < endNs; n++) {
      context.throwIfStopped()
      const begunNs = clock.nowNs()
      const { type } = await client.write(`compare/${(i + n) % keyCount}`, `${i} ${n}`.padEnd(valueBytes))
      if (type === 'ok') {
        latenciesMs.push((clock.nowNs() - begunNs) / 1e6)
        continue
      }
      failed++
      await clock.sleep(pauseAfterFailureMs)
    }
  }))
  if (latenciesMs.length === 0) throw new Error(`${member} leads, but acknowledged none of ${failed} writes in ${seconds} s.`)
  const { median, p99 } = spreadOf(latenciesMs)
  return { throughputPerS: latenciesMs.length / ((clock.nowNs() - startNs) / 1e9), latencyP50Ms: median, latencyP99Ms: p99, failed }
}
