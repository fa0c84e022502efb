/**
 * Statements of Ongaro's thesis that one core alone must keep, and that no
 * other test cites; scenarios (`testdata/`) show those that take several.
 */
import t from 'tap'
import { seededRandom } from '../base/random.ts'
import { resolveRaftConfig } from './config.ts'
import { encodeConfiguration } from './configuration.ts'
import { RaftCore } from './core.ts'
import type { Configuration, Entry } from './entry.ts'
import type { Message } from './message.ts'
import type { Snapshot } from './snapshot.ts'

const configuration: Configuration = { voters: ['n1', 'n2', 'n3'].map((id) => ({ id, name: id, address: `${id}:1` })) }
const data = new TextEncoder().encode('x')

/** n1 with a log of these terms, entry 1 the configuration; its term is the last one's. */
function member(terms: readonly number[], term = terms.at(-1)!): RaftCore {
  const entries = terms.map((entryTerm, i): Entry => i === 0
    ? { index: 1, term: entryTerm, kind: 'configuration', data: encodeConfiguration(configuration) }
    : { index: i + 1, term: entryTerm, kind: 'command', data })
  return new RaftCore({ id: 'n1', config: resolveRaftConfig(), random: seededRandom(1), nowMs: 0, restored: { hardState: { term, votedFor: null }, entries } })
}

/** What it sends, with a disk that is done at once. */
function said(core: RaftCore): Message[] {
  const messages: Message[] = []
  while (core.hasReady()) {
    const ready = core.takeReady()
    messages.push(...ready.messages, ...ready.persist?.messages ?? [])
    if (ready.persist !== null) core.persisted(ready.persist)
  }
  return messages
}

/** An append request of `term` with entries of these terms behind index 3, at which it says `prevLogTerm`. */
const append = (term: number, prevLogTerm: number, terms: readonly number[]): Message => ({
  kind: 'append-request', from: 'n2', to: 'n1', term, prevLogIndex: 3, prevLogTerm, commitIndex: 0,
  entries: terms.map((entryTerm, i): Entry => ({ index: 4 + i, term: entryTerm, kind: 'command', data })),
})

const terms = (core: RaftCore) => core.entries(core.baseIndex + 1, core.lastIndex).map((entry) => entry.term)

function snapshot(lastIndex: number, lastTerm: number): Snapshot {
  return { head: { lastIndex, lastTerm, configuration, configurationIndex: 1 }, image: { sizeBytes: 1, checksum: 0, read: () => new Uint8Array(1) } }
}

t.test('a request of an older term is refused, and told the term (§3.3, figure 3.1: AppendEntries 1)', async (t) => {
  const core = member([1, 2, 2, 5])
  core.step(append(4, 2, [4]), 1)
  t.match(said(core), [{ kind: 'append-response', to: 'n2', term: 5 }])
  t.same(terms(core), [1, 2, 2, 5])
  t.equal(core.leader, null, 'its sender is no leader')
})

t.test('entries are refused where the one before them is another (§3.5, figure 3.1: AppendEntries 2)', async (t) => {
  const core = member([1, 2, 2])
  core.step(append(5, 4, [5]), 1)
  t.match(said(core).filter(({ kind }) => kind === 'append-response'), [{ outcome: { accepted: false } }])
  t.same(terms(core), [1, 2, 2])
})

t.test('an entry that conflicts goes, with all that follow; equal ones stay, also those behind the request\'s (figure 3.1: AppendEntries 3, 4)', async (t) => {
  const conflicting = member([1, 2, 2, 3, 3, 3])
  conflicting.step(append(5, 2, [5]), 1)
  said(conflicting)
  t.same(terms(conflicting), [1, 2, 2, 5])
  const equal = member([1, 2, 2, 3, 3, 3])
  equal.step(append(5, 2, [3]), 1)
  said(equal)
  t.same(terms(equal), [1, 2, 2, 3, 3, 3], 'a request that was under way for long takes nothing away')
})

t.test('one vote in a term, first come first served, and none for a log that is behind (§3.4, §3.6.1)', async (t) => {
  const ask = (from: string, lastLogIndex: number, lastLogTerm: number): Message => ({ kind: 'vote-request', from, to: 'n1', term: 6, lastLogIndex, lastLogTerm })
  const granted = (core: RaftCore, message: Message) => {
    core.step(message, 10_000)
    return said(core).flatMap((answer) => answer.kind === 'vote-response' ? [answer.granted] : [])
  }
  const core = member([1, 2, 2, 5])
  t.same(granted(core, ask('n2', 9, 4)), [false], 'longer, but of an older term')
  t.same(granted(core, ask('n2', 3, 5)), [false], 'of the same term, but shorter')
  t.same(granted(core, ask('n2', 4, 5)), [true], 'equal is up to date')
  t.same(granted(core, ask('n3', 9, 5)), [false], 'the vote is given')
  t.same(granted(core, ask('n2', 4, 5)), [true], 'the same answer to the same candidate')
})

t.test('a snapshot of an entry that the log has leaves the log behind it (§5.3, figure 5.3: InstallSnapshot 6)', async (t) => {
  const core = member([1, 2, 2, 5, 5])
  t.equal(core.installSnapshot(snapshot(4, 5)), false)
  t.same(terms(core), [1, 2, 2, 5, 5])
})

t.test('a snapshot of another entry, or further than the log, takes the place of all of it (figure 5.3: InstallSnapshot 7)', async (t) => {
  for (const [head, name] of [[snapshot(4, 4), 'another entry'], [snapshot(9, 5), 'further']] as const) {
    const core = member([1, 2, 2, 3, 3], 5)
    t.equal(core.installSnapshot(head), true, name)
    t.same(terms(core), [])
    t.equal(core.baseIndex, head.head.lastIndex)
    t.equal(core.termAt(head.head.lastIndex), head.head.lastTerm, 'the check of the entry behind it works')
    t.equal(core.commitIndex, head.head.lastIndex)
    t.same(core.configuration.voters.map(({ id }) => id), ['n1', 'n2', 'n3'], 'it brings the configuration (§5.1)')
  }
})

t.test('who is no member of its own newest configuration campaigns until its removal is known to be committed, and votes (§4.2.2)', async (t) => {
  const others: Configuration = { voters: configuration.voters.slice(1) }
  const removed = (kinds: readonly Configuration[]) => new RaftCore({
    id: 'n1', config: resolveRaftConfig(), random: seededRandom(1), nowMs: 0,
    restored: { hardState: { term: 1, votedFor: null }, entries: kinds.map((voters, i): Entry => ({ index: i + 1, term: 1, kind: 'configuration', data: encodeConfiguration(voters) })) },
  })
  const campaigns = (core: RaftCore) => {
    for (let nowMs = 0; nowMs < 10_000; nowMs += 50) core.tick(nowMs)
    return said(core).some(({ kind }) => kind === 'pre-vote-request')
  }
  t.ok(campaigns(removed([configuration, others])), 'it may be needed')
  const told = removed([configuration, others])
  told.step({ kind: 'append-request', from: 'n2', to: 'n1', term: 1, prevLogIndex: 2, prevLogTerm: 1, entries: [], commitIndex: 2 }, 1)
  said(told)
  t.notOk(campaigns(told), 'the removal is committed')
  t.notOk(campaigns(removed([others, { voters: others.voters, nonVoters: [configuration.voters[0]!] }])), 'who never voted never does')
  const core = removed([configuration, others])
  core.step({ kind: 'vote-request', from: 'n2', to: 'n1', term: 4, lastLogIndex: 2, lastLogTerm: 1 }, 10_000)
  t.match(said(core), [{ kind: 'vote-response', granted: true }], 'its vote may be needed too')
})

t.test('a pre-vote changes nothing at who gives it (§9.6)', async (t) => {
  const core = member([1, 2, 2])
  core.step({ kind: 'pre-vote-request', from: 'n2', to: 'n1', term: 9, lastLogIndex: 3, lastLogTerm: 2 }, 10_000)
  t.match(said(core), [{ kind: 'pre-vote-response', granted: true }])
  const { term, votedFor } = core.status()
  t.same({ term, votedFor }, { term: 2, votedFor: null })
  core.step({ kind: 'pre-vote-request', from: 'n3', to: 'n1', term: 9, lastLogIndex: 3, lastLogTerm: 2 }, 10_000)
  t.match(said(core), [{ kind: 'pre-vote-response', granted: true }], 'so that it may be given to several')
})

t.test('to be told to campaign counts in the leader\'s own term only (§3.10)', async (t) => {
  for (const [term, campaigns] of [[1, false], [2, true], [3, false]] as const) {
    const core = member([1, 2, 2])
    core.step({ kind: 'timeout-now', from: 'n2', to: 'n1', term }, 1)
    t.equal(said(core).some(({ kind }) => kind === 'vote-request'), campaigns, `term ${term}`)
  }
})
