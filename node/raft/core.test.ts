/** The contract with the driver (`Ready`, `Persist`) and what one core alone must keep. */
import t from 'tap'
import { seededRandom } from '../base/random.ts'
import { type RaftConfig, resolveRaftConfig } from './config.ts'
import { encodeConfiguration } from './configuration.ts'
import { RaftCore, type RestoredState } from './core.ts'
import type { Configuration, Entry } from './entry.ts'
import type { AppendRequest, Message } from './message.ts'
import type { Ready } from './ready.ts'

const configuration: Configuration = { voters: ['n1', 'n2', 'n3'].map((id) => ({ id, name: id, address: `${id}:1` })) }
const nothing: RestoredState = { hardState: { term: 0, votedFor: null }, entries: [] }
const bytes = (text: string) => new TextEncoder().encode(text)

function makeCore(options: { id?: string, restored?: RestoredState, config?: Partial<RaftConfig> } = {}): RaftCore {
  return new RaftCore({
    id: options.id ?? 'n1', config: resolveRaftConfig(options.config), random: seededRandom(1), nowMs: 0,
    restored: options.restored ?? nothing,
  })
}

/** Takes everything, with a disk that is done at once. */
function settle(core: RaftCore): Ready[] {
  const all: Ready[] = []
  while (core.hasReady()) {
    const ready = core.takeReady()
    all.push(ready)
    if (ready.persist !== null) core.persisted(ready.persist)
  }
  return all
}

const messagesOf = (all: readonly Ready[]): Message[] => all.flatMap((ready) => [...ready.messages, ...ready.persist?.messages ?? []])

/** n1 leads term 2, all its entries are on n2. */
function makeLeader(config: Partial<RaftConfig> = {}): { core: RaftCore, nowMs: number } {
  const core = makeCore({ config })
  core.bootstrap(configuration)
  const nowMs = core.nextDeadlineMs()
  core.tick(nowMs)
  settle(core)
  core.step({ kind: 'pre-vote-response', from: 'n2', to: 'n1', term: 2, granted: true }, nowMs)
  settle(core)
  core.step({ kind: 'vote-response', from: 'n2', to: 'n1', term: 2, granted: true }, nowMs)
  settle(core)
  for (const id of ['n2', 'n3']) {
    core.step({ kind: 'append-response', from: id, to: 'n1', term: 2, outcome: { accepted: true, matchIndex: 2 } }, nowMs)
  }
  settle(core)
  t.equal(core.status().role, 'leader')
  return { core, nowMs }
}

/** n1 follows n2 in term 2 and has the bootstrap entry. */
function makeFollower(): RaftCore {
  const core = makeCore()
  core.bootstrap(configuration)
  settle(core)
  core.step({ kind: 'heartbeat-request', from: 'n2', to: 'n1', term: 2, round: 1, commitIndex: 0 }, 0)
  settle(core)
  return core
}

function append(prevLogIndex: number, prevLogTerm: number, terms: readonly number[], fields: Partial<AppendRequest> = {}): AppendRequest {
  return {
    kind: 'append-request', from: 'n2', to: 'n1', term: 2, prevLogIndex, prevLogTerm, commitIndex: 0,
    entries: terms.map((term, i): Entry => ({ index: prevLogIndex + 1 + i, term, kind: 'command', data: bytes('x') })),
    ...fields,
  }
}

t.test('bootstrap writes the same entry on every member', async (t) => {
  const persists = ['n1', 'n2'].map((id) => {
    const core = makeCore({ id })
    t.ok(core.canBootstrap)
    core.bootstrap(configuration)
    t.notOk(core.canBootstrap)
    return core.takeReady().persist
  })
  t.same(persists[0], persists[1])
  t.same(persists[0], {
    hardState: { term: 1, votedFor: null }, messages: [],
    entries: [{ index: 1, term: 1, kind: 'configuration', data: encodeConfiguration(configuration) }],
  })
})

t.test('bootstrap on a log with entries is a bug', async (t) => {
  const core = makeFollower()
  t.throws(() => core.bootstrap(configuration), /bootstrap on a log that has 1 entries/)
})

t.test('a member that voted before its own bootstrap may still do it', async (t) => {
  const core = makeCore()
  core.step({ kind: 'vote-request', from: 'n2', to: 'n1', term: 2, lastLogIndex: 1, lastLogTerm: 1 }, 0)
  t.match(messagesOf(settle(core)), [{ kind: 'vote-response', granted: true }])
  core.bootstrap(configuration)
  settle(core)
  t.match(core.status(), { term: 2, votedFor: 'n2', lastIndex: 1, configuration })
})

t.test('without a configuration a member follows and never campaigns', async (t) => {
  const core = makeCore()
  for (let i = 0; i < 5; i++) core.tick(core.nextDeadlineMs())
  t.match(core.status(), { role: 'follower', term: 0 })
  t.same(messagesOf(settle(core)), [])
})

t.test('there is one write outstanding; what comes meanwhile is in the next', async (t) => {
  const core = makeFollower()
  core.step(append(1, 1, [2]), 1)
  const first = core.takeReady()
  t.same(first.persist?.entries.map(({ index }) => index), [2])
  t.same(first.messages, [])

  core.step(append(2, 2, [2]), 2)
  core.step(append(3, 2, [2]), 3)
  t.notOk(core.hasReady(), 'nothing to do but wait for the disk')
  core.persisted(first.persist!)

  const second = core.takeReady()
  t.same(second.persist?.entries.map(({ index }) => index), [3, 4])
  t.match(second.persist?.messages, [{ kind: 'append-response', outcome: { accepted: true, matchIndex: 4 } }], 'one answer for both')
  t.throws(() => core.persisted(first.persist!), /not the outstanding one/)
})

t.test('an answer that promises nothing new leaves at once, even while the disk works', async (t) => {
  const core = makeFollower()
  core.step(append(1, 1, [2]), 1)
  settle(core)
  core.step(append(2, 2, [2]), 2)
  core.takeReady()
  core.step(append(1, 1, [2]), 3)
  t.match(core.takeReady(), { persist: null, messages: [{ kind: 'append-response', outcome: { accepted: true, matchIndex: 2 } }] })
  core.step({ kind: 'heartbeat-request', from: 'n2', to: 'n1', term: 2, round: 9, commitIndex: 2 }, 4)
  t.match(core.takeReady(), { persist: null, messages: [{ kind: 'heartbeat-response', round: 9 }] })
})

t.test('a vote leaves with the write that holds it (thesis §3.8)', async (t) => {
  const core = makeCore()
  core.bootstrap(configuration)
  settle(core)
  core.step({ kind: 'vote-request', from: 'n3', to: 'n1', term: 4, lastLogIndex: 1, lastLogTerm: 1 }, 0)
  const ready = core.takeReady()
  t.same(ready.messages, [])
  t.match(ready.persist, { hardState: { term: 4, votedFor: 'n3' }, messages: [{ kind: 'vote-response', granted: true }] })
})

t.test('a member votes once in a term, also after a restart', async (t) => {
  const restored: RestoredState = {
    hardState: { term: 4, votedFor: 'n3' },
    entries: [{ index: 1, term: 1, kind: 'configuration', data: encodeConfiguration(configuration) }],
  }
  const ask = (candidate: string) => {
    const core = makeCore({ restored })
    core.step({ kind: 'vote-request', from: candidate, to: 'n1', term: 4, lastLogIndex: 9, lastLogTerm: 3 }, 10_000)
    return messagesOf(settle(core))
  }
  t.match(ask('n2'), [{ kind: 'vote-response', granted: false }])
  t.match(ask('n3'), [{ kind: 'vote-response', granted: true }])
})

t.test('a member that hears a leader ignores a higher term\'s vote request (thesis §4.2.3)', async (t) => {
  const core = makeFollower()
  core.step({ kind: 'vote-request', from: 'n3', to: 'n1', term: 9, lastLogIndex: 9, lastLogTerm: 8 }, 399)
  t.same(messagesOf(settle(core)), [])
  t.equal(core.term, 2)
  core.step({ kind: 'vote-request', from: 'n3', to: 'n1', term: 9, lastLogIndex: 9, lastLogTerm: 8 }, 400)
  t.match(messagesOf(settle(core)), [{ granted: true, term: 9 }])
})

t.test('a leader steps down for a higher term in an answer', async (t) => {
  const { core, nowMs } = makeLeader()
  core.step({ kind: 'heartbeat-response', from: 'n3', to: 'n1', term: 7, round: 1 }, nowMs)
  t.match(core.status(), { role: 'follower', term: 7, votedFor: null, leader: null })
})

t.test('committed entries come out once, in order', async (t) => {
  const { core, nowMs } = makeLeader()
  core.propose([bytes('a'), bytes('b')], nowMs)
  settle(core)
  const accept = (matchIndex: number) => {
    core.step({ kind: 'append-response', from: 'n2', to: 'n1', term: 2, outcome: { accepted: true, matchIndex } }, nowMs)
    return settle(core).flatMap(({ committed }) => committed.map(({ index }) => index))
  }
  t.same(accept(3), [3])
  t.same(accept(3), [])
  t.same(accept(4), [4])
  t.same(accept(2), [])
})

t.test('a follower commits no further than its log is known to match', async (t) => {
  const core = makeFollower()
  // Entries 2 to 4 of a deposed leader; the new one confirms 2 only.
  core.step(append(1, 1, [2, 2, 2]), 1)
  settle(core)
  core.step(append(1, 1, [2], { from: 'n3', term: 3, commitIndex: 4 }), 2)
  settle(core)
  t.equal(core.commitIndex, 2)
})

t.test('thousands of proposals become one write and few messages, within the limits', async (t) => {
  const { core, nowMs } = makeLeader({ appendEntriesMax: 1000, inflightAppendsMax: 2 })
  for (let i = 0; i < 5000; i++) core.propose([bytes('x')], nowMs)
  const ready = core.takeReady()
  t.equal(ready.persist?.entries.length, 5000)
  const toN2 = ready.messages.filter(({ to }) => to === 'n2') as AppendRequest[]
  t.same(toN2.map(({ entries }) => entries.length), [1000, 1000], 'the window is two requests')
  t.equal(toN2[0]!.entries, (ready.messages.find(({ to }) => to === 'n3') as AppendRequest).entries, 'followers share the array')

  core.step({ kind: 'append-response', from: 'n2', to: 'n1', term: 2, outcome: { accepted: true, matchIndex: 1002 } }, nowMs)
  t.match(core.takeReady().messages, [{ to: 'n2', prevLogIndex: 2002 }], 'an answer lets the next go')
})

t.test('append requests keep the byte limit', async (t) => {
  const { core, nowMs } = makeLeader({ appendBytesMax: 10 })
  core.propose([bytes('aaaaaa'), bytes('bbbbbb'), bytes('c')], nowMs)
  const toN2 = core.takeReady().messages.filter(({ to }) => to === 'n2') as AppendRequest[]
  t.same(toN2.map(({ entries }) => entries.length), [1, 2])
})

t.test('followers say who leads', async (t) => {
  const core = makeFollower()
  t.same(core.propose([bytes('a')], 1), { kind: 'not-leader', leader: 'n2' })
  t.same(core.read(1, 'lease', 1), { kind: 'not-leader', leader: 'n2' })
  t.equal(core.status().lastLeaderContactMs, 0)
})

t.test('the loss of leadership aborts pending reads', async (t) => {
  const { core, nowMs } = makeLeader()
  core.read(1, 'quorum', nowMs)
  settle(core)
  core.read(2, 'quorum', nowMs)
  core.step({ kind: 'heartbeat-response', from: 'n3', to: 'n1', term: 7, round: 1 }, nowMs)
  t.same(settle(core).flatMap(({ reads }) => reads), [{ kind: 'aborted', readId: 1 }, { kind: 'aborted', readId: 2 }])
})

t.test('impossible things crash with their numbers', async (t) => {
  const { core, nowMs } = makeLeader()
  t.throws(() => core.step(append(1, 1, [], { from: 'n3' }), nowMs), /term 2 has two leaders: n1 and n3/)
  t.throws(() => core.step({ kind: 'append-response', from: 'n3', to: 'n1', term: 2, outcome: { accepted: true, matchIndex: 99 } }, nowMs),
    /n3 claims entries up to 99 of term 2, whose leader has 2/)
  const follower = makeFollower()
  t.throws(() => follower.step({ kind: 'heartbeat-request', from: 'n2', to: 'n1', term: 2, round: 2, commitIndex: 5 }, 1),
    /entries up to 5 are committed, but the log ends at 1/)
  t.throws(() => makeCore({ restored: { hardState: { term: 0, votedFor: null }, entries: [{ index: 1, term: 1, kind: 'empty', data: bytes('') }] } }),
    /the disk holds entries of term 1 but only term 0/)
})

t.test('a message for another member is ignored', async (t) => {
  const core = makeFollower()
  core.step({ kind: 'heartbeat-request', from: 'n2', to: 'n9', term: 99, round: 1, commitIndex: 0 }, 1)
  t.equal(core.term, 2)
})

t.test('a deadline that has passed is answered by a tick, and the next one lies ahead', async (t) => {
  const { core, nowMs } = makeLeader()
  let now = nowMs
  for (let i = 0; i < 100; i++) {
    now = Math.max(now, core.nextDeadlineMs())
    core.tick(now)
    settle(core)
    if (core.nextDeadlineMs() <= now) t.fail(`still due at ${now}`)
  }
  t.notOk(core.isLeader, 'unanswered, it stepped down')
})
