import { randomInt } from 'node:crypto'
import { join, resolve } from 'node:path'
import { seededRandom } from '../../node/base/random.ts'
import { benchCsv } from '../../results/bench/bench-csv.ts'
import { renderBench } from '../../results/bench/bench-html.ts'
import type { BenchRecord, Measurement } from '../../results/bench/bench-record.ts'
import { benchTable } from '../../results/bench/bench-table.ts'
import type { BenchFlags } from '../cli/bench-command.ts'
import { exitCodeOfSignal, exitCodes } from '../cli/exit-codes.ts'
import type { TestCommandPorts } from '../cli/test-command.ts'
import type { EnvironmentKind } from '../environments/environment.ts'
import { chooseEnvironment, type ChosenEnvironment } from '../plan/choose-environment.ts'
import { membersMax as clusterMembersMax } from '../plan/defaults.ts'
import { readProvenance } from '../plan/provenance.ts'
import { UsageError } from '../plan/usage-error.ts'
import { defaultStore, type RunHost } from '../runner/prepared-run.ts'
import { makeStartedDirectory, writeWhole } from '../runner/run-directory.ts'
import { InterruptedError, Stop } from '../runner/stop.ts'
import { reapWorkDirectories } from '../runner/work-directory.ts'
import { systems } from '../systems/index.ts'
import { BenchClusters } from './bench-clusters.ts'
import type { BenchContext, Benchmark } from './benchmark.ts'
import { describeMachine } from './machine.ts'
import { versionsWith } from './system-version.ts'

/** After Ctrl-C: how long a benchmark may take to tell what it has measured. */
const lastWordsMs = 10_000

export type End = { readonly kind: 'measured' } | { readonly kind: 'interrupted', readonly signal: string } | { readonly kind: 'failed', readonly error: Error }

/** `splitbrain bench NAME`, from its flags to its files. Returns the exit code; throws UsageError. */
export async function runBenchmark(benchmark: Benchmark, flags: BenchFlags & Readonly<Record<string, unknown>>, rerun: readonly string[], ports: TestCommandPorts): Promise<number> {
  const { io, host, workingDirectory } = ports
  const chosen = await chooseBenchEnvironment(benchmark, flags, host)
  const seed = requireFlags(flags, benchmark.membersMax ?? clusterMembersMax)
  const quiet = flags.json === true
  // Progress is for who watches; a program reads one record.
  const say = (line: string) => quiet ? io.error(line) : io.print(line)
  const machine = describeMachine()
  say(chosen.why)
  say(`bench ${benchmark.name}: ${flags.system}, ${flags.members.join(', ')} members, seed ${seed}; ${describeMachineLine(machine)}`)
  await host.reapDeadRuns(chosen.kind, say)
  reapWorkDirectories(say)
  const startedAt = new Date()
  const beganMs = performance.now()
  const measurements: Measurement[] = []
  const notes = busyNotes(machine)
  const said = { measurements, notes, systemVersion: null as string | null }
  const end = await measure(benchmark, flags, chosen.kind, seed, said, say, ports)
  const { versions, git } = await readProvenance()
  const record: BenchRecord = {
    bench: benchmark.name, env: chosen.kind, system: flags.system,
    startedAt: startedAt.toISOString(), tookS: Math.round(performance.now() - beganMs) / 1000,
    rerun: ['npx', 'splitbrain', 'bench', benchmark.name, '--env', chosen.kind, ...rerun, '--seed', String(seed)].join(' '),
    versions: versionsWith(versions, flags.system, said.systemVersion), git, machine, measurements, notes,
  }
  const store = flags.store === undefined ? defaultStore(workingDirectory) : resolve(workingDirectory, flags.store)
  const directory = measurements.length === 0 ? null : writeRecord(record, store, startedAt)
  if (quiet) io.print(JSON.stringify(record, null, 2))
  else for (const line of benchTable(record)) io.print(line)
  for (const line of notes) say(`note: ${line}`)
  if (directory !== null) say(`all of it: ${directory}/bench.html, bench.json, bench.csv`)
  return tellEnd('the benchmark', end, measurements.length, ports)
}

/** Returns the exit code. */
export function tellEnd(what: string, end: End, measured: number, { io }: TestCommandPorts): number {
  switch (end.kind) {
    case 'measured':
      if (measured > 0) return exitCodes.valid
      io.error('nothing could be measured')
      return exitCodes.crashed
    case 'interrupted':
      io.error(`interrupted; ${measured === 0 ? 'nothing had been measured' : 'what had been measured is written'}`)
      return exitCodeOfSignal[end.signal as keyof typeof exitCodeOfSignal] ?? exitCodes.crashed
    case 'failed':
      io.error(`${what} failed: ${end.error.message}`)
      return exitCodes.crashed
    default: return end satisfies never
  }
}

/** When it settles no cluster is left. */
export async function measure(
  benchmark: Pick<Benchmark, 'measure'>, flags: BenchFlags & Readonly<Record<string, unknown>>, env: EnvironmentKind, seed: number,
  results: { readonly measurements: Measurement[], readonly notes: string[], systemVersion: string | null }, say: (line: string) => void, ports: TestCommandPorts,
): Promise<End> {
  const interrupt = new Stop()
  using _signals = ports.listenForSignals(interrupt, (line) => ports.io.error(line))
  const memberConfig = (flags.memberConfig ?? {}) as Record<string, unknown>
  await using clusters = new BenchClusters({
    env, system: flags.system, memberConfig,
    random: seededRandom(seed).split('clusters'), createEnvironment: ports.host.createEnvironment, interrupt, say,
  })
  const context: BenchContext = {
    env, system: flags.system, memberCounts: flags.members, seed, memberConfig, flags,
    startCluster: (memberCount, options = {}) => clusters.start(memberCount, options),
    throwIfStopped: () => { if (interrupt.stopped) throw new InterruptedError(interrupt.reason!) },
    orStopped: (task) => interrupt.orInterrupt(task),
    measured: (measurement) => { results.measurements.push(measurement) },
    note: (line) => { results.notes.push(line) },
    say,
  }
  try {
    const measuring = benchmark.measure(context)
    if (await interrupt.cutShort(measuring)) {
      await settledWithin(measuring, lastWordsMs)
      return { kind: 'interrupted', signal: interrupt.reason! }
    }
    return { kind: 'measured' }
  } catch (error) {
    if (error instanceof UsageError) throw error
    if (interrupt.stopped) return { kind: 'interrupted', signal: interrupt.reason! }
    return { kind: 'failed', error: error instanceof Error ? error : new Error(String(error)) }
  } finally {
    results.systemVersion = clusters.systemVersion
  }
}

async function settledWithin(task: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  await Promise.race([task.catch(() => {}), new Promise<void>((resolve) => { timer = setTimeout(resolve, ms) })])
  clearTimeout(timer)
}

/** Returns the directory. */
function writeRecord(record: BenchRecord, store: string, startedAt: Date): string {
  const directory = makeStartedDirectory(join(store, 'bench'), startedAt)
  writeWhole(directory, 'bench.json', `${JSON.stringify(record, null, 2)}\n`)
  writeWhole(directory, 'bench.csv', benchCsv(record))
  writeWhole(directory, 'bench.html', renderBench(record))
  return directory
}

/** Who reads the numbers must know that others took their share. */
export function busyNotes({ load, cores }: BenchRecord['machine']): string[] {
  const [lastMinute = 0] = load
  return lastMinute <= cores / 2 ? [] : [`The machine was busy before it began: load ${lastMinute} on ${cores} cores.`]
}

function describeMachineLine({ cpu, cores, memoryMiB, load }: BenchRecord['machine']): string {
  return `${cores} cores (${cpu}), ${memoryMiB} MiB, load ${load[0]}`
}

/** Returns the seed. Throws UsageError. */
function requireFlags({ members, seed, memberConfig }: BenchFlags, membersMax: number): number {
  const tooMany = members.find((count) => count > membersMax)
  if (tooMany !== undefined) throw new UsageError(`--members ${tooMany}: a cluster has 1 to ${membersMax} members.`)
  if (seed !== undefined && (!Number.isInteger(seed) || seed < 0 || seed > 0xffff_ffff)) throw new UsageError(`--seed ${seed}: give a whole number from 0 to ${0xffff_ffff}.`)
  if (memberConfig !== undefined && (typeof memberConfig !== 'object' || memberConfig === null || Array.isArray(memberConfig))) throw new UsageError('--member-config must be a JSON object, as {"raft_snapshot_threshold":100}.')
  return seed ?? randomInt(0, 2 ** 32)
}

/** The first that works here of those that the benchmark can be done in and that can run the system. Throws UsageError. */
async function chooseBenchEnvironment(benchmark: Benchmark, { env, system }: BenchFlags, host: RunHost): Promise<ChosenEnvironment> {
  const { deployment } = systems[system]
  const fitting = benchmark.environments.filter((kind) => deployment === undefined || kind === 'docker')
  const [first] = fitting
  if (first === undefined) throw new UsageError(`bench ${benchmark.name} cannot measure ${system}: that runs in containers only, and this is measured in ${benchmark.environments.join(' or ')}.`)
  if (env !== 'auto') {
    if (!fitting.includes(env)) throw new UsageError(`bench ${benchmark.name} of ${system} is measured in ${fitting.join(' or ')}: use --env ${first}.`)
    return { kind: env, why: `environment ${env}, as asked` }
  }
  if (first !== 'docker') return { kind: first, why: `environment ${first}, the best for this benchmark` }
  const chosen = await chooseEnvironment('auto', host.dockerAvailability)
  if (fitting.includes(chosen.kind)) return chosen
  const docker = await host.dockerAvailability()
  const why = docker.available ? '' : `, because Docker cannot be used: ${docker.reason}`
  const second = fitting.find((kind) => kind !== 'docker')
  if (second === undefined) throw new UsageError(`bench ${benchmark.name} of ${system} needs Docker, which cannot be used${docker.available ? '' : `: ${docker.reason}`}.`)
  return { kind: second, why: `environment ${second}${why}` }
}
