/** A snapshot that was long under way: what it says was true once, and the log has gone beyond it. */
import t from 'tap'
import { seededRandom } from '../base/random.ts'
import { resolveRaftConfig } from './config.ts'
import { RaftCore } from './core.ts'
import type { Configuration, Entry } from './entry.ts'
import type { Message, SnapshotRequest } from './message.ts'
import type { Ready } from './ready.ts'
import type { Snapshot } from './snapshot.ts'

const configuration: Configuration = { voters: ['n1', 'n2', 'n3'].map((id) => ({ id, name: id, address: `${id}:1` })) }
const data = new Uint8Array(8)

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

/** n1 follows n2 in term 2; of its entries up to `lastIndex` those up to `commitIndex` are committed. */
function makeFollower(lastIndex: number, commitIndex: number): RaftCore {
  const core = new RaftCore({ id: 'n1', config: resolveRaftConfig(), random: seededRandom(1), nowMs: 0, restored: { hardState: { term: 0, votedFor: null }, entries: [] } })
  core.bootstrap(configuration)
  const entries = Array.from({ length: lastIndex - 1 }, (_, i): Entry => ({ index: i + 2, term: 2, kind: 'command', data }))
  core.step({ kind: 'append-request', from: 'n2', to: 'n1', term: 2, prevLogIndex: 1, prevLogTerm: 1, entries, commitIndex }, 0)
  settle(core)
  return core
}

/** All of the leader's snapshot up to `lastIndex` in one message. */
const snapshotRequest = (lastIndex: number, term = 2): SnapshotRequest =>
  ({ kind: 'snapshot-request', from: 'n2', to: 'n1', term, image: { lastIndex, lastTerm: 2, sizeBytes: data.length, checksum: 7 }, offset: 0, data })

for (const commitIndex of [10, 3]) {
  t.test(`nothing of it is taken where ${commitIndex} of 10 entries are committed; the leader hears how far the log agrees`, async (t) => {
    const core = makeFollower(10, commitIndex)
    core.step(snapshotRequest(5), 1)
    const all = settle(core)
    t.same(all.flatMap((ready) => ready.snapshotChunks), [], 'no chunk is gathered')
    t.match(messagesOf(all), [{ kind: 'append-response', to: 'n2', outcome: { accepted: true, matchIndex: 5 } }])
    t.match(core, { lastIndex: 10, commitIndex: Math.max(commitIndex, 5) }, 'what a snapshot covers is committed, and nothing is lost')
  })
}

t.test('one that was gathered before the log went beyond it is not installed', async (t) => {
  const core = makeFollower(4, 4)
  core.step(snapshotRequest(8), 1)
  t.equal(settle(core).flatMap((ready) => ready.snapshotChunks).length, 1, 'it is needed yet')
  const entries = [5, 6, 7, 8, 9].map((index): Entry => ({ index, term: 2, kind: 'command', data }))
  core.step({ kind: 'append-request', from: 'n2', to: 'n1', term: 2, prevLogIndex: 4, prevLogTerm: 2, entries, commitIndex: 9 }, 2)
  settle(core)
  const snapshot: Snapshot = { head: { lastIndex: 8, lastTerm: 2, configuration, configurationIndex: 1 }, image: { sizeBytes: data.length, checksum: 7, read: () => data } }
  t.equal(core.installSnapshot(snapshot), false)
  t.match(core, { lastIndex: 9, commitIndex: 9, baseIndex: 0 })
})

t.test('one of a deposed leader is refused, whatever it holds', async (t) => {
  const core = makeFollower(4, 4)
  core.step({ kind: 'heartbeat-request', from: 'n3', to: 'n1', term: 3, round: 1, commitIndex: 4 }, 1)
  settle(core)
  core.step(snapshotRequest(8), 2)
  const all = settle(core)
  t.same(all.flatMap((ready) => ready.snapshotChunks), [])
  t.match(messagesOf(all), [{ kind: 'snapshot-response', to: 'n2', term: 3, receivedBytes: 0 }])
})
