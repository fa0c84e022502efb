import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import type { JudgedJob } from '../explore/job.ts'
import { JobPool } from '../explore/job-pool.ts'
import { startCli } from './cli-process.ts'

/** Many runs, one of them again, and the smallest that shows the same: as a user does it. */
t.setTimeout(600_000)
const directory = mkdtempSync(join(tmpdir(), 'splitbrain-explore-'))
t.teardown(() => rmSync(directory, { recursive: true, force: true }))

async function splitbrain(...args: readonly string[]) {
  using cli = startCli(args)
  const exitCode = await cli.exit(500_000)
  return { exitCode, output: cli.output() }
}

t.test('each seed twice, on processes side by side: the same bytes; other seeds others', async (t) => {
  await using pool = new JobPool(2)
  const seeds = [1, 2, 3]
  const options = { env: 'simulated' as const, nemesis: ['all'], members: 3, timeLimit: 12, store: join(directory, 'twice') }
  const digests = new Map<number, string[]>(seeds.map((seed) => [seed, []]))
  const jobs = [...seeds, ...seeds.toReversed()].map((seed, id) => ({ seed, job: { id, options: { ...options, seed }, keep: 'all' as const } }))
  await pool.runAll(jobs.map(({ job }) => job).values(), (job, end) => {
    t.match(end, { kind: 'judged', verdict: 'valid' })
    digests.get(jobs[job.id]!.seed)!.push((end as JudgedJob).digest)
    return 'more'
  })
  for (const [seed, [first, second]] of digests) t.equal(second, first, `seed ${seed}`)
  t.equal(new Set([...digests.values()].flat()).size, seeds.length)
})

t.test('a bug: explored, replayed, shrunk to a scenario that shows it', async (t) => {
  const store = join(directory, 'bug')
  const explored = await splitbrain('explore', '--runs', '12', '--mutant', 'ack-before-quorum', '--nemesis', 'partition', '--targets', 'isolate-leader', '--interval', '1', '--time-limit', '12', '--seed', '1', '--config', 'none', '--store', store)
  t.equal(explored.exitCode, 1, explored.output)
  t.match(explored.output, /seed \d+: invalid\n.*linearizability: invalid/)
  t.match(explored.output, /elections won +\d+/)
  const found = /^ {2}(\/\S+\/register\/\S+)$/m.exec(explored.output)?.[1]
  t.ok(found, explored.output)

  const replayed = await splitbrain('replay', found!, '--store', join(directory, 'again'))
  t.equal(replayed.exitCode, 1, replayed.output)
  t.match(replayed.output, /are the same, byte for byte/)

  // A history that was changed by hand is no longer what the plan comes to.
  const forged = join(directory, 'forged')
  cpSync(found!, forged, { recursive: true })
  const history = readFileSync(join(forged, 'history.jsonl'), 'utf8')
  writeFileSync(join(forged, 'history.jsonl'), history.replace('"f":"write"', '"f":"read"'))
  const other = await splitbrain('replay', forged, '--store', join(directory, 'again'))
  t.equal(other.exitCode, 255)
  t.match(other.output, /went another way from line \d+ of history.jsonl/)

  const scenario = join(directory, 'scenario.json')
  const shrunk = await splitbrain('shrink', found!, '--budget', '40', '--out', scenario)
  t.equal(shrunk.exitCode, 0, shrunk.output)
  const smallest = JSON.parse(readFileSync(scenario, 'utf8')) as { faults: string, timeLimit: number }
  t.ok((JSON.parse(smallest.faults) as { faults: unknown[] }).faults.length <= 2, shrunk.output)
  t.ok(smallest.timeLimit < 12, shrunk.output)
  const again = await splitbrain('test', '--config', scenario, '--store', join(directory, 'scenario'))
  t.equal(again.exitCode, 1, again.output)
  t.match(readFileSync(join(directory, 'scenario.test.ts'), 'utf8'), /import \{ run \} from 'splitbrain'/)
})

t.test('what cannot be done is said before anything is', async (t) => {
  t.match(await splitbrain('replay', directory), { exitCode: 254, output: /is no directory of a run/ })
  t.match(await splitbrain('shrink', directory), { exitCode: 254, output: /is no directory of a run/ })
  t.match(await splitbrain('explore', '--runs', '0'), { exitCode: 254, output: /--runs 0/ })
  t.match(await splitbrain('explore', '--nemesis', 'earthquake'), { exitCode: 254, output: /earthquake/ })
})
