import { Command, Option } from 'commander'
import { nemeses } from '../../nemesis/index.ts'
import { trafficNames } from '../../nemesis/links.ts'
import { memberTargets } from '../../nemesis/member-targets.ts'
import { partitionShapes } from '../../nemesis/targets.ts'
import { workloads } from '../../workloads/index.ts'
import { plantedBugs } from '../mutants/bugs.ts'
import { concurrencyMax, faultsAtOnceOfMany, membersMax, planDefaults as defaults } from '../plan/defaults.ts'
import { json, number } from '../plan/flag-values.ts'
import { systemNames } from '../plan/plan.ts'
import type { NightlyFlags } from '../nightly/night-options.ts'
import { addBenchCommand, type BenchAction } from './bench-command.ts'
import { clientCommands } from './client-command.ts'
import { addNightlyCommand } from './nightly-command.ts'
import { addBundleCommand, type BundleFlags } from './bundle-command.ts'
import { addExportCommand, type ExportFlags } from './export-command.ts'
import { addServeCommand, type ServeFlags } from './serve-command.ts'
import { addCompareCommand, type CompareAction } from './compare-flags.ts'

/** What each command does, given its options as commander read them. */
export interface CommandActions {
  test(options: TestFlags): Promise<void>
  check(file: string, options: Readonly<Record<string, unknown>>): Promise<void>
  faults(run: string): Promise<void>
  explore(options: TestFlags): Promise<void>
  replay(run: string, options: ReplayFlags): Promise<void>
  shrink(run: string, options: ShrinkFlags): Promise<void>
  doctor(options: DoctorFlags): Promise<void>
  nightly(flags: NightlyFlags): Promise<void>
  export(run: string, options: ExportFlags): Promise<void>
  bundle(run: string, options: BundleFlags): Promise<void>
  serve(flags: ServeFlags): Promise<void>
  compare: CompareAction
  bench: BenchAction
}

export interface DoctorFlags {
  readonly json?: boolean
  /** Breaks a live cluster in every way that works here, once. */
  readonly probe?: boolean
  readonly env?: string
  /** What is probed; default: this project's registry. */
  readonly system?: string
}

export interface ReplayFlags {
  readonly store?: string
  readonly progress?: boolean
}

export interface ShrinkFlags {
  readonly budget: number
  readonly repeat?: number
  readonly jobs?: number
  readonly out?: string
}

/** Plan options as given by flags, not yet checked; and the config file's name. */
export type TestFlags = Readonly<Record<string, unknown>> & { readonly config?: string }

const exitCodesHelp = `
Exit codes: 0 valid, 1 invalid, 2 unknown, 254 bad arguments, 255 the run itself failed;
130 and 143: ended early by Ctrl-C or SIGTERM, without a verdict.`

/** The command line. Every option's default stands in plan/defaults.ts and is shown by --help. */
export function makeProgram(actions: CommandActions, version: string): Command {
  const program = new Command('splitbrain')
    .description('Starts real clusters of a service registry, hammers them, breaks them, and says whether they kept their promises.')
    .version(version, '-V, --version')
    .showHelpAfterError('(`splitbrain --help`, or `splitbrain COMMAND --help`, says what there is)')
    .addHelpText('after', exitCodesHelp)
  addTest(program, actions)
  program.command('check')
    .description('judges a stored run again, or a history, also somebody else\'s')
    .argument('<file>', 'the directory of a run or a bundle of one, which is judged as it was then; or a history')
    .addOption(new Option('--format <format>', 'how it is written; default: by the file\'s ending (.jsonl, .edn, .csv, .parquet, .log)').choices(['jsonl', 'edn', 'csv', 'parquet', 'jepsen-log']))
    .addOption(new Option('--model <model>', 'what each object must behave like (default: what its run was, where the file says it, else cas-register)').choices(['register', 'cas-register', 'kv-append', 'mutex', 'list-append', 'set', 'lock', 'watch', 'registration', 'membership']))
    .option('--context <run>', 'the run whose history it is: its directory tells the plan and the faults that the file does not')
    .option('--independent', 'of EDN: values are Jepsen\'s independent tuples, [key value]')
    .option('--check-time-limit <s>', `give up, and say unknown, after (default: what the run had, else ${defaults.checkTimeLimit})`, number)
    .option('--check-memory <MiB>', `give up, and say unknown, beyond (default: what the run had, else ${defaults.checkMemory})`, number)
    .option('--check-nodes <n>', 'give up, and say unknown, after so many configurations of one key (default: no limit)', number)
    .option('--no-partition', 'the whole history is one object, though it names keys; kv-append is one map then')
    .option('--json', 'for programs')
    .addHelpText('after', exitCodesHelp)
    .action((file: string, options: Record<string, unknown>) => actions.check(file, options))
  addRunOptions(program.command('explore')
    .description('does many runs, with seeds that follow each other, side by side on all cores; simulated unless --env says otherwise'))
    .option('--runs <n>', 'how many', number, 100)
    .option('--jobs <n>', 'runs at a time (default: one each core, one of containers or processes)', number)
    .option('--swarm', 'draws what is not said of each run from its seed: workload, members, families of faults, intensity, load, snapshots, …')
    .option('--draw-members <list>', 'draws how many members each run has from its seed, as 3,4,5')
    .option('--go-on', 'not only until the first run that is not valid')
    .option('--keep-all', 'keeps the directories of valid runs too')
    .option('--json', 'for programs')
    .addHelpText('after', exitCodesHelp)
    .action((options: Record<string, unknown>) => actions.explore(options))
  program.command('replay')
    .description('does a recorded run again: a simulated one to the same bytes, another with the same plan and its faults at the same times')
    .argument('<run>', 'the run\'s directory, or a bundle of it')
    .option('--store <dir>', 'where the new run\'s directory goes (default: results/store)')
    .option('--no-progress', 'no line that tells how it goes')
    .addHelpText('after', exitCodesHelp)
    .action((run: string, options: ReplayFlags) => actions.replay(run, options))
  program.command('shrink')
    .description('reduces an invalid run to fewer faults, members and operations and less time that still show the same, and writes them as a scenario')
    .argument('<run>', 'the run\'s directory')
    .option('--budget <s>', 'seconds that the search may take', number, 300)
    .option('--repeat <n>', 'times that a smaller run is tried before it counts as one that does not show it (default: 3 simulated, by other seeds; 5 elsewhere)', number)
    .option('--jobs <n>', 'runs at a time (default: one each core, one of containers or processes)', number)
    .option('--out <file>', 'where the scenario goes (default: scenario.json in the run\'s directory)')
    .action((run: string, options: ShrinkFlags) => actions.shrink(run, options))
  program.command('faults')
    .description('prints the faults of a recorded run as a script for test --faults')
    .argument('<run>', 'the run\'s directory')
    .action((run: string) => actions.faults(run))
  addExportCommand(program, (run, flags) => actions.export(run, flags))
  addBundleCommand(program, (run, flags) => actions.bundle(run, flags))
  program.command('doctor')
    .description('says what this machine can do, what each missing thing costs, and how to get it')
    .option('--json', 'for programs')
    .option('--probe', 'starts a cluster, breaks it once with every fault that works here, and prints what each probe saw')
    .addOption(new Option('--system <name>', 'with --probe: what is broken').choices([...systemNames]))
    .addOption(new Option('--env <env>', 'where the probed cluster lives; auto: docker when an engine answers, else local').choices(['auto', 'docker', 'local', 'simulated']))
    .action((options: DoctorFlags) => actions.doctor(options))
  addNightlyCommand(program, (flags) => actions.nightly(flags))
  addServeCommand(program, (flags) => actions.serve(flags))
  addCompareCommand(program, (...args) => actions.compare(...args))
  addBenchCommand(program, (...args) => actions.bench(...args))
  // For --help only: `agent` is dispatched before the command line is parsed,
  // because its flags are Consul's, with one dash.
  program.command('agent')
    .description('runs one member in the foreground: splitbrain agent -server -bootstrap-expect 3 -node n1 -bind ADDRESS -data-dir DIR -retry-join ADDRESS …')
    .helpOption(false)
  // The same: their flags are Consul's too.
  for (const [name, about] of Object.entries(clientCommands)) {
    program.command(name).description(about).helpOption(false).usage('…').helpGroup('Commands for a running agent, of splitbrain or of Consul (their own help: splitbrain COMMAND -help):')
  }
  return program
}

function addTest(program: Command, actions: CommandActions): void {
  const list = (items: readonly { readonly name: string, readonly about: string }[]) =>
    items.map(({ name, about }) => `  ${name.padEnd(18)} ${about}`).join('\n')
  addRunOptions(program.command('test')
    .description('starts a cluster, runs a workload while faults come and go, and judges the history'))
    .option('--no-progress', 'no line that tells how it goes')
    .addHelpText('after', `
Workloads:
${list(Object.values(workloads))}
Nemeses:
${list(Object.values(nemeses))}
Targets of all faults (or members by name, as n1+n3):
${list(memberTargets)}
Targets of partitions:
${list(partitionShapes)}
Mutants:
${list(plantedBugs)}
${exitCodesHelp}`)
    .action((options: Record<string, unknown>) => actions.test(options))
}

/** What a user may say about a run, by flags. */
function addRunOptions(command: Command): Command {
  return command
    .addOption(new Option('--env <env>', `where members live; auto: docker when an engine answers, else local (default: ${defaults.env})`).choices(['auto', 'docker', 'local', 'simulated']))
    .addOption(new Option('--system <name>', `what is tested: this project's registry, or Consul or etcd in containers (default: ${defaults.system})`).choices([...systemNames]))
    .option('--members <n>', `members of the cluster, 1 to ${membersMax} (default: ${defaults.members})`, number)
    .option('--workload <name>', `what is done (default: ${defaults.workload})`)
    .option('--nemesis <names>', `what is broken, with commas between; all that works here, or none (default: ${defaults.nemesis.join(',')})`)
    .option('--targets <names>', 'whom faults strike, and shapes of partitions, to draw from (default: what fits each fault)')
    .option('--traffic <names>', `what faults on links touch: ${trafficNames.join(', ')} (default: all; with --nemesis all each of them)`)
    .option('--firewall <rules>', 'rules of the firewall nemesis: \'drop tcp n1>n2:8300; reset any clients>n3; limit 10/s udp any>n1:8301; mtu 1000 n1>n2\'')
    .addOption(new Option('--schedule <how>', `times drawn around the interval, or always the interval (default: ${defaults.schedule})`).choices(['random', 'fixed']))
    .option('--intensity <0..1>', `how hard faults are, from 0 to 1, or a ramp over the run as 0.1..1 (default: ${defaults.intensity})`)
    .option('--at-once <n>', `most faults on at once (default: one of each family, ${faultsAtOnceOfMany} where there are more families)`, number)
    .option('--faults <file or run>', 'faults with their times: a script, or the directory of a run whose faults are to be done again')
    .option('--interval <s>', `mean length of a fault, and of the pause between faults (default: ${defaults.interval})`, number)
    .option('--time-limit <s>', `how long operations are begun (default: ${defaults.timeLimit})`, number)
    .option('--rate <n>', `operations per second over all workers (default: ${defaults.rate})`, number)
    .option('--concurrency <n>', `workers; 2n is twice the members; at most ${concurrencyMax} (default: ${defaults.concurrency})`)
    .option('--seed <n>', 'chance comes from it; the same seed draws the same operations and faults (default: drawn, and printed)', number)
    .addOption(new Option('--consistency <mode>', `of reads (default: ${defaults.consistency})`).choices(['default', 'consistent', 'stale']))
    .option('--keys <n>', `keys in use at a time (default: ${defaults.keys})`, number)
    .option('--ops-per-key <n>', `operations after which a key is replaced by a fresh one (default: ${defaults.opsPerKey})`, number)
    .option('--mutant <name or file>', 'run members with a planted bug, by its name, from a file, or given as JSON')
    .option('--latency <ms>', `delay between members, one way (default: ${defaults.latency})`, number)
    .option('--power-loss', 'a kill also loses what was not synced, where the environment can do that')
    .option('--operation-timeout <ms>', `how long a client waits for an answer (default: ${defaults.operationTimeout})`, number)
    .option('--recovery-timeout <s>', `how long the cluster may take to serve, at the start and after the last healing (default: ${defaults.recoveryTimeout})`, number)
    .option('--check-time-limit <s>', `the checker gives up, and says unknown, after (default: ${defaults.checkTimeLimit})`, number)
    .option('--check-memory <MiB>', `the checker gives up, and says unknown, beyond (default: ${defaults.checkMemory})`, number)
    .option('--member-config <json>', 'extra keys for each member\'s config file', json)
    .option('--config <file>', 'options in a JSON file, by the same names in camelCase; flags win; none reads no file (default: ./splitbrain.json where there is one)')
    .option('--store <dir>', 'where run directories go (default: results/store)')
}
