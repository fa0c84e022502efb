/**
 * Real Consul and real etcd under the same workload and the same faults as this
 * project's registry: valid as they are, and invalid where they are told to do
 * what no register may. (What they do is theirs; that it is seen is ours.)
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { connectEngine } from '../environments/docker/engine.ts'
import { listLabelled } from '../environments/docker/reap.ts'
import { runLabel } from '../environments/owner.ts'
import { consul } from '../systems/consul.ts'
import { etcd } from '../systems/etcd.ts'
import { systemRequirement } from '../testing/requirements.ts'
import { readJson, startCli, type CliProcess } from './cli-process.ts'

const skips = { consul: await systemRequirement(consul), etcd: await systemRequirement(etcd) }
const runTimeoutMs = 280_000
const timeout = runTimeoutMs + 20_000

const test = (system: keyof typeof skips, ...args: readonly string[]) =>
  startCli(['test', '--env', 'docker', '--system', system, '--members', '3', '--seed', '11', '--no-progress', ...args])

const resultOf = (cli: CliProcess, checker: string) =>
  readJson(cli.runDirectory(), 'verdict.json').results.find((result: { checker: string }) => result.checker === checker)

/** A fault each, whenever the machine gets to it: a plan's own times leave out what does not fit a slow one. */
const script = (...faults: readonly object[]) => ['--faults', JSON.stringify({ faults })]

for (const system of ['consul', 'etcd'] as const) {
  t.test(`${system}: a partition, a pause, a kill and a clock that jumps; valid, and nothing is left`, { skip: skips[system], timeout }, async (t) => {
    using cli = test(system, '--time-limit', '14', ...script(
      { at: 1, for: 2, fault: 'partition', target: 'isolate-leader' },
      { at: 4, for: 1, fault: 'pause', target: 'leader' },
      { at: 6, for: 1, fault: 'kill', target: 'one' },
      { at: 9, for: 2, fault: 'clock', target: 'one', value: { skew: { kind: 'jump', offsetMs: -30_000 }, clocks: 'all' } },
    ))
    t.equal(await cli.exit(runTimeoutMs), 0, cli.output().slice(-3000))
    t.match(resultOf(cli, 'linearizability'), { verdict: 'valid' })
    t.match(resultOf(cli, 'faults'), { verdict: 'valid', details: { started: 4 } })
    t.match(resultOf(cli, 'members'), { notRun: true, summary: `members of ${system} leave no Raft trace` }, 'and the verdict does not depend on it')
    t.match(cli.output(), /^ {2}members: not run: /m)
    const directory = cli.runDirectory()!
    t.match(readJson(directory, 'plan.json'), { system, rerun: new RegExp(`--system ${system}`) })
    for (const member of ['n1', 'n2', 'n3']) t.match(readFileSync(join(directory, 'members', member, 'member.log'), 'utf8'), system === 'consul' ? 'Consul agent running' : 'starting an etcd server')
    t.notOk(existsSync(join(directory, 'members', 'n1', 'raft-trace.jsonl')))
    const clocks = readFileSync(join(directory, 'faults.jsonl'), 'utf8').trim().split('\n').map((line) => JSON.parse(line)).filter(({ name, step }) => name === 'clock' && step === 'start')
    const [seen] = Object.values(clocks[0].observed) as { reportedWallMs: number }[]
    t.ok(seen!.reportedWallMs < -27_000 && seen!.reportedWallMs > -33_000, `its own answers have the date of half a minute ago: ${seen!.reportedWallMs} ms`)
    t.same(await listLabelled(await connectEngine(), `${runLabel}=${readJson(directory, 'plan.json').runId}`), [])
  })
}

/** So that the members know each other durably, and what follows is what a power cut may take. */
const powerAfterRestart = script(
  { at: 1, for: 0.1, fault: 'restart-all', value: { how: 'kill' } },
  { at: 5, for: 0.1, fault: 'power', target: 'all', value: { how: 'power' } },
)

for (const system of ['consul', 'etcd'] as const) {
  t.test(`${system}: a power cut of all loses nothing that was acknowledged, as both sync`, { skip: skips[system], timeout }, async (t) => {
    using cli = test(system, '--time-limit', '9', ...powerAfterRestart)
    t.equal(await cli.exit(runTimeoutMs), 0, cli.output().slice(-3000))
    t.match(resultOf(cli, 'linearizability'), { verdict: 'valid' })
    t.match(cli.output(), /^n[123] lost power: [1-9]\d* blocks of 4 KiB lost/m)
  })
}

t.test('etcd that is told not to sync loses acknowledged writes in a power cut, and that is seen', { skip: skips.etcd, timeout }, async (t) => {
  using cli = test('etcd', '--time-limit', '9', ...powerAfterRestart, '--member-config', '{"unsafe-no-fsync": true}')
  t.equal(await cli.exit(runTimeoutMs), 1, cli.output().slice(-3000))
  t.match(resultOf(cli, 'linearizability'), { verdict: 'invalid' })
  t.match(cli.output(), /No order of the operations explains/)
})

t.test('Consul\'s stale reads are not linearizable, and that is seen', { skip: skips.consul, timeout }, async (t) => {
  using cli = test('consul', '--time-limit', '9', '--consistency', 'stale', ...script({ at: 1, for: 6, fault: 'partition', target: 'isolate-one' }))
  t.equal(await cli.exit(runTimeoutMs), 1, cli.output().slice(-3000))
  t.match(resultOf(cli, 'linearizability'), { verdict: 'invalid' })
})
