import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import type { Writable } from 'node:stream'
import { z } from 'zod'
import type { ExportFlags, ExportFormat } from '../../harness/cli/export-command.ts'
import { exitCodes, InterruptedCommand } from '../../harness/cli/exit-codes.ts'
import type { TestCommandPorts } from '../../harness/cli/test-command.ts'
import type { HistoryContext } from '../../harness/history/context.ts'
import type { HistoryEvent } from '../../harness/history/event.ts'
import { HistoryFormatError } from '../../harness/history/format-error.ts'
import { eventsOfJsonl } from '../../harness/history/read-jsonl.ts'
import { chunksOfFile, linesOf } from '../../harness/history/text-chunks.ts'
import type { RunPlan } from '../../harness/plan/plan.ts'
import { UsageError } from '../../harness/plan/usage-error.ts'
import { isStillGoing } from '../../harness/runner/run-owner.ts'
import { Stop } from '../../harness/runner/stop.ts'
import { readRunFacts } from '../../harness/runner/stored-run.ts'
import { unreachable } from '../../node/base/assert.ts'
import { operationsToCsv, toCsv } from './csv.ts'
import { toEdn } from './edn.ts'
import { toJsonl } from './jsonl.ts'
import { operationRows } from './operation-rows.ts'
import { operationsToParquet, toParquet } from './parquet.ts'
import { toPerfetto } from './perfetto.ts'
import { refuseToReplace, writeFileWhole, writeStream } from './write-output.ts'

const endings: Readonly<Record<ExportFormat, string>> = { jsonl: '.jsonl', edn: '.edn', csv: '.csv', parquet: '.parquet', perfetto: '.perfetto.json' }

/**
 * `splitbrain export`. The history is read and written an event at a time, and
 * never held. Returns the exit code; throws UsageError.
 */
export async function runExport(named: string, flags: ExportFlags, ports: Pick<TestCommandPorts, 'io' | 'workingDirectory' | 'host' | 'listenForSignals'>, stdout: Writable = process.stdout): Promise<number> {
  const { io, workingDirectory, host, listenForSignals } = ports
  const { to, rows = 'events', plain = false, force = false } = flags
  if (rows === 'operations' && to !== 'csv' && to !== 'parquet') throw new UsageError(`--rows operations is for csv and parquet: ${to} ${to === 'perfetto' ? 'has operations as slices already' : 'is a list of events'}.`)
  const directory = endedRun(named, workingDirectory)
  const source: RunSource = { directory, ...readRunFacts(directory, host.workloads) }
  const toStdout = flags.out === '-'
  if (toStdout && to === 'parquet') throw new UsageError('Parquet is no text: give --out FILE.')
  const file = flags.out === undefined ? join(dirname(directory), `${basename(directory)}${rows === 'operations' ? '.operations' : ''}${endings[to]}`) : resolve(workingDirectory, flags.out)
  if (!toStdout) refuseToReplace(file, force)

  const interrupt = new Stop()
  const abort = new AbortController()
  interrupt.whenStopped(() => abort.abort())
  using _signals = listenForSignals(interrupt, () => {})
  let count = 0
  const events = counted(eventsOf(source, (note) => io.error(note)), () => { count++ })
  const chunks = chunksOf(to, rows, events, source, plain)
  try {
    if (toStdout) await writeStream(stdout, chunks, abort.signal)
    else await writeFileWhole(file, chunks, { force, signal: abort.signal })
  } catch (error) {
    if (interrupt.stopped) throw new InterruptedCommand(interrupt.reason!)
    if (error instanceof HistoryFormatError) throw new UsageError(`${join(directory, 'history.jsonl')}: ${error.message}`)
    throw error
  }
  if (!toStdout) io.print(`${count} events to ${file}`)
  return exitCodes.valid
}

interface RunSource extends Pick<ReturnType<typeof readRunFacts>, 'plan' | 'faults' | 'leaders' | 'tracedMembers'> {
  readonly directory: string
}

/** The directory, links followed, of a run that is over. Throws UsageError. */
export function endedRun(named: string, workingDirectory: string): string {
  const place = resolve(workingDirectory, named)
  if (!existsSync(join(place, 'plan.json'))) throw new UsageError(`${named} is no run's directory: there is no plan.json in it.`)
  const directory = realpathSync(place)
  if (isStillGoing(directory)) throw new UsageError(`${named} is still going: wait until it has ended.`)
  return directory
}

function* eventsOf({ directory }: RunSource, say: (note: string) => void): Generator<HistoryEvent> {
  const file = join(directory, 'history.jsonl')
  if (!existsSync(file)) throw new UsageError(`${directory} has no history.jsonl: the run came to no operation.`)
  yield* eventsOfJsonl(chunksOfFile(file), { note: (note) => say(`${file}: ${note}`), context: () => {} })
}

function* counted<T>(items: Iterable<T>, count: () => void): Generator<T> {
  for (const item of items) {
    count()
    yield item
  }
}

function chunksOf(to: ExportFormat, rows: 'events' | 'operations', events: Iterable<HistoryEvent>, source: RunSource, plain: boolean): Iterable<string | Uint8Array> {
  const context = plain ? null : contextOf(source)
  switch (to) {
    case 'jsonl': return toJsonl(events, context)
    case 'edn': return toEdn(events, context)
    case 'csv': return rows === 'operations' ? operationsToCsv(operationRows(events)) : toCsv(events, context)
    case 'parquet': return rows === 'operations' ? operationsToParquet(operationRows(events), context) : toParquet(events, context)
    case 'perfetto': return toPerfetto(events, { name: basename(source.directory), ...source, traces: tracesOf(source), zeroWallMs: zeroOf(source) })
    default: return unreachable(to)
  }
}

/** The plan as it was written, but for what tells of the machine and of nothing that is judged. */
function contextOf({ plan, faults }: RunSource): HistoryContext {
  const { owner: _owner, edits: _edits, rerun: _rerun, ...rest } = plan as RunPlan & { readonly owner?: unknown, readonly edits?: unknown, readonly rerun?: unknown }
  return { plan: rest, faults }
}

function tracesOf({ directory, tracedMembers }: RunSource) {
  return tracedMembers.map((member) => ({ member, file: join(directory, 'members', member, 'raft-trace.jsonl') }))
    .filter(({ file }) => existsSync(file))
    .map(({ member, file }) => ({ member, lines: linesOf(chunksOfFile(file)) }))
}

const clockSchema = z.object({ zeroWallMs: z.number() })

function zeroOf({ directory }: RunSource): number | null {
  try {
    return clockSchema.parse(JSON.parse(readFileSync(join(directory, 'clock.json'), 'utf8'))).zeroWallMs
  } catch {
    return null
  }
}
