import { catalogBugs } from './catalog-bugs.ts'
import { faultBugs } from './fault-bugs.ts'
import { lockBugs } from './lock-bugs.ts'
import { gossipBugs } from './gossip-bugs.ts'
import type { Mutant } from './mutant.ts'
import { transactionBugs } from './transaction-bugs.ts'

/** One entry a message and one message under way: a backlog that takes many round trips, so that leaders fall in the midst of it. */
const slowBacklog = JSON.stringify({ raft: { append_entries_max: 1, inflight_appends_max: 1 } })

/** Snapshots all the time, and hardly any log behind them: whoever was away for a moment is sent one. */
const manySnapshots = JSON.stringify({ raft_snapshot_threshold: 60, raft_trailing_logs: 5 })

/** Of consensus and of the log, which the register workload sees. */
export const coreBugs: readonly Mutant[] = [
  {
    name: 'ack-before-quorum',
    about: 'a leader takes an entry for committed as soon as its own disk has it: a write is acknowledged that no quorum has, and is gone with the leader',
    edits: [{
      file: 'node/raft/replication.ts',
      find: 'const quorumIndex = quorumValue(matchIndexes)',
      replace: 'const quorumIndex = matchIndexes[0]',
    }],
    runs: {
      simulated: ['--nemesis', 'partition', '--targets', 'isolate-leader', '--interval', '1', '--time-limit', '30'],
      local: ['--nemesis', 'partition', '--targets', 'isolate-leader', '--interval', '1', '--time-limit', '20', '--recovery-timeout', '20'],
    },
  },
  {
    name: 'vote-forgotten',
    about: 'the vote is not written to disk: a member that restarts can vote twice in a term, so that two can lead it',
    edits: [{
      file: 'node/driver/raft-driver.ts',
      find: 'wal.append({ hardState: persist.hardState, entries: persist.entries }',
      replace: 'wal.append({ hardState: persist.hardState === null ? null : { term: persist.hardState.term, votedFor: null }, entries: persist.entries }',
    }],
    runs: {
      simulated: ['--nemesis', 'kill', '--time-limit', '30'],
      local: ['--nemesis', 'kill', '--time-limit', '20'],
    },
  },
  {
    name: 'stale-consistent-reads',
    about: 'any member answers a consistent read from its own state without asking for a read index: it misses writes that were acknowledged before',
    edits: [{
      file: 'node/driver/requests.ts',
      find: "this.#begin({ kind: 'read', mode, done, settled: false, at: 'waiting', callId: 0 })",
      replace: "done({ kind: 'ready' })",
    }],
    runs: {
      simulated: ['--nemesis', 'partition', '--time-limit', '30'],
      local: ['--nemesis', 'partition', '--targets', 'isolate-leader', '--interval', '2', '--time-limit', '15'],
    },
  },
  {
    name: 'skip-fdatasync',
    about: 'the log is called durable when it is written, not when it is synced: acknowledged writes go with the power',
    edits: [{
      file: 'node/storage/wal.ts',
      find: 'this.#file.sync(answer)',
      replace: 'this.#defer(() => answer(null))',
    }],
    runs: {
      simulated: ['--nemesis', 'power', '--interval', '1.5', '--rate', '100', '--time-limit', '60'],
      withoutFault: ['--nemesis', 'terminate,pause', '--interval', '1.5', '--rate', '100', '--time-limit', '60'],
      local: ['--nemesis', 'kill', '--interval', '1.5', '--rate', '100', '--time-limit', '40', '--power-loss'],
    },
  },
  {
    name: 'commit-older-term',
    about: 'a leader commits entries of earlier terms by counting (figure 8 of the Raft paper): a later leader can still replace them',
    edits: [{
      file: 'node/raft/replication.ts',
      find: 'if (state.log.termAt(quorumIndex) !== state.term) return',
      replace: '',
    }],
    runs: {
      simulated: ['--nemesis', 'partition', '--targets', 'isolate-leader', '--interval', '1', '--time-limit', '60', '--member-config', slowBacklog],
      local: ['--nemesis', 'partition', '--targets', 'isolate-leader', '--interval', '1', '--latency', '20', '--time-limit', '30', '--member-config', slowBacklog],
    },
  },
  {
    name: 'snapshot-not-installed',
    about: 'a member that was sent a snapshot takes its index for its own, and leaves its state as it was: what it did not hear of is missing from its answers',
    edits: [{
      file: 'node/driver/snapshotter.ts',
      find: 'restored.finish()',
      replace: '',
    }],
    runs: {
      simulated: ['--nemesis', 'partition,kill', '--time-limit', '60', '--member-config', manySnapshots],
      local: ['--nemesis', 'partition,kill', '--time-limit', '40', '--member-config', manySnapshots],
    },
  },
  {
    name: 'loyal-for-ever',
    about: 'who heard of a leader once refuses to vote for anybody else, however long it is silent: once all have heard of one, a leader that is gone has no successor',
    edits: [{
      file: 'node/raft/leader-contact.ts',
      find: 'this.#lastMs + (this.#lost ? this.#holdMs : this.#electionTimeoutMs)',
      replace: 'Number.POSITIVE_INFINITY',
    }],
    runs: {
      simulated: ['--nemesis', 'partition', '--targets', 'isolate-leader', '--time-limit', '20', '--recovery-timeout', '30'],
      // In real time a leader that comes late may be the machine's doing: unknown, not invalid.
      local: null,
    },
  },
]

/** The bugs that can be planted by name. */
export const plantedBugs: readonly Mutant[] = [
  ...coreBugs,
  ...lockBugs,
  ...catalogBugs,
  ...gossipBugs,
  ...faultBugs,
  ...transactionBugs,
]
