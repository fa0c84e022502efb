/** Which server is asked, how often, and when another is. */
import fc from 'fast-check'
import t from 'tap'
import { silentLog } from '../base/log.ts'
import { seededRandom } from '../base/random.ts'
import { VirtualTime } from '../testing/virtual-cluster.ts'
import type { CallOutcome } from '../transport/agent-links.ts'
import { ServerCalls, type AskOutcome } from './server-calls.ts'
import { type KnownServer, ServerRouter } from './server-router.ts'

const server = (name: string): KnownServer => ({ name, address: `${name}:8300` })
const answer: CallOutcome = { kind: 'answer', answer: { kind: 'applied' } }
const unsent: CallOutcome = { kind: 'unsent', reason: 'dial tcp: connect: connection refused' }
const lost: CallOutcome = { kind: 'lost', reason: 'EOF' }

function world(names: readonly string[], outcomeOf: (server: string, nth: number) => CallOutcome) {
  const time = new VirtualTime()
  const random = seededRandom(3)
  const router = new ServerRouter(random)
  router.follow(names.map(server))
  const asked: string[] = []
  const calls = new ServerCalls({
    scheduler: time, random, log: silentLog, router, holdTimeoutMs: 7000,
    servers: {
      call: (address, _call, done) => {
        asked.push(address)
        const nth = asked.length
        return time.after(1, () => done(outcomeOf(address.split(':')[0]!, nth)))
      },
      close: () => {},
    },
  })
  const ask = (repeatable: boolean): AskOutcome | null => {
    let outcome: AskOutcome | null = null
    calls.ask({ kind: 'nodes', nodes: [] }, repeatable, (found) => { outcome = found })
    time.run(60_000)
    return outcome
  }
  return { time, router, asked, calls, ask }
}

t.test('each server is tried once before any is tried again, and not for ever', async (t) => {
  const { asked, ask } = world(['a', 'b', 'c'], () => unsent)
  t.match(ask(false), { kind: 'failed', problem: 'rpc error getting client: failed to get conn: dial tcp: connect: connection refused' })
  t.equal(new Set(asked.slice(0, 3)).size, 3)
  t.ok(asked.length > 9 && asked.length < 150, `${asked.length} calls in 7 s`)
})

t.test('what was sent is asked again only if it may be', async (t) => {
  const writing = world(['a', 'b'], (_server, nth) => nth === 1 ? lost : answer)
  t.match(writing.ask(false), { kind: 'unknown', problem: 'rpc error making call: EOF' })
  t.equal(writing.asked.length, 1)
  const reading = world(['a', 'b'], (_server, nth) => nth === 1 ? lost : answer)
  t.match(reading.ask(true), answer)
  t.equal(new Set(reading.asked).size, 2)
})

t.test('without servers it fails at once; cancelled, nobody hears anything', async (t) => {
  t.match(world([], () => answer).ask(true), { kind: 'failed', problem: 'No known Consul servers' })
  const { calls, time, asked } = world(['a'], () => unsent)
  calls.ask({ kind: 'nodes', nodes: [] }, true, () => t.fail('cancelled'))()
  time.run(10_000)
  t.equal(asked.length, 1)
})

t.test('the order follows gossip, whatever fails meanwhile, and the same one is asked until it fails', async () => {
  const names = ['a', 'b', 'c', 'd']
  const step = fc.oneof(
    fc.subarray(names).map((known) => ({ kind: 'follow' as const, known })),
    fc.constant({ kind: 'failed' as const }), fc.constant({ kind: 'shuffle' as const }), fc.constantFrom(...names).map((name) => ({ kind: 'other' as const, name })))
  fc.assert(fc.property(fc.array(step, { maxLength: 20 }), fc.nat(), (steps, seed) => {
    const router = new ServerRouter(seededRandom(seed))
    let known: readonly string[] = []
    for (const one of steps) {
      const before = router.first
      switch (one.kind) {
        case 'follow':
          known = one.known
          router.follow(known.map(server))
          break
        case 'failed':
          if (before !== null) router.failed(before.address)
          if (known.length > 1 && router.first?.name === before?.name) return false
          break
        case 'shuffle':
          router.shuffle()
          break
        case 'other':
          router.failed(`${one.name}:8300`)
          if (one.name !== before?.name && router.first?.name !== before?.name) return false
      }
      if (router.servers.map(({ name }) => name).sort().join() !== [...known].sort().join()) return false
    }
    return true
  }))
})
