import type { Mutant } from './mutant.ts'

/** Bugs of sessions and locks, seen by the workload `lock`; and of blocking queries, seen by `watch`. */

const lock = (...more: readonly string[]) => ['--workload', 'lock', ...more]
const watch = (...more: readonly string[]) => ['--workload', 'watch', ...more]

/** Snapshots all the time, and hardly any log behind them: whoever was away for a moment is sent one. */
const manySnapshots = ['--member-config', JSON.stringify({ raft_snapshot_threshold: 60, raft_trailing_logs: 5 })]

export const lockBugs: readonly Mutant[] = [
  {
    name: 'lock-taken-though-held',
    about: 'a lock is given to whoever asks for it, also while another session holds it',
    edits: [{
      file: 'node/state/kv.ts',
      find: 'if (old !== null && old.session !== null && old.session !== session) return false',
      replace: '',
    }],
    runs: { simulated: lock('--nemesis', 'none', '--time-limit', '20'), local: lock('--nemesis', 'none', '--time-limit', '10') },
  },
  {
    name: 'lock-delay-ignored',
    about: 'no lock-delay is kept: who lost a lock with its session may still think that it has it when the next one gets it',
    edits: [{
      file: 'node/driver/lock-delays.ts',
      find: 'if (untilMs > this.#scheduler.nowMs()) return true',
      replace: '',
    }],
    runs: { simulated: lock('--nemesis', 'none', '--time-limit', '30'), local: null },
  },
  {
    name: 'expired-session-keeps-locks',
    about: 'a session whose time to live is over goes away and leaves its locks held, for ever',
    edits: [{
      file: 'node/state/sessions.ts',
      find: 'if (session === undefined || this.#renewed.get(id) !== renewedIndex) return false\n    this.#end(index, session)',
      replace: `if (session === undefined || this.#renewed.get(id) !== renewedIndex) return false
    this.#sessions.delete(id)
    this.#renewed.delete(id)
    this.#byNode.get(session.node).delete(id)
    this.#changed(index, id)
    if (this.#observer !== null) this.#observer.ended(id)`,
    }],
    runs: { simulated: lock('--nemesis', 'none', '--time-limit', '25'), local: null },
  },
  {
    name: 'session-expires-early',
    about: 'a session ends half its time to live after its last renewal',
    edits: [{ file: 'node/driver/session-timers.ts', find: 'const ttlFactor = 2', replace: 'const ttlFactor = 0.3' }],
    runs: { simulated: lock('--nemesis', 'none', '--time-limit', '30'), local: null },
  },
  {
    name: 'snapshot-without-sessions',
    about: 'a snapshot holds no sessions: who is restored from one has lost them all',
    edits: [{
      file: 'node/state/sessions.ts',
      find: 'for (const record of sessions) yield encodeRecord(record)',
      replace: '',
    }],
    runs: { simulated: lock('--nemesis', 'kill', '--time-limit', '45', ...manySnapshots), local: lock('--nemesis', 'kill', '--time-limit', '20', ...manySnapshots) },
  },
  {
    name: 'lock-index-stands-still',
    about: 'an acquisition does not increase the LockIndex: what is fenced by it lets the last holder in',
    edits: [{
      file: 'node/state/kv.ts',
      find: 'old.session === session ? old.lockIndex : old.lockIndex + 1',
      replace: 'old.lockIndex',
    }],
    runs: { simulated: lock('--nemesis', 'none', '--time-limit', '20'), local: lock('--nemesis', 'none', '--time-limit', '10') },
  },
  {
    name: 'anybody-releases',
    about: 'a lock is given back by whoever says so, whether it holds it or not',
    edits: [{
      file: 'node/state/kv.ts',
      find: 'if (old === null || old.session !== session) return false\n    this.#write(index, old, key, value, flags, old.lockIndex, null)',
      replace: 'if (old === null) return false\n    this.#write(index, old, key, value, flags, old.lockIndex, null)',
    }],
    runs: { simulated: lock('--nemesis', 'none', '--time-limit', '20'), local: null },
  },
  {
    name: 'watch-registers-late',
    about: 'a blocking query looks, and begins to watch a moment later: what changes in between does not wake it',
    edits: [{
      file: 'node/api/blocking.ts',
      find: 'watch(blocked.interests)\n    onGone',
      replace: 'this.#scheduler.after(250, () => { if (!ended) watch(blocked.interests) })\n    onGone',
    }],
    runs: { simulated: watch('--nemesis', 'none', '--time-limit', '45'), local: null },
  },
  {
    name: 'deletes-wake-nobody',
    about: 'who waits for a change is not woken when a key is deleted',
    edits: [{
      file: 'node/state/kv.ts',
      find: 'for (const key of keys) this.#watches.touch(table, key)',
      replace: '',
    }],
    runs: { simulated: watch('--nemesis', 'none', '--time-limit', '45'), local: null },
  },
  {
    name: 'snapshot-without-tombstones',
    about: 'a snapshot does not hold which keys were deleted: the index of a prefix goes back to that of what is left',
    edits: [{
      file: 'node/state/kv.ts',
      find: "for (const [i, key] of tombstones.keys.entries()) yield encodeKvRecord({ kind: 'tombstone', key, index: tombstones.indexes[i]! })",
      replace: '',
    }],
    runs: { simulated: watch('--nemesis', 'restart-all', '--interval', '1.5', '--time-limit', '60', '--member-config', JSON.stringify({ raft_snapshot_threshold: 12, raft_trailing_logs: 2 })), local: null },
  },
  {
    name: 'watch-of-half-a-change',
    about: 'the index that a prefix is told by is the whole table\'s, ahead of what was looked at: a change between the two is never told',
    edits: [{
      file: 'node/api/kv.ts',
      find: "const { index, entries } = kv.list(prefix)\n  return {\n    index, interests: () => [kv.interestInPrefix(prefix)],",
      replace: 'const { entries } = kv.list(prefix)\n  return {\n    index: kv.index + 2, interests: () => [kv.interestInPrefix(prefix)],',
    }],
    runs: { simulated: watch('--nemesis', 'none', '--time-limit', '20'), local: null },
  },
]
