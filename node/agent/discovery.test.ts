/** Servers that come, at any time and in any order, never make two clusters of one. */
import fc from 'fast-check'
import t from 'tap'
import { silentLog } from '../base/log.ts'
import type { JoinEnvelope } from '../driver/envelope.ts'
import type { Configuration, Server } from '../raft/entry.ts'
import { VirtualTime } from '../testing/virtual-cluster.ts'
import { Discovery } from './discovery.ts'

const server = (i: number): Server => ({ id: `id-${i}`, name: `n${i}`, address: `n${i}:8300` })

interface Arrival { readonly startMs: number, readonly latencyMs: number, readonly knows: readonly number[] }

/** The first configurations that came to be. */
function run(expect: number, arrivals: readonly Arrival[], lost: (message: number) => boolean): Configuration[] {
  const time = new VirtualTime()
  const formed: Configuration[] = []
  const members = new Map<string, { readonly discovery: Discovery, readonly latencyMs: number }>()
  let messages = 0
  arrivals.forEach(({ startMs, latencyMs, knows }, i) => {
    time.after(startMs, () => {
      let own: Configuration | null = null
      const self = server(i)
      const discovery = new Discovery({
        self, bootstrapExpect: expect, retryJoin: knows.map((k) => server(k % arrivals.length).address), scheduler: time, log: silentLog,
        send: (address: string, envelope: JoinEnvelope) => {
          if (lost(messages++)) return
          // What is under way keeps what it said when it was sent.
          time.after(latencyMs + (members.get(address)?.latencyMs ?? 1), () => members.get(address)?.discovery.receive(structuredClone(envelope)))
        },
        formed: () => own !== null,
        bootstrap: (configuration) => { formed.push(own = configuration) },
      })
      members.set(self.address, { discovery, latencyMs })
      discovery.start()
    })
  })
  time.run(5000)
  return formed
}

const idsOf = ({ voters }: Configuration) => voters.map(({ id }) => id).sort().join()

t.test('all first configurations are the same, and where nothing is lost there is one', async () => {
  const arrivals = fc.array(fc.record({ startMs: fc.integer({ min: 0, max: 400 }), latencyMs: fc.integer({ min: 0, max: 150 }), knows: fc.array(fc.nat(6), { maxLength: 3 }) }), { minLength: 1, maxLength: 6 })
  fc.assert(fc.property(fc.integer({ min: 1, max: 4 }), arrivals, fc.integer({ min: 0, max: 5 }), fc.nat(), (expect, given, lossOfTen, salt) => {
    // With twice as many servers as are expected, two groups might form before they hear of each other: nothing can help that.
    const reached = given.slice(0, 2 * expect - 1).map((arrival) => ({ ...arrival, knows: [0, ...arrival.knows] }))
    const formed = run(expect, reached, (message) => (message * 7919 + salt) % 10 < lossOfTen)
    if (new Set(formed.map(idsOf)).size > 1) return false
    return lossOfTen > 0 || reached.length < expect || formed.length > 0
  }), { numRuns: 200 })
})
