import type { Random } from '../base/random.ts'
import type { Cancel, Scheduler } from '../base/scheduler.ts'
import type { CheckResult, CheckSpec } from './definitions.ts'
import type { ProbeMethod, Probes } from './probes.ts'

export interface CheckRunnerPorts {
  readonly scheduler: Scheduler
  readonly random: Random
  readonly probes: Probes
  /** The health of what an alias check stands for. */
  readonly alias: (spec: CheckSpec) => CheckResult
  readonly status: (checkId: string) => CheckResult | null
  readonly report: (checkId: string, result: CheckResult) => void
}

/** How often an alias looks at what it stands for; that lies in memory. */
const aliasIntervalMs = 1000

/** Makes the checks of one agent, each at its interval, from a random moment of the first one on. */
export class CheckRunner {
  readonly #ports: CheckRunnerPorts
  readonly #running = new Map<string, { stop: () => void, heard: () => void }>()

  constructor(ports: CheckRunnerPorts) {
    this.#ports = ports
  }

  /** In place of a check with its id. */
  start(spec: CheckSpec): void {
    this.stop(spec.checkId)
    const { method } = spec
    switch (method.kind) {
      case 'ttl': return this.#startTtl(spec, method.ttlMs)
      case 'http':
      case 'tcp':
      case 'grpc':
      case 'script': return this.#startProbes(spec, method)
      case 'alias': return this.#repeat(spec.checkId, aliasIntervalMs, 0, (next) => {
        this.#ports.report(spec.checkId, this.#ports.alias(spec))
        next()
      })
      case 'maintenance':
    }
  }

  stop(checkId: string): void {
    this.#running.get(checkId)?.stop()
    this.#running.delete(checkId)
  }

  stopAll(): void {
    for (const checkId of [...this.#running.keys()]) this.stop(checkId)
  }

  /** A TTL check was told of: its time begins anew. */
  heard(checkId: string): void {
    this.#running.get(checkId)?.heard()
  }

  #startTtl({ checkId }: CheckSpec, ttlMs: number): void {
    const { scheduler, status, report } = this.#ports
    const expire = () => report(checkId, { status: 'critical', output: `TTL expired (last output before timeout follows): ${status(checkId)?.output ?? ''}` })
    let cancel = scheduler.after(ttlMs, expire)
    this.#running.set(checkId, {
      stop: () => cancel(),
      heard: () => {
        cancel()
        cancel = scheduler.after(ttlMs, expire)
      },
    })
  }

  #startProbes(spec: CheckSpec, method: ProbeMethod): void {
    const { probes, random, status, report } = this.#ports
    const { checkId } = spec
    let successes = 0
    let failures = 0
    let cancelProbe: Cancel = () => {}
    const settle = (result: CheckResult) => {
      // A warning is a success here, as in Consul.
      if (result.status === 'critical') {
        failures++
        successes = 0
      } else {
        successes++
        failures = 0
      }
      const enough = result.status === 'critical' ? failures > spec.failuresBeforeCritical : successes > spec.successBeforePassing
      const before = status(checkId)
      if (enough || before === null) report(checkId, result)
      else report(checkId, { status: before.status, output: result.output })
    }
    this.#repeat(checkId, method.intervalMs, random.fraction() * method.intervalMs, (next) => {
      cancelProbe = probes.probe(method, spec.outputBytesMax, (result) => {
        settle(result)
        next()
      })
    }, () => cancelProbe())
  }

  /** `task` again `intervalMs` after it has called `next`. */
  #repeat(checkId: string, intervalMs: number, firstMs: number, task: (next: () => void) => void, stopTask: () => void = () => {}): void {
    const { scheduler } = this.#ports
    let stopped = false
    let cancel: Cancel = () => {}
    const next = () => { if (!stopped) cancel = scheduler.after(intervalMs, run) }
    const run = () => task(next)
    cancel = scheduler.after(firstMs, run)
    this.#running.set(checkId, {
      stop: () => {
        stopped = true
        cancel()
        stopTask()
      },
      heard: () => {},
    })
  }
}
