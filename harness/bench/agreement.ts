/**
 * `npm run bench:agreement -- [histories] [seed]`: the linearizability checker
 * against trying every order, on small random histories of every model; by
 * default 200,000. Ends at the first disagreement, with the history.
 */
import { seededRandom } from '../../node/base/random.ts'
import { checkOne, type AgreementCounts } from '../checkers/agreement.ts'
import { models, type ModelName } from '../checkers/model.ts'

const [histories = 200_000, seed = 1] = process.argv.slice(2).map(Number)
const names = Object.keys(models) as ModelName[]
console.log(`seed ${seed}`)
for (const name of names) {
  const random = seededRandom(seed).split(name)
  const counts: AgreementCounts = { histories: 0, linearizable: 0, methods: { values: 0, versions: 0, search: 0 } }
  const startMs = performance.now()
  for (let i = 0; i < histories / names.length; i++) checkOne(name, random, counts)
  console.log(`${name}: ${counts.histories} histories, ${counts.linearizable} linearizable, all agree; decided by ${JSON.stringify(counts.methods)}; ${((performance.now() - startMs) / 1000).toFixed(0)} s`)
}
