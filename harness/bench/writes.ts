import type { Benchmark } from './benchmark.ts'
import { addLoadOptions } from './load/load-flags.ts'

export const writes: Benchmark = {
  name: 'writes',
  about: 'throughput and latency of writes of single keys, and the CPU and memory of each member meanwhile',
  environments: ['docker', 'local'],
  addOptions: (command) => addLoadOptions(command, 'write'),
  measure: async (context) => (await import('./load/load-benchmark.ts')).measureLoad(context, 'write'),
}
