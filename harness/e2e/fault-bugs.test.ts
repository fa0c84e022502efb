/**
 * Bugs that one family of faults alone can show are caught with that fault on.
 * That they are not caught without it: faults-are-needed.test.ts.
 */
import t, { type Test as Tap } from 'tap'
import { faultBugs } from '../mutants/fault-bugs.ts'
import { readJson, startCli } from './cli-process.ts'

const deadlineMs = 120_000
/** Not every schedule meets the bug: about one in two where it takes a certain byte of a certain file. */
const seedsMax = 10

for (const bug of faultBugs) {
  t.test(`${bug.name} is caught with its fault on`, { timeout: deadlineMs + 200_000 }, async (t) => {
    for (let seed = 1; ; seed++) {
      using cli = startCli(['test', '--env', 'simulated', '--mutant', bug.name, '--seed', String(seed), ...bug.runs.simulated])
      const code = await cli.exit(deadlineMs)
      if (code !== 1 && seed < seedsMax) continue
      t.equal(code, 1, cli.output().slice(-3000))
      t.comment(`seed ${seed}`)
      return judge(t, readJson(cli.runDirectory(), 'verdict.json').results)
    }
  })
}

function judge(t: Tap, results: any[]): void {
  const against = results.filter((checker) => checker.verdict === 'invalid')
  t.ok(against.length > 0 && against.every(({ evidence }) => evidence.length > 0), 'a checker says invalid, with evidence')
  // Where the bug keeps a member from starting again, its fault cannot be proven mended.
  t.ok(results.find(({ checker }) => checker === 'faults').details.started > 0, 'faults took effect')
}
