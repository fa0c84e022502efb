import { createLogUpdate } from 'log-update'
import type { RunPlan } from '../plan/plan.ts'
import type { RunStatus } from '../runner/run-context.ts'

const redrawMs = 250
/** Without a terminal nobody watches each moment, and a log keeps every line. */
const plainLineMs = 5000

/** Shows how a run goes on. */
export interface Progress extends Disposable {
  /** A line that stays. */
  say(line: string): void
}

/** One line that is redrawn on a terminal; elsewhere a line every 5 s. */
export function showProgress(status: RunStatus, plan: Pick<RunPlan, 'timeLimitS'>, stream: NodeJS.WriteStream): Progress {
  const line = progressLine(status, plan)
  if (!stream.isTTY) {
    const timer = setInterval(() => stream.write(`${line()}\n`), plainLineMs)
    return {
      say: (text) => void stream.write(`${text}\n`),
      [Symbol.dispose]: () => clearInterval(timer),
    }
  }
  const draw = createLogUpdate(stream)
  const timer = setInterval(() => draw(line()), redrawMs)
  return {
    say(text) {
      draw.clear()
      stream.write(`${text}\n`)
    },
    [Symbol.dispose]() {
      clearInterval(timer)
      draw.clear()
      draw.done()
    },
  }
}

/** A progress that is silent between the lines that are said. */
export function quietProgress(stream: Pick<NodeJS.WriteStream, 'write'>): Progress {
  return { say: (text) => void stream.write(`${text}\n`), [Symbol.dispose]() {} }
}

/** Draws `12.3 of 30 s  198 ops/s  ok 2312  fail 102  info 4  leader n2  faults: partition isolate-leader n2`. */
export function progressLine(status: RunStatus, plan: Pick<RunPlan, 'timeLimitS'>): () => string {
  let lastNs = 0
  let lastTotal = 0
  let rate = 0
  return () => {
    if (status.mainStartedNs === null) return `${status.phase} …`
    const nowNs = status.nowNs()
    const { ok, fail, info } = status.counts
    const total = ok + fail + info
    if (lastNs === 0) lastNs = status.mainStartedNs
    // Half a second at least, or the number jumps.
    if (nowNs - lastNs >= 5e8) {
      rate = (total - lastTotal) / ((nowNs - lastNs) / 1e9)
      lastNs = nowNs
      lastTotal = total
    }
    const elapsedS = Math.min(plan.timeLimitS, (nowNs - status.mainStartedNs) / 1e9)
    const where = status.phase === 'running' ? `${elapsedS.toFixed(1)} of ${plan.timeLimitS} s` : status.phase
    return [
      where,
      `${Math.round(rate)} ops/s`,
      `ok ${ok}`, `fail ${fail}`, `info ${info}`,
      `leader ${status.leader ?? 'none'}`,
      status.faultsOn.length === 0 ? 'no fault' : `faults: ${status.faultsOn.join(', ')}`,
    ].join('  ')
  }
}
