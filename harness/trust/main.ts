/**
 * `npm run trust [NAME …]`: plants every bug of the catalogue in turn and prints
 * which checker sees it, by which run, and how long that takes. A bug that no
 * checker sees fails it.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { plantedBugs } from '../mutants/bugs.ts'
import { areaOf, catchBug, type Catch } from './catch-bug.ts'

const wanted = process.argv.slice(2)
const stranger = wanted.find((name) => !plantedBugs.some((bug) => bug.name === name))
if (stranger !== undefined) {
  console.error(`There is no planted bug ${stranger}; there are ${plantedBugs.map(({ name }) => name).join(', ')}.`)
  process.exit(254)
}
const bugs = plantedBugs.filter(({ name }) => wanted.length === 0 || wanted.includes(name))
const store = mkdtempSync(join(tmpdir(), 'splitbrain-trust-'))
process.on('exit', () => rmSync(store, { recursive: true, force: true }))
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130))

const wide = Math.max(...bugs.map(({ name }) => name.length))
const catches = new Map<string, Catch>()
const queue = [...bugs]
await Promise.all(Array.from({ length: availableParallelism() }, async () => {
  for (let bug = queue.shift(); bug !== undefined; bug = queue.shift()) {
    const outcome = await catchBug(bug, store)
    catches.set(bug.name, outcome)
    console.log(`${bug.name.padEnd(wide)}  ${areaOf(bug).padEnd(13)}  ${describe(outcome)}`)
  }
}))
const caught = [...catches.values()].filter(({ kind }) => kind === 'caught').length
console.log(`${caught} of ${bugs.length} planted bugs are caught`)
process.exitCode = caught === bugs.length ? 0 : 1

function describe(outcome: Catch): string {
  switch (outcome.kind) {
    case 'caught': return `caught by ${outcome.checkers.join(', ')}: seed ${outcome.seed}, ${outcome.simulatedS} simulated s in ${outcome.tookS.toFixed(1)} s`
    case 'missed': return `MISSED in ${outcome.runs} runs; the last was ${outcome.last}`
    case 'interrupted': return 'not tried to the end'
    default: return outcome satisfies never
  }
}
