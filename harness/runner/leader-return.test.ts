import t from 'tap'
import { seededRandom } from '../../node/base/random.ts'
import type { Environment, HttpOutcome } from '../environments/environment.ts'
import { registry } from '../systems/registry.ts'
import { fakeEnvironment } from '../testing/fake-environment.ts'
import { awaitLeader } from './leader-return.ts'
import { InterruptedError, Stop } from './stop.ts'

const says = (leader: string): HttpOutcome => ({ kind: 'response', status: 200, headers: {}, body: Buffer.from(JSON.stringify(leader)) })

/** Three members that answer as told, by the time. */
function members(answer: (member: string, nowMs: number) => HttpOutcome | Promise<HttpOutcome>) {
  const { environment, time } = fakeEnvironment({ memberCount: 3, random: seededRandom(1) })
  const answering: Environment = { ...environment, members: environment.members, clock: environment.clock, request: async (member) => answer(member, environment.clock.nowNs() / 1e6) }
  return { time, ask: (timeoutS: number, interrupt = new Stop()) => time.run(() => awaitLeader({ environment: answering, system: registry, timeoutS, interrupt })) }
}

t.test('when more than half name the same one', async (t) => {
  const { ask } = members((member, nowMs) => says(member === 'n1' ? 'a:1' : member === 'n2' && nowMs >= 300 ? 'b:1' : nowMs >= 700 ? 'b:1' : ''))
  const found = await ask(10)
  t.match(found, { leader: 'b:1' })
  t.ok(found.afterMs! >= 700 && found.afterMs! <= 720, `${found.afterMs} ms`)
})

t.test('a member that never answers holds nobody up', async (t) => {
  const { ask } = members((member) => member === 'n3' ? new Promise(() => {}) : says('a:1'))
  t.match(await ask(10), { leader: 'a:1', afterMs: 0 })
})

t.test('nobody, or no majority, until the time is up', async (t) => {
  t.match(await members((member) => says(member === 'n1' ? 'a:1' : '')).ask(5), { afterMs: null, waitedMs: 5000 })
  t.match(await members((member) => says(`${member}:1`)).ask(5), { afterMs: null })
})

t.test('a leader that was named and is forgotten does not count', async (t) => {
  t.match(await members((member, nowMs) => says(member === 'n1' ? nowMs < 50 ? 'a:1' : '' : member === 'n2' && nowMs > 100 ? 'a:1' : '')).ask(2), { afterMs: null })
})

t.test('ends when the run is ended', async (t) => {
  const interrupt = new Stop()
  interrupt.stop('SIGINT')
  await t.rejects(members(() => says('')).ask(5, interrupt), InterruptedError)
})
