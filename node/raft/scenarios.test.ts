/**
 * Runs the scenarios of `testdata/`, whose headers say what each shows.
 * `RAFT_REWRITE_SCENARIOS=1 tap run node/raft/scenarios.test.ts` writes the
 * traces that come out into the files: commit them only if you understand
 * every difference.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { formatScenario, parseScenario } from './testing/scenario-format.ts'
import { Scenario } from './testing/scenario.ts'

const directory = new URL('testdata/', import.meta.url)
const rewrite = process.env.RAFT_REWRITE_SCENARIOS === '1'

for (const name of readdirSync(directory).filter((file) => file.endsWith('.txt')).sort()) {
  t.test(name, async (t) => {
    const file = new URL(name, directory)
    const scenario = new Scenario()
    const steps = parseScenario(readFileSync(file, 'utf8'))
    t.ok(steps.some((step) => step.commands.length > 0), 'has commands')
    const actual = steps.map((step) => ({ ...step, expected: scenario.step(step.commands) }))
    if (rewrite) writeFileSync(file, formatScenario(actual))
    else t.equal(formatScenario(actual), formatScenario(steps))
  })
}
