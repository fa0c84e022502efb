import { Option, type Command } from 'commander'
import type { Benchmark } from '../bench/benchmark.ts'
import { benchmarks } from '../bench/benchmarks.ts'
import { counts, json, number } from '../plan/flag-values.ts'
import { systemNames, type SystemName } from '../plan/plan.ts'
import { saidFlags } from './said-flags.ts'

/** Flags of every benchmark, as commander read them; beside them stand the benchmark's own. */
export interface BenchFlags {
  readonly env: 'auto' | 'docker' | 'local' | 'simulated'
  readonly system: SystemName
  readonly members: readonly number[]
  readonly seed?: number
  readonly memberConfig?: unknown
  readonly store?: string
  readonly json?: boolean
}

/** @param rerun the flags that were said and are kept, ready for a shell: all but the environment, the seed and where results go */
export type BenchAction = (benchmark: Benchmark, flags: BenchFlags & Readonly<Record<string, unknown>>, rerun: readonly string[]) => Promise<void>

const resultHelp = `
Leaves results/store/bench/<start>/ with bench.json, bench.csv (a row each sample) and bench.html.
Exit codes: 0 measured, 254 bad arguments, 255 the benchmark itself failed; 130 and 143: ended early by Ctrl-C or
SIGTERM; what had been measured until then is written.`

/** `splitbrain bench writes|reads|…`: each benchmark is a command of its own, with its own flags. */
export function addBenchCommand(program: Command, act: BenchAction, all: readonly Benchmark[] = benchmarks): void {
  const bench = program.command('bench')
    .description('measures a cluster: throughput, latency, times of elections and recovery; as a table, JSON, CSV and charts')
  for (const benchmark of all) {
    const memberCounts = benchmark.memberCountsDefault ?? [3]
    const command = bench.command(benchmark.name).description(benchmark.about)
      .addOption(new Option('--env <env>', `where members live: ${benchmark.environments.join(', ')}; auto: the first of them that works here`).choices(['auto', ...benchmark.environments]).default('auto'))
      .addOption(new Option('--system <name>', 'what is measured: this project\'s registry, or Consul or etcd in containers').choices([...systemNames]).default('registry'))
      .addOption(new Option('--members <n,…>', 'members of the clusters, one after the other').argParser(counts).default(memberCounts, memberCounts.join(',')))
      .option('--seed <n>', 'chance comes from it (default: drawn, and printed)', number)
      .option('--member-config <json>', 'extra keys for each member\'s config file', json)
      .option('--store <dir>', 'where results go (default: results/store)')
      .option('--json', 'for programs: prints the record and nothing else')
      .addHelpText('after', resultHelp)
    benchmark.addOptions(command)
    command.action((flags: BenchFlags & Record<string, unknown>) => act(benchmark, flags, saidFlags(command, leftOut)))
  }
}

const leftOut: ReadonlySet<string> = new Set(['env', 'seed', 'store', 'json'])
