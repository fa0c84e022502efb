import { monitorEventLoopDelay, PerformanceObserver } from 'node:perf_hooks'
import type { Metrics } from '../base/metrics.ts'

const intervalMs = 1000

/** What this process uses, every second: Consul's `runtime` gauges, as far as there is such a thing here. Returns what ends it. */
export function reportProcess(metrics: Metrics, alsoEverySecond: () => void): () => void {
  let pauseMs = 0
  let collections = 0
  const observer = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) {
      pauseMs += duration
      collections++
    }
  })
  observer.observe({ entryTypes: ['gc'] })
  const delay = monitorEventLoopDelay({ resolution: 10 })
  delay.enable()
  const timer = setInterval(() => {
    const { heapUsed, rss } = process.memoryUsage()
    metrics.gauge('runtime.alloc_bytes', heapUsed)
    metrics.gauge('runtime.sys_bytes', rss)
    metrics.gauge('runtime.total_gc_pause_ns', Math.round(pauseMs * 1e6))
    metrics.gauge('runtime.total_gc_runs', collections)
    // Not Consul's: how long the one thread kept others waiting, at worst, in this second.
    if (delay.count > 0) metrics.gauge('runtime.event_loop_delay_max_ms', delay.max / 1e6)
    delay.reset()
    alsoEverySecond()
  }, intervalMs)
  timer.unref()
  return () => {
    clearInterval(timer)
    observer.disconnect()
    delay.disable()
  }
}
