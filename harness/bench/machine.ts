import { availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os'
import type { BenchRecord } from '../../results/bench/bench-record.ts'

/** What the numbers of a benchmark were measured on. `load`: averages of 1, 5 and 15 minutes, before it began. */
export function describeMachine(): BenchRecord['machine'] {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryMiB: Math.round(totalmem() / 1024 ** 2),
    kernel: `${type()} ${release()}`,
    load: loadavg().map((value) => Math.round(value * 100) / 100),
  }
}
