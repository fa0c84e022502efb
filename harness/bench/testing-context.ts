import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import { seededRandom } from '../../node/base/random.ts'
import type { Measurement } from '../../results/bench/bench-record.ts'
import { createSimulatedEnvironment } from '../environments/simulated/index.ts'
import { awaitServing } from '../runner/recovery.ts'
import { Stop } from '../runner/stop.ts'
import { systems } from '../systems/index.ts'
import type { BenchContext, Benchmark } from './benchmark.ts'

export interface TestingOptions {
  readonly members: readonly number[]
  readonly seed?: number
  readonly memberConfig?: Readonly<Record<string, unknown>>
  /** As on the command line; what is not given has its default. */
  readonly args?: readonly string[]
  readonly throwIfStopped?: () => void
}

export interface Measured {
  readonly measurements: readonly Measurement[]
  readonly notes: readonly string[]
  /** Of one metric and what was held fixed; throws where it was not measured. */
  samples(metric: string, fixed?: Measurement['case']): readonly number[]
}

/** One benchmark in the simulated environment, for tests. */
export async function measureSimulated(benchmark: Benchmark, options: TestingOptions): Promise<Measured> {
  const { members, seed = 1, memberConfig = {}, args = [], throwIfStopped = () => {} } = options
  const command = new Command().exitOverride().configureOutput({ writeErr: () => {} })
  benchmark.addOptions(command)
  command.parse(args, { from: 'user' })
  const measurements: Measurement[] = []
  const notes: string[] = []
  let clusters = 0
  const context: BenchContext = {
    env: 'simulated', system: 'registry', memberCounts: members, seed, memberConfig, flags: command.opts(), throwIfStopped, orStopped: (task) => task,
    measured: (measurement) => measurements.push(measurement),
    note: (line) => notes.push(line),
    say: () => {},
    async startCluster(memberCount, clusterOptions = {}) {
      const workDirectory = mkdtempSync(join(tmpdir(), 'splitbrain-bench-'))
      const environment = await createSimulatedEnvironment({
        runId: 'bench', memberCount, random: seededRandom(seed).split(`cluster ${clusters++}`), workDirectory, edits: [],
        memberConfig: { ...memberConfig, ...clusterOptions.memberConfig }, latencyMs: clusterOptions.latencyMs ?? 0, powerLoss: false, say: () => {},
      })
      rmSync(workDirectory, { recursive: true, force: true })
      await environment.run(async () => {
        await environment.start()
        await awaitServing({ environment, system: systems.registry, timeoutS: 60, interrupt: new Stop() })
      })
      return environment
    },
  }
  await benchmark.measure(context)
  return {
    measurements, notes,
    samples(metric, fixed = {}) {
      const found = measurements.filter((one) => one.metric === metric && Object.entries(fixed).every(([key, value]) => one.case[key] === value))
      if (found.length === 0) throw new Error(`${metric} ${JSON.stringify(fixed)} is not among ${measurements.map((one) => `${one.metric} ${JSON.stringify(one.case)}`).join('; ')}`)
      return found.flatMap(({ samples }) => samples)
    },
  }
}
