/**
 * Docker: nothing is left behind after Ctrl-C at once, after kill -9 with the
 * next start; and two runs at once do not disturb each other.
 * (`harness/cli/left-behind.test.ts` asserts the same of local processes.)
 */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { dockerRequirement } from '../testing/requirements.ts'
import { readJson, startCli, type CliProcess } from './cli-process.ts'

const skip = await dockerRequirement()

/** Containers, networks and volumes with our label for this run. */
function resourcesOf(runId: string): string[] {
  const list = (...args: string[]) => execFileSync('docker', [...args, '--filter', `label=splitbrain.run=${runId}`], { encoding: 'utf8' }).split('\n').filter((line) => line !== '')
  return [...list('ps', '-aq'), ...list('network', 'ls', '-q'), ...list('volume', 'ls', '-q')]
}

/** The run's id, once it does operations. */
async function runIdOf(cli: CliProcess): Promise<string> {
  const endMs = performance.now() + 120_000
  for (;;) {
    const directory = cli.runDirectory()
    const history = directory === null ? null : join(directory, 'history.jsonl')
    if (history !== null && existsSync(history) && readFileSync(history, 'utf8').includes('"invoke"')) return readJson(directory, 'plan.json').runId
    if (performance.now() > endMs || cli.child.exitCode !== null) throw new Error(`the run came to no operation:\n${cli.output()}`)
    await sleep(50)
  }
}

const long = ['test', '--env', 'docker', '--time-limit', '120', '--nemesis', 'partition', '--interval', '1']

t.test('Ctrl-C in the middle leaves nothing', { skip, timeout: 240_000 }, async (t) => {
  using cli = startCli(long)
  const runId = await runIdOf(cli)
  t.not(resourcesOf(runId).length, 0, 'members run')
  cli.child.kill('SIGINT')
  t.equal(await cli.exit(60_000), 130, 'an interrupted run is not a valid one')
  t.same(resourcesOf(runId), [])
})

t.test('after kill -9 the next start reaps what the dead run left, and not what a live one has', { skip, timeout: 300_000 }, async (t) => {
  using live = startCli(long)
  const liveId = await runIdOf(live)
  const liveResources = resourcesOf(liveId).sort()
  using dead = startCli(long)
  const deadId = await runIdOf(dead)
  t.not(resourcesOf(deadId).length, 0, 'members run')
  dead.child.kill('SIGKILL')
  await dead.exit(30_000)
  using next = startCli(['test', '--env', 'docker', '--nemesis', 'none', '--time-limit', '2'])
  t.equal(await next.exit(120_000), 0, next.output().slice(-2000))
  t.same(resourcesOf(deadId), [], 'the dead run is reaped')
  t.same(resourcesOf(liveId).sort(), liveResources, 'the live one is untouched')
  live.child.kill('SIGINT')
  await live.exit(60_000)
  t.same(resourcesOf(liveId), [])
})
