/**
 * Nothing is left behind: after Ctrl-C at once, after kill -9 with the next
 * start; and two runs at once do not disturb each other.
 */
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { dockerRequirement } from '../testing/requirements.ts'
import { readJson, startCli } from './cli-process.ts'

const skipDocker = await dockerRequirement()
const linux = process.platform === 'linux'

/** Processes of members that belong to the run in this store, by their command line. */
function membersOf(runMarker: string): number[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number).filter((pid) => {
    try {
      const commandLine = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
      return commandLine.includes('-bootstrap-expect') && commandLine.includes(runMarker)
    } catch {
      return false
    }
  })
}

/** Containers, networks and volumes with our label for this run. */
function dockerResources(runId: string): string[] {
  const list = (...args: string[]) => execFileSync('docker', [...args, '--filter', `label=splitbrain.run=${runId}`], { encoding: 'utf8' }).split('\n').filter((line) => line !== '')
  return [...list('ps', '-aq'), ...list('network', 'ls', '-q'), ...list('volume', 'ls', '-q')]
}

/** The run's id, from the plan that is written before the first effect. */
async function runIdOf(cli: ReturnType<typeof startCli>): Promise<string> {
  await cli.says(/ops\/s|operations\/s/, 120_000)
  return readJson(cli.runDirectory(), 'plan.json').runId
}

const long = ['--time-limit', '120', '--nemesis', 'partition', '--interval', '1']

for (const { env, skip, left } of [
  { env: 'local', skip: linux ? false as const : 'reads /proc', left: membersOf },
  { env: 'docker', skip: skipDocker, left: dockerResources },
]) {
  t.test(`${env}: Ctrl-C in the middle leaves nothing`, { skip, timeout: 240_000 }, async (t) => {
    using cli = startCli(['test', '--env', env, ...long])
    const runId = await runIdOf(cli)
    t.not(left(runId).length, 0, 'members run')
    cli.child.kill('SIGINT')
    const code = await cli.exit(60_000)
    t.ok(code !== 0, `exit code ${code}: an interrupted run is not a valid one`)
    t.same(left(runId), [], 'nothing is left')
  })

  t.test(`${env}: after kill -9 the next start reaps what the dead run left, and not what a live one has`, { skip, timeout: 300_000 }, async (t) => {
    using live = startCli(['test', '--env', env, ...long])
    const liveId = await runIdOf(live)
    const liveResources = left(liveId).length
    using dead = startCli(['test', '--env', env, ...long])
    const deadId = await runIdOf(dead)
    t.not(left(deadId).length, 0, 'members run')
    dead.child.kill('SIGKILL')
    await dead.exit(30_000)
    using next = startCli(['test', '--env', env, '--nemesis', 'none', '--time-limit', '2'])
    t.equal(await next.exit(120_000), 0, next.output().slice(-2000))
    t.same(left(deadId), [], 'the dead run is reaped')
    t.equal(left(liveId).length, liveResources, 'the live one is untouched')
    live.child.kill('SIGINT')
    await live.exit(60_000)
    t.same(left(liveId), [])
  })
}
