/** Every planted bug is caught, but for those that planted-bugs.test.ts and fault-bugs.test.ts catch. */
import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { coreBugs, plantedBugs } from '../mutants/bugs.ts'
import { faultBugs } from '../mutants/fault-bugs.ts'
import { areaOf, catchBug } from './catch-bug.ts'

const store = mkdtempSync(join(tmpdir(), 'splitbrain-trust-'))
t.teardown(() => rmSync(store, { recursive: true, force: true }))
t.setTimeout(900_000)

/** Each begun in turn, so many at a time; what comes of each. */
function inTurn<T>(tasks: readonly (() => Promise<T>)[], atOnce: number): Promise<T>[] {
  const ends = tasks.map(() => Promise.withResolvers<T>())
  let next = 0
  const work = async () => {
    for (let at = next++; at < tasks.length; at = next++) await tasks[at]!().then(ends[at]!.resolve, ends[at]!.reject)
  }
  for (let i = 0; i < atOnce; i++) void work()
  for (const { promise } of ends) promise.catch(() => {})
  return ends.map(({ promise }) => promise)
}

const elsewhere = new Set([...coreBugs, ...faultBugs])
const bugs = plantedBugs.filter((bug) => !elsewhere.has(bug))
const outcomes = inTurn(bugs.map((bug) => () => catchBug(bug, store)), availableParallelism())
for (const [i, bug] of bugs.entries()) {
  t.test(`${areaOf(bug)}: ${bug.name}`, async (t) => {
    const outcome = await outcomes[i]!
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
