import t from 'tap'
import { seededRandom } from '../node/base/random.ts'
import type { Effect, LimitResources } from '../harness/environments/environment.ts'
import { MachineTooBusyError } from '../harness/environments/machine-too-busy.ts'
import { fakeEnvironment } from '../harness/testing/fake-environment.ts'
import { resources } from './disk.ts'
import type { NemesisContext } from './nemesis.ts'

/** A lack of CPU at all members; `failures`: where it could not be brought about. */
async function limitAll(failures: Readonly<Record<string, Error>>) {
  const { environment, time } = fakeEnvironment({ memberCount: 3, random: seededRandom(1) }, { everyCapability: true })
  const healed: string[] = []
  const limitResources: LimitResources = {
    kinds: ['cpu'],
    async limit(member): Promise<Effect> {
      if (failures[member] !== undefined) throw failures[member]
      return { observed: {}, async heal() { healed.push(member) } }
    },
  }
  const context = { environment: { ...environment, members: environment.members, limitResources }, random: seededRandom(1), leader: async () => null, running: () => [], intensity: () => 1 } as unknown as NemesisContext
  const error: unknown = await time.run(async () => {
    const fault = await resources.next(context, { members: ['n1', 'n2', 'n3'], scarcity: { kind: 'cpu', share: 0.3 } })
    return fault.start().then(() => null, (cause: unknown) => cause)
  })
  return { error: error as Error | null, healed }
}

t.test('what the machine is too busy to show is left for another time, and undone elsewhere', async (t) => {
  const busy = new MachineTooBusyError('it gets less anyway')
  t.same(await limitAll({}), { error: null, healed: [] })
  const one = await limitAll({ n2: busy })
  t.match(one, { error: { name: 'NotNowError', message: /less anyway/ }, healed: ['n1', 'n3'] })
  t.match(await limitAll({ n1: busy, n2: busy, n3: busy }), { error: { name: 'NotNowError' } })
})

t.test('a limit that does not hold is a failure, also beside one that cannot be shown', async (t) => {
  const broken = new Error('a busy process still gets 0.9 of a CPU')
  const { error } = await limitAll({ n1: new MachineTooBusyError('it gets less anyway'), n2: broken })
  t.not(error?.name, 'NotNowError')
  t.match(error?.message, /still gets 0\.9/)
})
