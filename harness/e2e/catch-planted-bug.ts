import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { coreBugs, plantedBugs } from '../mutants/bugs.ts'
import type { EnvironmentKind } from '../environments/environment.ts'
import { readJson, startCli } from './cli-process.ts'

/** From the start of the command to its end, the verdict included. */
const deadlineMs = 180_000
/** A simulated run is the same each time; with real time the same seed meets the bug in most runs, not in all. */
const runsMax: Readonly<Record<EnvironmentKind, number>> = { simulated: 1, local: 5, docker: 5 }

/** One of each workload, so that its way is walked in real time too; the others are caught in trust.test.ts, simulated. */
const ofOtherWorkloads = new Set(['lock-taken-though-held', 'ttl-never-critical'])

/** The bugs that are looked for by the command, as a user would start it. */
export const walkedBugs = [...coreBugs, ...plantedBugs.filter(({ name }) => ofOtherWorkloads.has(name))]

/** A test that the run which the bug's entry names catches it: the verdict, its evidence, the report and the plan. */
export function caughtIn(env: EnvironmentKind, bug: string, options: readonly string[], skip: string | false = false): void {
  t.test(`${bug} is caught in the ${env} environment`, { skip, timeout: (1 + runsMax[env]) * deadlineMs }, async (t) => {
    let run = 1
    using runs = new DisposableStack()
    let cli = runs.use(startCli(['test', '--env', env, '--mutant', bug, '--seed', '1', ...options]))
    while (await cli.exit(deadlineMs) !== 1 && run < runsMax[env]) {
      cli = runs.use(startCli(['test', '--env', env, '--mutant', bug, '--seed', String(++run), ...options]))
    }
    t.equal(await cli.exit(deadlineMs), 1, cli.output().slice(-3000))
    t.comment(`run ${run}`)
    const directory = cli.runDirectory()
    const verdict = readJson(directory, 'verdict.json')
    t.equal(verdict.verdict, 'invalid')
    const against = verdict.results.filter((checker: any) => checker.verdict === 'invalid')
    t.ok(against.length > 0, 'a checker says invalid')
    for (const checker of against) t.ok(checker.evidence.length > 0, `${checker.checker} brings evidence`)
    t.match(cli.output(), /invalid/)
    t.ok(existsSync(join(directory!, 'report.html')), 'the report is there')
    t.match(JSON.stringify(readJson(directory, 'plan.json')), bug, 'the plan names the bug')
  })
}
