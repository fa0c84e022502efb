import type { Environment } from '../environments/environment.ts'
import { clientOf, requestTo } from '../systems/leader.ts'
import type { System } from '../systems/system.ts'
import type { BenchContext } from './benchmark.ts'
import { LoadGenerator } from './load/load-generator.ts'

/** Of the load: what is written. */
const valueBytes = 64
const keyCount = 20

/** In virtual time nobody is short of CPU, however much is written: each client waits so long after a write, and a simulated minute stays cheap. */
export const simulatedPauseMs = 100

export interface CalmSeen {
  /** Terms that began: each is an election, won or not. */
  readonly elections: number
  readonly writesPerS: number
  /** Writes that were not acknowledged. */
  readonly failed: number
}

export interface CalmPorts {
  readonly context: Pick<BenchContext, 'system' | 'throwIfStopped' | 'orStopped'>
  readonly environment: Environment
  readonly system: System
  readonly leader: string
  readonly connections: number
  readonly seconds: number
  /** What is sent is drawn from it. */
  readonly seed: number
}

/** As many writes at the leader as it takes, and nothing wrong. */
export async function calmUnderLoad(ports: CalmPorts): Promise<CalmSeen> {
  const { environment, system } = ports
  const before = await highestTerm(environment, system)
  const load = environment.httpAddress === undefined ? await byClients(ports) : await byLoadProcess(ports, environment.httpAddress(ports.leader))
  return { elections: await highestTerm(environment, system) - before, ...load }
}

/** The highest that any member tells. */
export async function highestTerm(environment: Environment, system: System): Promise<number> {
  const seen = await Promise.all(environment.members.map((member) => system.leadership(requestTo(environment, member))))
  return Math.max(...seen.map((one) => one?.term ?? 0))
}

type Load = Omit<CalmSeen, 'elections'>

/** From a process of its own: one that shared this one's CPU would hold up the links between local members, and be what is wrong. */
async function byLoadProcess({ context, connections, seconds, seed }: CalmPorts, url: string): Promise<Load> {
  await using generator = new LoadGenerator()
  const outcome = await context.orStopped(generator.run({
    urls: [url], connections, seconds, ratePerS: null, seed, load: { system: context.system, valueBytes, keyCount, operation: { kind: 'write' } },
  }))
  return { writesPerS: outcome.ok / outcome.seconds, failed: outcome.non2xx + outcome.errors }
}

/** In virtual time: as many clients, each with one write at a time. */
async function byClients({ context, environment, system, leader, connections, seconds }: CalmPorts): Promise<Load> {
  const { clock } = environment
  const endNs = clock.nowNs() + seconds * 1e9
  let acknowledged = 0
  let failed = 0
  await Promise.all(Array.from({ length: connections }, async (_, i) => {
    const client = clientOf(system, environment, leader, 10_000)
    for (let n = 0; clock.nowNs() < endNs; n++) {
      context.throwIfStopped()
      const { type } = await client.write(`calm/${(i + n) % keyCount}`, `${i} ${n}`.padEnd(valueBytes))
      if (type === 'ok') acknowledged++
      else failed++
      await clock.sleep(simulatedPauseMs)
    }
  }))
  return { writesPerS: acknowledged / seconds, failed }
}
