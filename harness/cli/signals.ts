import type { Stop } from '../runner/stop.ts'
import { exitCodeOfSignal, exitCodes } from './exit-codes.ts'

/** Signals that come closer together are one: a terminal and the launcher may both send it. */
const sameSignalMs = 500

/** What of a process is used; tests give their own. */
export interface SignalSource {
  on(signal: keyof typeof exitCodeOfSignal, listener: () => void): unknown
  off(signal: keyof typeof exitCodeOfSignal, listener: () => void): unknown
  exit(code: number): void
}

/** Listens until disposed. */
export type Signals = Disposable

/**
 * The first Ctrl-C ends the run early and cleanly; the second only says that
 * this is under way; the third gives up on it, and the next run clears away
 * what is left.
 */
export function listenForSignals(interrupt: Stop, say: (line: string) => void, source: SignalSource = process, nowMs: () => number = () => performance.now()): Signals {
  let count = 0
  let lastMs = -Infinity
  const listeners = (Object.keys(exitCodeOfSignal) as (keyof typeof exitCodeOfSignal)[]).map((signal) => {
    const listener = () => {
      if (nowMs() - lastMs < sameSignalMs) return
      lastMs = nowMs()
      count += 1
      if (count === 1) {
        say(`${signal}: ending the run early; healing and tearing down …`)
        interrupt.stop(signal)
      } else if (count === 2) {
        say('Still tearing down, so that nothing is left behind. Once more leaves at once; the next run then clears away what is left.')
      } else {
        source.exit(exitCodes.crashed)
      }
    }
    source.on(signal, listener)
    return { signal, listener }
  })
  return {
    [Symbol.dispose]() {
      for (const { signal, listener } of listeners) source.off(signal, listener)
    },
  }
}
