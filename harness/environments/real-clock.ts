import type { HarnessClock } from './environment.ts'

/** Real time since the call. */
export function realClock(): HarnessClock {
  const startNs = process.hrtime.bigint()
  return {
    nowNs: () => Number(process.hrtime.bigint() - startNs),
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  }
}
