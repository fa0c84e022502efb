/** Every planted bug is caught, but for those that planted-bugs.test.ts and fault-bugs.test.ts catch. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { coreBugs, plantedBugs } from '../mutants/bugs.ts'
import { faultBugs } from '../mutants/fault-bugs.ts'
import { areaOf, catchBug } from './catch-bug.ts'

const store = mkdtempSync(join(tmpdir(), 'splitbrain-trust-'))
t.teardown(() => rmSync(store, { recursive: true, force: true }))
t.setTimeout(900_000)

const elsewhere = new Set([...coreBugs, ...faultBugs])
for (const bug of plantedBugs.filter((bug) => !elsewhere.has(bug))) {
  t.test(`${areaOf(bug)}: ${bug.name}`, async (t) => {
    const outcome = await catchBug(bug, store)
    t.equal(outcome.kind, 'caught', JSON.stringify(outcome))
    t.comment(JSON.stringify(outcome))
  })
}

t.test('a bug that does nothing is missed, and that is said', async (t) => {
  const harmless = { name: 'skip-fdatasync', about: '', edits: plantedBugs.find(({ name }) => name === 'skip-fdatasync')!.edits, runs: { simulated: ['--nemesis', 'none', '--time-limit', '3'], local: null } }
  t.match(await catchBug(harmless, store, 1), { kind: 'missed', runs: 1, last: /valid|unknown/ })
})

t.test('the catalogue is of some size, and of all parts', async (t) => {
  t.ok(plantedBugs.length >= 36, `${plantedBugs.length} bugs`)
  const areas = new Set(plantedBugs.map(areaOf))
  for (const area of ['raft', 'driver', 'storage', 'state', 'gossip', 'local', 'api', 'dns']) t.ok(areas.has(area), area)
})
