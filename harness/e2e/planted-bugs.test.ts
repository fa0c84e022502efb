/**
 * The other half of a valid verdict: every planted bug is caught by the run
 * that its entry names, as a user would start it. A bug that nobody sees any
 * more is a checker, a fault or a workload that has gone blind.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { coreBugs, plantedBugs } from '../mutants/bugs.ts'
import { dockerRequirement } from '../testing/requirements.ts'
import { readJson, startCli } from './cli-process.ts'

/** From the start of the command to its end, the verdict included. */
const deadlines = { simulated: 60_000, local: 180_000, docker: 180_000 }
/** A simulated run is the same each time; with real time the same seed meets the bug in most runs, not in all. */
const runsMax = { simulated: 1, local: 3, docker: 3 }
/** In containers too: one bug that the history shows, so that the whole path is walked there. */
const dockerToo = new Set(['ack-before-quorum'])

/** One of each workload, so that its way is walked in real time too; the others are caught in trust.test.ts, simulated. */
const ofOtherWorkloads = new Set(['lock-taken-though-held', 'ttl-never-critical'])

for (const bug of [...coreBugs, ...plantedBugs.filter(({ name }) => ofOtherWorkloads.has(name))]) {
  const cases = [
    { env: 'simulated', options: bug.runs.simulated, skip: false },
    ...bug.runs.local === null ? [] : [{ env: 'local', options: bug.runs.local, skip: false } as const],
    ...bug.runs.local !== null && dockerToo.has(bug.name) ? [{ env: 'docker', options: bug.runs.local, skip: await dockerRequirement() } as const] : [],
  ] as const
  for (const { env, options, skip } of cases) {
    t.test(`${bug.name} is caught in the ${env} environment`, { skip, timeout: 2 * deadlines[env] + 60_000 }, async (t) => {
      let run = 1
      using runs = new DisposableStack()
      let cli = runs.use(startCli(['test', '--env', env, '--mutant', bug.name, '--seed', '1', ...options]))
      while (await cli.exit(deadlines[env]) !== 1 && run < runsMax[env]) {
        cli = runs.use(startCli(['test', '--env', env, '--mutant', bug.name, '--seed', String(++run), ...options]))
      }
      t.equal(await cli.exit(deadlines[env]), 1, cli.output().slice(-3000))
      t.comment(`run ${run}`)
      const directory = cli.runDirectory()
      const verdict = readJson(directory, 'verdict.json')
      t.equal(verdict.verdict, 'invalid')
      const against = verdict.results.filter((checker: any) => checker.verdict === 'invalid')
      t.ok(against.length > 0, 'a checker says invalid')
      for (const checker of against) t.ok(checker.evidence.length > 0, `${checker.checker} brings evidence`)
      t.match(cli.output(), /invalid/)
      t.ok(existsSync(join(directory!, 'report.html')), 'the report is there')
      t.match(JSON.stringify(readJson(directory, 'plan.json')), bug.name, 'the plan names the bug')
    })
  }
}
