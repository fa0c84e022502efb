/**
 * The other half of fault-bugs.test.ts: without its fault nobody sees such a
 * bug (so it is the fault that shows it), and a sound member stands the fault
 * (so it is the bug that is seen).
 */
import t from 'tap'
import { plantedBugs } from '../mutants/bugs.ts'
import { startCli } from './cli-process.ts'

const deadlineMs = 120_000

for (const { name, runs: { simulated, withoutFault } } of plantedBugs) {
  if (withoutFault === undefined) continue
  for (const [what, args] of [['without its fault nobody sees it', ['--mutant', name, ...withoutFault]], ['a sound member stands its fault', simulated]] as const) {
    t.test(`${name}: ${what}`, { timeout: deadlineMs + 20_000 }, async (t) => {
      using cli = startCli(['test', '--env', 'simulated', '--seed', '1', ...args])
      t.equal(await cli.exit(deadlineMs), 0, cli.output().slice(-3000))
    })
  }
}
