import t from 'tap'
import { splitExploreFlags } from './explore-command.ts'

t.test('what is said of the exploration, and what of each run', async (t) => {
  t.same(splitExploreFlags({ runs: 5, goOn: true, drawMembers: '3, 5', workload: 'set', seed: 7 }), {
    explore: { runs: 5, goOn: true, swarm: false, keepAll: false, json: false, drawMembers: [3, 5] },
    run: { workload: 'set', seed: 7 },
  })
  t.notOk('drawMembers' in splitExploreFlags({ runs: 5 }).explore)
})

t.test('numbers of members that are none', async (t) => {
  for (const text of ['', '3,', '3,x', '0', '3.5', '99']) {
    t.throws(() => splitExploreFlags({ runs: 1, drawMembers: text }), { name: 'UsageError', message: /--draw-members .*from 1 to 9.*as 3,4,5/ }, text)
  }
})
