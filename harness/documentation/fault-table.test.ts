import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { seededRandom } from '../../node/base/random.ts'
import { nemeses } from '../../nemesis/index.ts'
import { carriedFaults, describeCarried } from '../environments/carried-faults.ts'
import { createLocalEnvironment } from '../environments/local/index.ts'
import { createSimulatedEnvironment } from '../environments/simulated/index.ts'
import type { EnvironmentOptions } from '../environments/environment.ts'
import { projectRoot } from '../plan/provenance.ts'
import { faultTable, withFaultTable } from './fault-table.ts'

t.test('the README says what the code says', async (t) => {
  const readme = readFileSync(join(projectRoot, 'README.md'), 'utf8')
  t.ok(readme === withFaultTable(readme), 'the table of faults is stale: run `npm run document`')
})

t.test('the table has each family, and changes with what environments carry', async (t) => {
  const table = faultTable()
  for (const name of Object.keys(nemeses)) t.match(table, new RegExp(`^\\| \`${name}\` \\| .+ \\| (yes|no)`, 'm'))
  t.match(table, /^\| `duplicate` .*\| yes, not raft only, clients \|/m)
  t.throws(() => withFaultTable('# nothing'), /no place for the table/)
})

t.test('what is documented is what the environments have', async (t) => {
  const options: EnvironmentOptions = {
    runId: 'documentation', memberCount: 3, random: seededRandom(1), workDirectory: t.testdir(), edits: [], memberConfig: {},
    latencyMs: 0, powerLoss: false, faults: Object.keys(nemeses), spareCount: 2, say: () => {},
  }
  const inOrder = (carried: unknown) => JSON.parse(JSON.stringify(carried, (_key, value: unknown) => Array.isArray(value) ? [...value].sort() : value)) as unknown
  await using simulated = await createSimulatedEnvironment(options)
  t.same(describeCarried(simulated), inOrder(carriedFaults.simulated))
  await using local = await createLocalEnvironment(options)
  t.same(describeCarried(local), inOrder(carriedFaults.local))
})
