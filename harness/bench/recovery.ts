import { Option } from 'commander'
import { oneOrMoreOf } from '../plan/flag-values.ts'
import type { Benchmark } from './benchmark.ts'

/**
 * What a member comes back from: `cut`: the partition that cut it off is
 * healed; `restart`: it was killed, and is started on its data; `empty`: on an
 * empty disk; `all`: all members were killed, and are started on their data.
 */
export const recoveryWays = ['cut', 'restart', 'empty', 'all'] as const
export type RecoveryWay = (typeof recoveryWays)[number]

export const recovery: Benchmark = {
  name: 'recovery',
  about: 'a partition is healed, a member is restarted with its log and without, all members are restarted: how long until they answer, know the leader, acknowledge a write, have caught up',
  environments: ['docker', 'local', 'simulated'],
  addOptions(command) {
    command
      .option('--times <n>', 'how often in each way, at each member count and number of keys', '10')
      .addOption(new Option('--ways <list>', 'cut: a partition is healed; restart: a member, on its data; empty: a member, on an empty disk; all: all members').argParser(oneOrMoreOf(...recoveryWays)).default([...recoveryWays], recoveryWays.join(',')))
      .option('--keys <list>', 'keys that the cluster holds', '100,10000')
      .option('--value-bytes <n>', 'of each value', '100')
      .option('--missed <n>', 'writes that a member misses while it is away', '500')
      .option('--away-seconds <s>', 'how long it is away at least', '2')
      .option('--rounds <n>', 'rounds in alternation, each with clusters of its own', '2')
  },
  measure: async (context) => (await import('./recovery-measure.ts')).measureRecovery(context),
}
