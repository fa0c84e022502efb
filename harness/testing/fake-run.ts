import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { nemeses } from '../../nemesis/index.ts'
import { workloads } from '../../workloads/index.ts'
import { runCli } from '../cli/run-cli.ts'
import { quietProgress } from '../cli/progress.ts'
import { listenForSignals, type SignalSource } from '../cli/signals.ts'
import type { TestCommandPorts } from '../cli/test-command.ts'
import type { CheckResult } from '../checkers/verdict.ts'
import type { HistoryEvent } from '../history/event.ts'
import type { EnvironmentOptions } from '../environments/environment.ts'
import { fakeEnvironment, type FakeFaults, type FakeProbe } from './fake-environment.ts'

export interface FakeRun {
  readonly exitCode: number
  readonly lines: readonly string[]
  readonly errors: readonly string[]
  /** Of the run's directory; throws where there is none. */
  readonly read: (name: string) => string
  readonly history: () => HistoryEvent[]
  /** Null where the run ended before there was an environment. */
  readonly fake: FakeProbe | null
  /** What the environment was made from. */
  readonly environmentOptions: EnvironmentOptions | null
}

export interface FakeRunOptions extends FakeFaults {
  readonly signals?: SignalSource
  readonly membersCheck?: () => Promise<readonly CheckResult[]>
  /** The content of `splitbrain.json` in the working directory. */
  readonly configFile?: string
  readonly docker?: boolean
  /** A file in the working directory, by its name. */
  readonly files?: Readonly<Record<string, string>>
}

export const membersFine: CheckResult = { checker: 'raft', verdict: 'valid', summary: 'nothing to object', evidence: [], details: {} }

/** `splitbrain ARGS` against a cluster in memory, in virtual time: the whole way from arguments to exit code. */
export async function fakeRun(args: readonly string[], options: FakeRunOptions = {}): Promise<FakeRun> {
  const directory = mkdtempSync(join(tmpdir(), 'splitbrain-test-'))
  for (const [name, text] of Object.entries(options.files ?? {})) writeFileSync(join(directory, name), text)
  const lines: string[] = []
  const errors: string[] = []
  let fake: FakeProbe | null = null
  let given: EnvironmentOptions | null = null
  if (options.configFile !== undefined) writeFileSync(join(directory, 'splitbrain.json'), options.configFile)
  const ports: TestCommandPorts = {
    io: { print: (line) => lines.push(line), error: (line) => errors.push(line) },
    workingDirectory: directory,
    host: {
      workloads, nemeses,
      dockerAvailability: async () => options.docker ? { available: true } : { available: false, reason: 'no engine in tests' },
      async createEnvironment(_kind, environmentOptions) {
        given = environmentOptions
        fake = fakeEnvironment(environmentOptions, options)
        return fake.environment
      },
      reapDeadRuns: async () => {},
      loadMutant: async () => [],
      checkMembers: options.membersCheck ?? (async () => [membersFine]),
    },
    showProgress: () => quietProgress({ write: (text) => lines.push(String(text).trimEnd()) > 0 }),
    listenForSignals: (interrupt, say) => listenForSignals(interrupt, say, options.signals ?? { on() {}, off() {}, exit() {} }),
  }
  const exitCode = await runCli(args, ports)
  const files = new Map<string, string>()
  for (const name of ['plan.json', 'history.jsonl', 'faults.jsonl', 'verdict.json', 'report.html']) {
    try {
      files.set(name, readFileSync(join(directory, 'results', 'store', 'latest', name), 'utf8'))
    } catch {
      // Not written by this run; `read` says so.
    }
  }
  rmSync(directory, { recursive: true })
  const read = (name: string) => {
    const text = files.get(name)
    if (text === undefined) throw new Error(`the run wrote no ${name}; it said: ${[...lines, ...errors].join(' | ')}`)
    return text
  }
  return {
    exitCode, lines, errors, fake, environmentOptions: given, read,
    history: () => read('history.jsonl').trimEnd().split('\n').map((line) => JSON.parse(line) as HistoryEvent),
  }
}
