import { randomBytes } from 'node:crypto'
import { seededRandom } from '../../node/base/random.ts'
import { NotNowError, type Nemesis, type Variant } from '../../nemesis/nemesis.ts'
import type { Environment } from '../environments/environment.ts'
import { resolvePlan } from '../plan/resolve-plan.ts'
import { planDefaults } from '../plan/defaults.ts'
import { chooseEnvironment } from '../plan/choose-environment.ts'
import type { PlanOptions } from '../plan/options.ts'
import type { RunPlan, SystemName } from '../plan/plan.ts'
import { environmentFaults } from '../runner/fault-sources.ts'
import { awaitServing } from '../runner/recovery.ts'
import { InterruptedError, Stop } from '../runner/stop.ts'
import { makeWorkDirectory, reapWorkDirectories } from '../runner/work-directory.ts'
import { findLeader, requestTo } from '../systems/leader.ts'
import { systems } from '../systems/index.ts'
import type { System } from '../systems/system.ts'
import type { DoctorFlags } from './program.ts'
import { exitCodes } from './exit-codes.ts'
import type { TestCommandPorts } from './test-command.ts'

/** What came of one kind of fault on a live cluster. */
export interface ProbeRow {
  readonly fault: string
  readonly kind: string
  /**
   * `absent`: this environment has none, as `why` says; `failed`: it has, and its probe did not see what it must;
   * `not now`: it has, and each time it was asked for something stood in its way.
   */
  readonly state: 'works' | 'absent' | 'not now' | 'failed'
  readonly why?: string
  /** What the probe saw when it was broken, and when it was mended. */
  readonly broken?: unknown
  readonly mended?: unknown
}

/** Snapshots soon, so that there is one to damage. */
const memberConfigs: Readonly<Record<SystemName, Readonly<Record<string, unknown>>>> = {
  registry: { raft_snapshot_threshold: 60, raft_trailing_logs: 5 },
  consul: { raft_snapshot_threshold: 60, raft_trailing_logs: 5, raft_snapshot_interval: '1s' },
  etcd: { 'snapshot-count': 60 },
}
const writesBefore = 200
const servingTimeoutS = 60
const healAttempts = 3
const healPauseMs = 500
/** A busy machine may be too slow for a fault once. */
const attemptsMax = 3
const attemptPauseMs = 2_000

/**
 * `splitbrain doctor --probe`: a live cluster, and each kind of each fault on it
 * once, with the same families and probes that a run uses. 0: all that this
 * environment claims to have works; 2: something does not, or could not be tried.
 */
export async function runProbes(flags: DoctorFlags, { io, host, listenForSignals }: TestCommandPorts): Promise<number> {
  const chosen = await chooseEnvironment((flags.env ?? planDefaults.env) as NonNullable<PlanOptions['env']>, host.dockerAvailability)
  const say = (line: string) => { if (flags.json !== true) io.print(line) }
  say(chosen.why)
  const interrupt = new Stop()
  using _signals = listenForSignals(interrupt, (line) => io.error(line))
  await host.reapDeadRuns(chosen.kind, say)
  reapWorkDirectories(say)
  const system = (flags.system ?? planDefaults.system) as SystemName
  const memberConfig = memberConfigs[system]
  const plan = resolvePlan({ nemesis: ['all'], memberConfig, system }, {
    env: chosen.kind, drawSeed: () => 1, workloads: Object.keys(host.workloads), nemeses: Object.keys(host.nemeses), partitionTargets: [],
  })
  const runId = randomBytes(4).toString('hex')
  using workDirectory = makeWorkDirectory(runId)
  const random = seededRandom(plan.seed)
  await using environment = await host.createEnvironment(chosen.kind, {
    runId, memberCount: plan.members, random: random.split('environment'), workDirectory: workDirectory.path,
    edits: [], memberConfig, latencyMs: 0, powerLoss: false, ...environmentFaults(plan), say,
    ...systems[system].deployment === undefined ? {} : { deployment: systems[system].deployment },
  })
  const prober = new Prober(environment, plan, systems[plan.system], interrupt)
  const rows = await environment.run(() => prober.probeAll(Object.values(host.nemeses), (row) => say(describeRow(row))))
  if (flags.json === true) io.print(JSON.stringify({ env: chosen.kind, rows }, null, 2))
  const count = (state: ProbeRow['state']) => rows.filter((row) => row.state === state).length
  const notNow = count('not now')
  say(`${count('works')} work, ${count('absent')} are not to be had here, ${notNow > 0 ? `${notNow} could not be tried now, ` : ''}${count('failed')} failed`)
  return count('failed') + notNow === 0 ? exitCodes.valid : exitCodes.unknown
}

/** `ok  clock jump back, wall clock   {"n2":{…}}`. */
export function describeRow({ fault, kind, state, why, broken, mended }: ProbeRow): string {
  const name = `${fault}${kind === '' ? '' : ` (${kind})`}`.padEnd(44)
  switch (state) {
    case 'works': return `ok  ${name}  broken: ${brief(broken)}; mended: ${brief(mended)}`
    case 'absent': return `--  ${name}  ${why}`
    case 'not now': return `??  ${name}  ${why}`
    case 'failed': return `!!  ${name}  ${why}`
  }
}

function brief(seen: unknown): string {
  const text = JSON.stringify(seen) ?? 'nothing'
  return text.length <= 160 ? text : `${text.slice(0, 157)}...`
}

class Prober {
  readonly #environment: Environment
  readonly #plan: RunPlan
  readonly #system: System
  readonly #interrupt: Stop

  constructor(environment: Environment, plan: RunPlan, system: System, interrupt: Stop) {
    this.#environment = environment
    this.#plan = plan
    this.#system = system
    this.#interrupt = interrupt
  }

  async probeAll(nemeses: readonly Nemesis[], tell: (row: ProbeRow) => void): Promise<ProbeRow[]> {
    await this.#interrupt.orInterrupt(this.#environment.start())
    await this.#mustServe()
    await this.#fillLog()
    const rows: ProbeRow[] = []
    for (const nemesis of nemeses) {
      const missing = nemesis.missing(this.#environment, this.#plan, this.#system)
      for (const variant of nemesis.variants?.(this.#environment) ?? [{ kind: '', asked: {}, missing: null }]) {
        const why = missing ?? variant.missing
        const row: ProbeRow = why === null ? await this.#probeInTime(nemesis, variant) : { fault: nemesis.name, kind: variant.kind, state: 'absent', why }
        rows.push(row)
        tell(row)
      }
    }
    return rows
  }

  async #probeInTime(nemesis: Nemesis, variant: Variant): Promise<ProbeRow> {
    for (let attempt = 1; ; attempt++) {
      const row = await this.#probe(nemesis, variant)
      if (row.state !== 'not now' || attempt === attemptsMax) return row
      await this.#interrupt.orInterrupt(this.#environment.clock.sleep(attemptPauseMs))
    }
  }

  async #probe(nemesis: Nemesis, { kind, asked }: Variant): Promise<ProbeRow> {
    const base = { fault: nemesis.name, kind }
    try {
      const fault = await nemesis.next({
        environment: this.#environment, plan: this.#plan, system: this.#system,
        random: seededRandom(this.#plan.seed).split(`${nemesis.name} ${kind}`),
        leader: () => findLeader(this.#system, this.#environment),
        running: () => [],
        intensity: () => 0.5,
      }, asked)
      const active = await this.#interrupt.orInterrupt(fault.start())
      const mended = await this.#interrupt.orInterrupt(this.#mend(() => active.stop()))
      // The next probe must meet a whole cluster; one that does not come back is a failure of this one.
      await this.#mustServe()
      return { ...base, state: 'works', broken: active.observed, mended }
    } catch (error) {
      if (error instanceof NotNowError) return { ...base, state: 'not now', why: error.message }
      if (this.#interrupt.stopped) throw new InterruptedError(this.#interrupt.reason!)
      return { ...base, state: 'failed', why: (error as Error).message }
    }
  }

  async #mend(stop: () => Promise<unknown>): Promise<unknown> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await stop()
      } catch (error) {
        if (attempt === healAttempts) throw error
        await this.#environment.clock.sleep(healPauseMs)
      }
    }
  }

  async #mustServe(): Promise<void> {
    const serving = await awaitServing({ environment: this.#environment, system: this.#system, timeoutS: servingTimeoutS, interrupt: this.#interrupt })
    if (!serving.serving) throw new Error(`the cluster did not serve within ${servingTimeoutS} s; pending: ${serving.pending.join('; ')}`)
  }

  /** Something to keep: without it there is no log and no snapshot that a fault could damage. */
  async #fillLog(): Promise<void> {
    const client = this.#system.client(requestTo(this.#environment, this.#environment.members[0]!), 2000)
    for (let i = 0; i < writesBefore; i++) await this.#interrupt.orInterrupt(client.write(`splitbrain-probe/fill-${i % 20}`, 'x'.repeat(200)))
  }
}
