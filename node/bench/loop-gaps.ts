/** How long the event loop stood still, and whose doing it was. */
import { monitorEventLoopDelay, PerformanceObserver } from 'node:perf_hooks'

export interface Gap {
  /** On performance.now()'s clock. */
  readonly startMs: number
  readonly wallMs: number
  /** Of this thread; what is missing to the wall time was waiting: for a disk, or for a core that others had. */
  readonly cpuMs: number
  /** Garbage collection within. */
  readonly gcMs: number
}

export interface LoopReport {
  readonly durationMs: number
  /** Of this thread. */
  readonly cpuMs: number
  /** Longest first. */
  readonly gaps: readonly Gap[]
  /** By `perf_hooks.monitorEventLoopDelay`, which looks once a millisecond. */
  readonly delayP99Ms: number
  readonly delayMaxMs: number
  readonly gcPauses: readonly { readonly kind: string, readonly ms: number }[]
}

const gcKinds: Readonly<Record<number, string>> = { 1: 'scavenge', 2: 'minor mark-sweep', 4: 'mark-sweep-compact', 8: 'incremental', 16: 'weak callbacks' }
/** Shorter ones are a turn's ordinary work. */
const gapMsMin = 2

/** Watches the loop while `work` runs. */
export async function watchLoop(work: () => Promise<void>): Promise<LoopReport> {
  const collections: { readonly startMs: number, readonly ms: number, readonly kind: string }[] = []
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      collections.push({ startMs: entry.startTime, ms: entry.duration, kind: gcKinds[(entry as unknown as { detail?: { kind: number } }).detail?.kind ?? 0] ?? 'other' })
    }
  })
  observer.observe({ entryTypes: ['gc'] })
  const delays = monitorEventLoopDelay({ resolution: 1 })
  delays.enable()
  const raw: Omit<Gap, 'gcMs'>[] = []
  const cpuMs = () => {
    const { user, system } = process.threadCpuUsage()
    return (user + system) / 1000
  }
  let lastMs = performance.now()
  let lastCpuMs = cpuMs()
  let running = true
  const look = () => {
    const nowMs = performance.now()
    if (nowMs - lastMs >= gapMsMin) raw.push({ startMs: lastMs, wallMs: nowMs - lastMs, cpuMs: cpuMs() - lastCpuMs })
    lastMs = performance.now()
    lastCpuMs = cpuMs()
    // Each turn of the loop, so that a gap is one turn.
    if (running) setImmediate(look)
  }
  look()
  const startedMs = performance.now()
  const startedCpuMs = cpuMs()
  try {
    await work()
  } finally {
    running = false
  }
  const durationMs = performance.now() - startedMs
  const usedMs = cpuMs() - startedCpuMs
  // The observer hears of the last collections a turn later.
  await new Promise((resolve) => setTimeout(resolve, 20))
  delays.disable()
  observer.disconnect()
  const gcWithin = ({ startMs, wallMs }: Omit<Gap, 'gcMs'>) => collections.reduce((sum, gc) =>
    sum + Math.max(0, Math.min(startMs + wallMs, gc.startMs + gc.ms) - Math.max(startMs, gc.startMs)), 0)
  return {
    durationMs, cpuMs: usedMs, delayP99Ms: delays.percentile(99) / 1e6, delayMaxMs: delays.max / 1e6,
    gaps: raw.map((gap) => ({ ...gap, gcMs: gcWithin(gap) })).sort((a, b) => b.wallMs - a.wallMs),
    gcPauses: collections.map(({ kind, ms }) => ({ kind, ms })),
  }
}

/** The CPU time that was neither garbage collection nor waiting. */
export function ownMs({ cpuMs, gcMs }: Gap): number {
  return Math.max(0, cpuMs - gcMs)
}

export function describe(name: string, report: LoopReport): string {
  const worst = (of: (gap: Gap) => number) => report.gaps.reduce((max, gap) => Math.max(max, of(gap)), 0).toFixed(1)
  const over = (of: (gap: Gap) => number) => report.gaps.filter((gap) => of(gap) > 10).length
  const byKind = new Map<string, number[]>()
  for (const { kind, ms } of report.gcPauses) byKind.set(kind, [...byKind.get(kind) ?? [], ms])
  const collections = [...byKind].map(([kind, pauses]) => `${pauses.length} ${kind} (longest ${Math.max(...pauses).toFixed(1)} ms, ${pauses.filter((ms) => ms > 10).length} above 10)`)
  return [
    `${name}: ${(report.durationMs / 1000).toFixed(2)} s, ${(report.cpuMs / 1000).toFixed(2)} s of CPU`,
    `  longest turn: ${worst(({ wallMs }) => wallMs)} ms (${over(({ wallMs }) => wallMs)} above 10 ms); event loop delay p99 ${report.delayP99Ms.toFixed(1)} ms, max ${report.delayMaxMs.toFixed(1)} ms`,
    `  by this thread's CPU, garbage collection included: ${worst(({ cpuMs }) => cpuMs)} ms (${over(({ cpuMs }) => cpuMs)} above 10 ms)`,
    `  of it ours: ${worst(ownMs)} ms (${over(ownMs)} above 10 ms); waiting for disk or core: ${worst(({ wallMs, cpuMs }) => wallMs - cpuMs)} ms (${over(({ wallMs, cpuMs }) => wallMs - cpuMs)} above 10 ms)`,
    `  garbage collection: ${collections.join(', ') || 'none'}`,
  ].join('\n')
}
