import type { HarnessClock } from './environment.ts'

/** Real time since the call. */
export function realClock(): HarnessClock {
  const startNs = process.hrtime.bigint()
  return {
    zeroWallMs: Date.now(),
    nowNs: () => Number(process.hrtime.bigint() - startNs),
    wallMs: () => Date.now(),
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  }
}
