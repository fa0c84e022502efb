import t from 'tap'
import { VirtualTime } from '../testing/virtual-cluster.ts'
import type { RpcEnvelope } from './envelope.ts'
import { Requests, type ReadOutcome, type WriteOutcome } from './requests.ts'

/** A follower's requests, with a leader that the test names and links that keep all until the test lets it go. */
function follower(leaderAddress: string | null) {
  const time = new VirtualTime()
  const links = new Map<string, RpcEnvelope[]>()
  let leader = leaderAddress
  const requests = new Requests({
    scheduler: time,
    propose: (_command, done) => done({ kind: 'not-leader' }),
    driver: {
      readIndex: (_mode, done) => done({ kind: 'not-leader' }),
      appliedIndex: 10,
    },
    address: 'self:8300', holdTimeoutMs: 7000, firstCallId: 1,
    leader: () => leader,
    send: (address, envelope) => { links.set(address, [...links.get(address) ?? [], envelope]) },
    takeUnsent: (address) => {
      const messages = links.get(address) ?? []
      links.delete(address)
      return messages
    },
  })
  const outcomes: (WriteOutcome | ReadOutcome)[] = []
  return {
    time, requests, outcomes, links,
    /** Hands what waits for a server to the connection: from here on nobody knows. */
    deliver(address: string): readonly RpcEnvelope[] {
      const messages = links.get(address) ?? []
      links.delete(address)
      return messages
    },
    /** A server joined, and only now its address is known. */
    learnAddress(address: string): void {
      leader = address
    },
    elect(address: string | null): void {
      leader = address
      requests.leaderChanged()
    },
    write: () => requests.write(new Uint8Array([1]), (outcome) => outcomes.push(outcome)),
    read: () => requests.read('lease', (outcome) => outcomes.push(outcome)),
  }
}

t.test('a write that no connection has got goes to the next leader, and is answered by it', async (t) => {
  const { elect, write, links, outcomes, requests } = follower('old:8300')
  write()
  t.equal(links.get('old:8300')?.length, 1)
  elect(null)
  t.same(outcomes, [], 'while nobody leads it waits')
  elect('new:8300')
  t.same(links.get('old:8300') ?? [], [], 'the old leader does not get it any more')
  const [call] = links.get('new:8300')!
  requests.receive({ channel: 'rpc', kind: 'answer', callId: (call as { callId: number }).callId, answer: { kind: 'applied', index: 11, succeeded: true } })
  t.match(outcomes, [{ kind: 'applied', index: 11 }])
})

t.test('a write that the old leader may have got is never sent again: it ends open when another leads', async (t) => {
  const { elect, write, deliver, links, outcomes } = follower('old:8300')
  write()
  t.equal(deliver('old:8300').length, 1)
  elect(null)
  t.same(outcomes, [], 'the old leader may still answer')
  elect('new:8300')
  t.same(outcomes, [{ kind: 'no-answer', cause: 'leadership changed' }])
  t.same(links.get('new:8300') ?? [], [], 'it is not sent to the new one')
})

t.test('what waits is sent to a leader whose address is known later than that it leads', async (t) => {
  // Seen in a simulation: a member with a new disk heard of the leader before it knew any
  // server's address, and its first requests waited out their seven seconds.
  const { elect, learnAddress, read, write, links, time } = follower(null)
  write()
  read()
  elect(null)
  time.run(300)
  learnAddress('leader:8300')
  time.run(100)
  t.same(links.get('leader:8300')?.map(({ kind }) => kind), ['apply', 'read-index'])
})

t.test('a read is asked anew of the next leader, sent or not', async (t) => {
  for (const sent of [true, false]) {
    const { elect, read, deliver, links, outcomes } = follower('old:8300')
    read()
    if (sent) deliver('old:8300')
    elect('new:8300')
    t.match(links.get('new:8300'), [{ kind: 'read-index' }])
    t.same(outcomes, [])
  }
})

t.test('what a link dropped unsent is tried again until its time is up, and has then certainly not happened', async (t) => {
  const { time, write, deliver, requests, outcomes } = follower('gone:8300')
  write()
  let tries = 0
  while (time.nowMs() < 6900) {
    const messages = deliver('gone:8300')
    tries += messages.length
    requests.unsent(messages)
    time.run(100)
  }
  t.ok(tries > 60, `tried ${tries} times`)
  t.same(outcomes, [])
  time.run(200)
  t.same(outcomes, [{ kind: 'no-leader' }], 'although it waits in the link when its time is up')
})

t.test('a write that a connection has got when its time is up may have happened', async (t) => {
  const { time, write, deliver, requests, outcomes } = follower('silent:8300')
  write()
  deliver('silent:8300')
  requests.unsent([{ channel: 'raft' }, { channel: 'rpc', kind: 'answer', callId: 1, answer: { kind: 'lost' } }, 'junk'])
  t.same(outcomes, [], 'messages of others are none of its business')
  time.run(7001)
  t.same(outcomes, [{ kind: 'no-answer', cause: 'i/o timeout' }])
})
