/**
 * Bugs that one family of faults alone can show are caught with that fault on.
 * That they are not caught without it: faults-are-needed.test.ts.
 */
import t from 'tap'
import { faultBugs } from '../mutants/fault-bugs.ts'
import { readJson, startCli } from './cli-process.ts'

const deadlineMs = 120_000

for (const bug of faultBugs) {
  t.test(`${bug.name} is caught with its fault on`, { timeout: deadlineMs + 20_000 }, async (t) => {
    using cli = startCli(['test', '--env', 'simulated', '--mutant', bug.name, '--seed', '1', ...bug.runs.simulated])
    t.equal(await cli.exit(deadlineMs), 1, cli.output().slice(-3000))
    const { results } = readJson(cli.runDirectory(), 'verdict.json')
    const against = results.filter((checker: any) => checker.verdict === 'invalid')
    t.ok(against.length > 0 && against.every(({ evidence }: any) => evidence.length > 0), 'a checker says invalid, with evidence')
    // Where the bug keeps a member from starting again, its fault cannot be proven mended.
    t.ok(results.find(({ checker }: any) => checker === 'faults').details.started > 0, 'faults took effect')
  })
}
