import type { Benchmark } from './benchmark.ts'
import { addLoadOptions } from './load/load-flags.ts'

export const reads: Benchmark = {
  name: 'reads',
  about: 'throughput and latency of reads of single keys in each consistency mode, and the CPU and memory of each member meanwhile',
  environments: ['docker', 'local'],
  addOptions: (command) => addLoadOptions(command, 'read'),
  measure: async (context) => (await import('./load/load-benchmark.ts')).measureLoad(context, 'read'),
}
