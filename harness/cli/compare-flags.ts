import { Option, type Command } from 'commander'
import { counts, json, number } from '../plan/flag-values.ts'
import { systemNames, type SystemName } from '../plan/plan.ts'
import { saidFlags } from './said-flags.ts'

/** As commander read them. */
export interface CompareFlags {
  /** What is measured: clusters of these sizes. Absent: records are compared. */
  readonly members?: readonly number[]
  readonly env?: 'auto' | 'docker' | 'local' | 'simulated'
  readonly system?: SystemName
  readonly rounds?: number
  readonly kills?: number
  readonly connections?: number
  readonly loadSeconds?: number
  readonly faultSeconds?: number
  readonly quick?: boolean
  readonly seed?: number
  readonly memberConfig?: unknown
  readonly store?: string
  readonly failIfWorse?: string
  readonly html?: string
  readonly markdown?: boolean
  readonly json?: boolean
}

/** Those that only mean something where the command measures itself. */
export const measuringFlags = ['env', 'system', 'rounds', 'kills', 'connections', 'loadSeconds', 'faultSeconds', 'quick', 'seed', 'memberConfig', 'store'] as const satisfies readonly (keyof CompareFlags)[]

/** @param rerun the flags that were said, ready for a shell: all but the environment, the seed and where results go */
export type CompareAction = (records: readonly string[], flags: CompareFlags, rerun: readonly string[]) => Promise<void>

export function addCompareCommand(program: Command, action: CompareAction): void {
  const command = program.command('compare')
    .description('puts runs, benchmarks, nights or earlier comparisons side by side, or measures clusters of 3, 4 and 5 members; says in words what the numbers show')
    .argument('[records...]', 'two or more of one kind: directories of runs, bench.json, night.json, compare.json, or their directories')
    .option('--fail-if-worse <percent>', 'exit code 1 where a metric is worse than in the first by more than this, and beyond the spread, or where runs are invalid that were not')
    .option('--html <file>', 'writes a page')
    .option('--markdown', 'prints Markdown, for a pull request')
    .option('--json', 'for programs')
    .option('--members <n,…>', 'measures clusters of so many members instead, as 3,4,5: throughput, latency, elections, availability under losses and splits', counts)
    .addOption(new Option('--env <env>', 'with --members: where they live; auto: docker when an engine answers, else local').choices(['auto', 'docker', 'local', 'simulated']))
    .addOption(new Option('--system <name>', 'with --members: what is measured (default: registry)').choices([...systemNames]))
    .option('--rounds <n>', 'with --members: times that each cluster is started and measured, in alternation (default: 5)', number)
    .option('--kills <n>', 'with --members: times that the leader is killed, in each round (default: 2)', number)
    .option('--fault-seconds <s>', 'with --members: how long each loss and each split lasts (default: 4)', number)
    .option('--load-seconds <s>', 'with --members: how long writes are timed (default: 2, simulated 0.5)', number)
    .option('--connections <n>', 'with --members: clients that write at once (default: 32, simulated 8)', number)
    .option('--quick', 'with --members: a first look, one round, shorter')
    .option('--seed <n>', 'with --members: chance comes from it (default: drawn, and printed)', number)
    .option('--member-config <json>', 'with --members: extra keys for each member\'s config file', json)
    .option('--store <dir>', 'with --members: where results go (default: results/store)')
    .addHelpText('after', `
With --members it leaves results/store/compare/<start>/ with compare.json and compare.html.
Exit codes: 0, or 1 with --fail-if-worse where something is worse; 254 bad arguments; 255 it failed itself; 130 and
143: ended early by Ctrl-C or SIGTERM; what had been measured until then is written.`)
  command.action((records: string[], flags: CompareFlags) => action(records, flags, saidFlags(command, leftOut)))
}

const leftOut: ReadonlySet<string> = new Set(['env', 'seed', 'store', 'json', 'html', 'markdown'])
