import t from 'tap'
import { seededRandom } from '../../node/base/random.ts'
import { checkOne, type AgreementCounts } from './agreement.ts'
import { models, type ModelName } from './model.ts'

/** More by `npm run bench:agreement`. */
const historiesEach = 3000

for (const name of Object.keys(models) as ModelName[]) {
  t.test(`${name}: the checker, and the search alone with and without pruning, agree with trying every order`, async (t) => {
    const seed = Number(process.env['SPLITBRAIN_TEST_SEED'] ?? 1)
    t.comment(`seed ${seed} (SPLITBRAIN_TEST_SEED)`)
    const random = seededRandom(seed).split(name)
    const counts: AgreementCounts = { histories: 0, linearizable: 0, methods: { values: 0, versions: 0, search: 0 } }
    for (let i = 0; i < historiesEach; i++) checkOne(name, random, counts)
    const invalid = counts.histories - counts.linearizable
    t.ok(counts.linearizable > 500 && invalid > 300, `both kinds were seen: ${JSON.stringify(counts)}`)
    t.ok(counts.methods.search > 300)
    if (name === 'register' || name === 'cas-register') {
      t.ok(counts.methods.values > 300 && counts.methods.versions > 100, `values and versions decided as well: ${JSON.stringify(counts)}`)
    }
  })
}
