import { Option } from 'commander'
import { oneOrMoreOf } from '../plan/flag-values.ts'
import type { Benchmark } from './benchmark.ts'
import { breakWays } from './break-member.ts'

export const election: Benchmark = {
  name: 'election',
  about: 'the leader is killed, paused and cut off: time to a new one and to the first acknowledged write; elections when nothing is wrong, under full load',
  environments: ['docker', 'local', 'simulated'],
  addOptions(command) {
    command
      .option('--times <n>', 'how often the leader is taken in each way, at each member count', '50')
      .addOption(new Option('--ways <list>', `how: ${breakWays.join(', ')}`).argParser(oneOrMoreOf(...breakWays)).default([...breakWays], breakWays.join(',')))
      .option('--rounds <n>', 'rounds in alternation, each with clusters of its own', '5')
      .option('--calm-seconds <s>', 'how long each member count is under full load with nothing wrong, all rounds together; 0: not at all', '60')
      .option('--connections <n>', 'of the full load', '64')
  },
  measure: async (context) => (await import('./election-measure.ts')).measureElection(context),
}
