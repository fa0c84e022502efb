import { Option } from 'commander'
import { oneOrMoreOf } from '../plan/flag-values.ts'
import type { Benchmark } from './benchmark.ts'

export const faultKinds = ['kill', 'cut', 'slow'] as const

export const detection: Benchmark = {
  name: 'detection',
  about: 'a member is killed, cut off, slowed down: first detection, detection by all, false positives under loss, against SWIM\'s bounds; at 5 to 100 members',
  environments: ['simulated', 'local', 'docker'],
  memberCountsDefault: [5, 10, 25, 50, 100],
  membersMax: 200,
  addOptions(command) {
    command
      .option('--times <n>', 'how often a member is struck by each fault, at each member count', '10')
      .addOption(new Option('--faults <list>', `what strikes: ${faultKinds.join(', ')}`).argParser(oneOrMoreOf(...faultKinds)).default([...faultKinds], faultKinds.join(',')))
      .option('--slow-ms <list>', 'by how much all that a slow member says and hears is late, one way', '1000,5000')
      .option('--loss <list>', 'of what members say to each other, in percent', '0,5,10,20,30')
      .option('--watch-seconds <s>', 'how long each loss is watched at each member count, all rounds together; 0: not at all', '120')
      .option('--rounds <n>', 'rounds in alternation, each with clusters of its own', '2')
      .option('--real-members <n>', 'in local and docker: larger clusters are simulated', '5')
  },
  measure: async (context) => (await import('./detection-measure.ts')).measureDetection(context),
}
