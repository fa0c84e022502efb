import t from 'tap'
import { silentLog } from '../base/log.ts'
import { seededRandom } from '../base/random.ts'
import type { WriteOutcome } from '../driver/requests.ts'
import { CatalogTable } from '../state/catalog.ts'
import type { CatalogCommand } from '../state/catalog-commands.ts'
import { registration, sampleNode, sampleService } from '../state/testing/catalog-samples.ts'
import { VirtualTime } from '../testing/virtual-cluster.ts'
import { AntiEntropy, fullSyncMs } from './anti-entropy.ts'

/** `plans`: what is to be done, one after another, then nothing; `outcomes` of writes, then applied. */
function begin({ plans = [], outcomes = [] }: { plans?: (readonly CatalogCommand[])[], outcomes?: WriteOutcome[] } = {}) {
  const time = new VirtualTime()
  const inFull: boolean[] = []
  const written: string[] = []
  let writes = 0
  const antiEntropy = new AntiEntropy({
    scheduler: time, random: seededRandom(1), log: silentLog, catalog: new CatalogTable(), remote: { nodeCount: () => 1 },
    plan: (full) => {
      inFull.push(full)
      return { commands: plans.shift() ?? [], overriddenTags: [] }
    },
    written: (command) => { written.push(command.kind === 'catalog-register' ? command.service!.id : '') },
    takeTags: () => {},
    awaitRead: (_mode, done) => done({ kind: 'ready' }),
    write: (_command, done) => {
      writes++
      done(outcomes.shift() ?? { kind: 'applied', index: 1, succeeded: true })
    },
  })
  antiEntropy.start()
  return { time, antiEntropy, inFull, written, writes: () => writes }
}

const services = (...ids: string[]) => ids.map((id) => registration(sampleNode('n1'), sampleService(id)))

t.test('a change is compared alone, and everything once a minute', async (t) => {
  const { time, antiEntropy, inFull } = begin()
  time.run(0)
  antiEntropy.changed()
  time.run(1)
  t.same(inFull, [false, false])
  time.run(fullSyncMs * 17 / 16)
  t.same(inFull, [false, false, true])
  antiEntropy.changed()
  time.run(1)
  t.same(inFull, [false, false, true, false], 'once only')
  antiEntropy.stop()
})

t.test('what is refused does not keep the rest waiting; what nobody takes is planned anew', async (t) => {
  const refused = begin({ plans: [services('a', 'b', 'c')], outcomes: [{ kind: 'applied', index: 1, succeeded: true }, { kind: 'invalid', problem: 'no' }] })
  refused.time.run(1)
  t.same([refused.written, refused.writes()], [['a', 'c'], 3])
  refused.antiEntropy.stop()
  const alone = begin({ plans: [services('a', 'b'), services('a', 'b')], outcomes: [{ kind: 'no-leader' }] })
  alone.time.run(1)
  t.same([alone.written, alone.writes()], [[], 1])
  alone.time.run(30_000)
  t.same([alone.written, alone.writes()], [['a', 'b'], 3])
  alone.antiEntropy.stop()
})
