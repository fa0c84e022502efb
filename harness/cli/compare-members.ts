import { randomInt } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Measurement } from '../../results/bench/bench-record.ts'
import { renderMembers } from '../../results/compare/members-page.ts'
import type { MembersRecord } from '../../results/compare/members-record.ts'
import { membersLines, membersMarkdown } from '../../results/compare/members-table.ts'
import { plural } from '../../results/compare/numbers.ts'
import { membersWords } from '../../results/compare/members-words.ts'
import { describeMachine } from '../bench/machine.ts'
import { measureMembers, type MembersOptions } from '../bench/members/measure-members.ts'
import { busyNotes, measure, tellEnd } from '../bench/run-benchmark.ts'
import { versionsWith } from '../bench/system-version.ts'
import { chooseEnvironment } from '../plan/choose-environment.ts'
import { membersMax } from '../plan/defaults.ts'
import { readProvenance } from '../plan/provenance.ts'
import { UsageError } from '../plan/usage-error.ts'
import { defaultStore } from '../runner/prepared-run.ts'
import { makeStartedDirectory, writeWhole } from '../runner/run-directory.ts'
import { reapWorkDirectories } from '../runner/work-directory.ts'
import { systems } from '../systems/index.ts'
import type { CompareFlags } from './compare-flags.ts'
import type { TestCommandPorts } from './test-command.ts'

/** Enough that a difference can be told from the spread. */
const usual = { rounds: 5, kills: 2, faultSeconds: 4 }
const quick = { rounds: 1, kills: 1, faultSeconds: 3 }
/** A simulated operation costs this machine's time, and no real connection is needed to fill a real member's. */
const load = { simulated: { loadSeconds: 0.5, connections: 8 }, local: { loadSeconds: 2, connections: 32 }, docker: { loadSeconds: 2, connections: 32 } }

/** `splitbrain compare --members 3,4,5`: measures, tells, and leaves a record that can be compared in turn. Returns the exit code; throws UsageError. */
export async function runCompareMembers(memberCounts: readonly number[], flags: CompareFlags, rerun: readonly string[], ports: TestCommandPorts): Promise<number> {
  const { io, host, workingDirectory } = ports
  const { system = 'registry' } = flags
  const chosen = await chooseEnvironment(flags.env ?? 'auto', host.dockerAvailability)
  if (systems[system].deployment !== undefined && chosen.kind !== 'docker') throw new UsageError(`${system} runs in containers only, and this would be environment ${chosen.kind}: use --env docker on a machine with Docker.`)
  const options = readOptions(flags, chosen.kind)
  const seed = readSeed(flags.seed)
  const tooMany = memberCounts.find((count) => count > membersMax)
  if (tooMany !== undefined) throw new UsageError(`--members ${tooMany}: a cluster has 1 to ${membersMax} members.`)

  const quiet = flags.json === true || flags.markdown === true
  const say = (line: string) => quiet ? io.error(line) : io.print(line)
  say(chosen.why)
  say(`${memberCounts.join(', ')} members of ${system}, ${plural(options.rounds, 'round')}, seed ${seed}`)
  const machine = describeMachine()
  await host.reapDeadRuns(chosen.kind, say)
  reapWorkDirectories(say)

  const startedAt = new Date()
  const beganMs = performance.now()
  const measurements: Measurement[] = []
  const notes = chosen.kind === 'simulated' ? [] : busyNotes(machine)
  const results = { measurements, notes, systemVersion: null as string | null }
  const benchFlags = { env: chosen.kind, system, members: memberCounts, seed, ...flags.memberConfig === undefined ? {} : { memberConfig: flags.memberConfig } }
  const end = await measure({ measure: (context) => measureMembers(context, options) }, benchFlags, chosen.kind, seed, results, say, ports)
  const { versions, git } = await readProvenance()
  const record: MembersRecord = {
    compare: 'members', env: chosen.kind, system, memberCounts: [...memberCounts],
    startedAt: startedAt.toISOString(), tookS: Math.round(performance.now() - beganMs) / 1000,
    rerun: ['npx', 'splitbrain', 'compare', '--env', chosen.kind, ...rerun, '--seed', String(seed)].join(' '),
    versions: versionsWith(versions, system, results.systemVersion),
    git, machine, measurements, notes, words: membersWords(measurements),
  }
  if (measurements.length > 0) {
    const directory = writeRecord(record, flags.store === undefined ? defaultStore(workingDirectory) : resolve(workingDirectory, flags.store), startedAt)
    if (flags.html !== undefined) writeFileSync(resolve(workingDirectory, flags.html), renderMembers(record))
    if (flags.json === true) io.print(JSON.stringify(record, null, 2))
    else if (flags.markdown === true) io.print(membersMarkdown(record).trimEnd())
    else for (const line of membersLines(record)) io.print(line)
    for (const line of notes) say(`note: ${line}`)
    say(`all of it: ${directory}/compare.html, compare.json`)
  }
  return tellEnd('the comparison', end, measurements.length, ports)
}

function writeRecord(record: MembersRecord, store: string, startedAt: Date): string {
  const directory = makeStartedDirectory(join(store, 'compare'), startedAt)
  writeWhole(directory, 'compare.json', `${JSON.stringify(record, null, 2)}\n`)
  writeWhole(directory, 'compare.html', renderMembers(record))
  return directory
}

function readOptions(flags: CompareFlags, env: keyof typeof load): MembersOptions {
  const base = { ...flags.quick === true ? quick : usual, ...load[env] }
  const whole = (flag: string, value: number) => {
    if (!Number.isInteger(value) || value < 1) throw new UsageError(`${flag} ${value}: give a whole number above zero.`)
    return value
  }
  const seconds = (flag: string, value: number, min: number) => {
    if (value < min) throw new UsageError(`${flag} ${value}: give at least ${min} seconds.`)
    return value
  }
  return {
    rounds: whole('--rounds', flags.rounds ?? base.rounds),
    kills: whole('--kills', flags.kills ?? base.kills),
    connections: whole('--connections', flags.connections ?? base.connections),
    loadSeconds: seconds('--load-seconds', flags.loadSeconds ?? base.loadSeconds, 0.1),
    // Both halves must hold operations of each kind, and an election.
    faultSeconds: seconds('--fault-seconds', flags.faultSeconds ?? base.faultSeconds, 1),
  }
}

function readSeed(seed: number | undefined): number {
  if (seed === undefined) return randomInt(0, 2 ** 32)
  if (!Number.isInteger(seed) || seed < 0 || seed > 0xffff_ffff) throw new UsageError(`--seed ${seed}: give a whole number from 0 to ${0xffff_ffff}.`)
  return seed
}
