/**
 * What real Consul and real etcd are put through: the same workload and the same
 * faults as this project's registry. Valid as they are, and invalid where they are
 * told to do what no register may. (What they do is theirs; that it is seen is ours.)
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { connectEngine } from '../environments/docker/engine.ts'
import { listLabelled } from '../environments/docker/reap.ts'
import { runLabel } from '../environments/owner.ts'
import { readJson, startCli, type CliProcess } from './cli-process.ts'

export const foreignRunTimeoutMs = 280_000

/** Faults at their times, whatever the machine makes of them: a plan's own leave out what does not fit a slow one. */
export function startForeign(system: string, faults: readonly object[], ...args: readonly string[]): CliProcess {
  return startCli([
    'test', '--env', 'docker', '--system', system, '--members', '3', '--seed', '11', '--no-progress', '--recovery-timeout', '90',
    '--faults', JSON.stringify({ faults }), ...args,
  ])
}

/** Restarted once, the members know each other durably, so that what follows is what a power cut may take; a slow machine restarts slowly. */
export const powerCutOfAll = [
  { at: 0.5, for: 0.1, fault: 'restart-all', value: { how: 'kill' } },
  { at: 10, for: 0.1, fault: 'power', target: 'all', value: { how: 'power' } },
] as const

export function resultOf(cli: CliProcess, checker: string): any {
  return readJson(cli.runDirectory(), 'verdict.json').results.find((result: { checker: string }) => result.checker === checker)
}

const fiveFaults = [
  { at: 1, for: 0.1, fault: 'restart-all', value: { how: 'kill' } },
  { at: 3, for: 2, fault: 'partition', target: 'isolate-leader' },
  { at: 6, for: 1, fault: 'pause', target: 'leader' },
  { at: 8, for: 2, fault: 'clock', target: 'one', value: { skew: { kind: 'jump', offsetMs: -30_000 }, clocks: 'all' } },
  { at: 12, for: 0.1, fault: 'power', target: 'all', value: { how: 'power' } },
] as const
const timeLimitsS = [18, 75]

/** Broken in five ways, in the end by a power cut of all its members: valid, and nothing is left. @param logLine of each member's own log */
export async function validUnderFaults(t: Test, system: string, logLine: string): Promise<void> {
  for (const timeLimitS of timeLimitsS) {
    using cli = startForeign(system, fiveFaults, '--time-limit', String(timeLimitS))
    t.equal(await cli.exit(foreignRunTimeoutMs), 0, cli.output().slice(-3000))
    // On a slow machine the time may be over before the last has its turn.
    if (resultOf(cli, 'faults').details.started < fiveFaults.length && timeLimitS !== timeLimitsS.at(-1)) continue
    await checkRun(t, cli, system, logLine)
    return
  }
}

async function checkRun(t: Test, cli: CliProcess, system: string, logLine: string): Promise<void> {
  t.match(resultOf(cli, 'linearizability'), { verdict: 'valid' })
  t.match(resultOf(cli, 'faults'), { verdict: 'valid', details: { started: 5 } })
  t.match(resultOf(cli, 'members'), { notRun: true, summary: `members of ${system} leave no Raft trace` }, 'and the verdict does not depend on it')
  t.match(cli.output(), /^ {2}members: not run: /m)
  t.match(cli.output(), /^n[123] lost power: [1-9]\d* blocks of 4 KiB lost/m, 'there was something to lose')
  const directory = cli.runDirectory()!
  t.match(readJson(directory, 'plan.json'), { system, rerun: new RegExp(`--system ${system}`) })
  for (const member of ['n1', 'n2', 'n3']) t.match(readFileSync(join(directory, 'members', member, 'member.log'), 'utf8'), logLine)
  t.notOk(existsSync(join(directory, 'members', 'n1', 'raft-trace.jsonl')))
  const faults = readFileSync(join(directory, 'faults.jsonl'), 'utf8').trim().split('\n').map((line) => JSON.parse(line))
  const [seen] = Object.values(faults.find(({ name, step }) => name === 'clock' && step === 'start').observed) as { reportedWallMs: number }[]
  t.ok(seen!.reportedWallMs < -27_000 && seen!.reportedWallMs > -34_000, `its own answers have the date of half a minute ago: ${seen!.reportedWallMs} ms`)
  t.same(await listLabelled(await connectEngine(), `${runLabel}=${readJson(directory, 'plan.json').runId}`), [])
}
