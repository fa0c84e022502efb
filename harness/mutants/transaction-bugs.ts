import type { Mutant } from './mutant.ts'

/** Snapshots all the time, and hardly any log behind them. */
const manySnapshots = ['--member-config', JSON.stringify({ raft_snapshot_threshold: 60, raft_trailing_logs: 5 })]

const append = ['--workload', 'append', '--time-limit', '10']
const set = ['--workload', 'set', '--time-limit', '10']
/** Nothing has to break for these: clients at the same time are enough. */
const quiet = ['--nemesis', 'none']

/** Bugs of transactions, of snapshots and of lists of keys, which one register alone does not show. */
export const transactionBugs: readonly Mutant[] = [
  {
    name: 'txn-keeps-its-beginning',
    about: 'of a transaction that fails, what stands before the failing operation is kept: half of something that was refused is seen',
    edits: [{ file: 'node/state/kv.ts', find: 'this.#entries.rollback()', replace: 'this.#entries.commit()' }],
    runs: { simulated: [...append, ...quiet], local: [...append, ...quiet] },
  },
  {
    name: 'txn-cas-ignores-version',
    about: 'a cas within a transaction sets the key whatever its version is: updates are lost',
    edits: [{
      file: 'node/state/txn.ts',
      find: 'return kv.compareAndSet(index, key, value, flags, operation.index) ?',
      replace: 'return kv.compareAndSet(index, key, value, flags, kv.get(key).entry?.modifyIndex ?? 0) ?',
    }],
    runs: { simulated: [...append, ...quiet], local: null },
  },
  {
    name: 'txn-check-index-ignored',
    about: 'check-index holds for every key that is there: a transaction builds upon what is no longer so',
    edits: [{ file: 'node/state/txn.ts', find: 'if (entry.modifyIndex !== index) return', replace: 'if (entry.modifyIndex < 0) return' }],
    runs: { simulated: [...append, ...quiet], local: null },
  },
  {
    name: 'txn-reads-stale',
    about: 'a transaction that only reads is answered from the state of the member that is asked, whatever freshness was asked for',
    edits: [{ file: 'node/api/txn.ts', find: 'const consistency = parseConsistency(query)', replace: "const consistency = 'stale'" }],
    runs: { simulated: [...append, ...quiet], local: null },
  },
  {
    name: 'txn-partly-replayed',
    about: 'a member that starts again carries out only the first operation of each transaction in its log',
    edits: [
      { file: 'node/registry-node.ts', find: 'const { snapshot } = recovered', replace: 'const { snapshot } = recovered\nthis.#stateMachine.replayedUpTo = recovered.entries.at(-1)?.index ?? 0' },
      {
        file: 'node/state/state-machine.ts',
        find: 'writeTransaction(tables, index, operations)',
        replace: 'writeTransaction(tables, index, index <= (this.replayedUpTo ?? 0) ? operations.slice(0, 1) : operations)',
      },
    ],
    runs: { simulated: ['--workload', 'append', '--nemesis', 'kill', '--time-limit', '20'], local: null },
  },
  {
    name: 'snapshot-lacks-last-key',
    about: 'a snapshot is written without its last key: whoever starts from it, or is sent it, has lost one',
    edits: [{
      file: 'node/state/kv.ts',
      find: 'yield* entries.records',
      replace: `let held = null
      for (const record of entries.records) {
        if (held !== null) yield held
        held = record
      }`,
    }],
    runs: { simulated: ['--workload', 'set', '--nemesis', 'partition,kill', '--time-limit', '30', ...manySnapshots], local: null },
  },
  {
    name: 'delete-takes-neighbour',
    about: 'a key that is deleted takes the next one on its page with it: it is missing where keys are read and listed',
    edits: [{
      file: 'node/state/kv-pages.ts',
      find: 'page.removeAt(this.#slot)\n    this.#size--\n    if (page.count === 0)',
      replace: `page.removeAt(this.#slot)
    this.#size--
    if (this.#slot < page.count) {
      page.removeAt(this.#slot)
      this.#size--
    }
    if (page.count === 0)`,
    }],
    runs: { simulated: [...set, ...quiet], local: [...set, ...quiet] },
  },
  {
    name: 'list-skips-end-of-page',
    about: 'a list of keys by prefix leaves out the last key of each page that keys are kept in',
    edits: [{
      file: 'node/state/kv-pages.ts',
      find: 'if (end > start) yield { page, start, end }\n      }\n',
      replace: 'if (end - 1 > start) yield { page, start, end: end - 1 }\n      }\n',
    }],
    runs: { simulated: [...set, ...quiet], local: null },
  },
  {
    name: 'list-repeats-a-key',
    about: 'a long list of keys by prefix has one of them twice',
    edits: [{
      file: 'node/state/kv-entries.ts',
      find: '    return entries\n  }',
      replace: '    if (entries.length > 20) entries.splice(20, 0, entries[19]!)\n    return entries\n  }',
    }],
    runs: { simulated: [...set, ...quiet], local: null },
  },
]
