import { randomBytes } from 'node:crypto'
import type { Random } from '../../node/base/random.ts'
import type { Environment, EnvironmentKind } from '../environments/environment.ts'
import type { SystemName } from '../plan/plan.ts'
import type { RunHost } from '../runner/prepared-run.ts'
import { awaitServing } from '../runner/recovery.ts'
import type { Stop } from '../runner/stop.ts'
import { makeWorkDirectory } from '../runner/work-directory.ts'
import { systems } from '../systems/index.ts'
import { requestTo } from '../systems/leader.ts'
import type { ClusterOptions } from './benchmark.ts'
import { systemVersion } from './system-version.ts'

const servingTimeoutS = 60

export interface BenchClustersParts {
  readonly env: EnvironmentKind
  readonly system: SystemName
  /** From --member-config: stands before what a benchmark asks for. */
  readonly memberConfig: Readonly<Record<string, unknown>>
  readonly random: Random
  readonly createEnvironment: RunHost['createEnvironment']
  readonly interrupt: Stop
  readonly say: (line: string) => void
}

/** The clusters of one benchmark: none is left when this is disposed. */
export class BenchClusters implements AsyncDisposable {
  readonly #parts: BenchClustersParts
  readonly #living = new Set<Environment>()
  readonly #starting = new Set<Promise<unknown>>()
  #count = 0
  /** What members said that they are; null before the first cluster, and where they do not say. */
  #systemVersion: string | null = null

  constructor(parts: BenchClustersParts) {
    this.#parts = parts
  }

  get systemVersion(): string | null {
    return this.#systemVersion
  }

  /** Every member serves. Rejects with a sentence, or InterruptedError; nothing is left then. */
  start(memberCount: number, options: ClusterOptions): Promise<Environment> {
    const started = this.#start(memberCount, options)
    const settled = started.catch(() => {}).finally(() => this.#starting.delete(settled))
    this.#starting.add(settled)
    return started
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#starting)
    await Promise.all([...this.#living].map((environment) => environment[Symbol.asyncDispose]()))
  }

  async #start(memberCount: number, { memberConfig = {}, faults, latencyMs = 0, chance }: ClusterOptions): Promise<Environment> {
    const { system, random, interrupt, say } = this.#parts
    const runId = randomBytes(4).toString('hex')
    const workDirectory = makeWorkDirectory(runId)
    const { deployment } = systems[system]
    let environment: Environment
    try {
      environment = await this.#parts.createEnvironment(this.#parts.env, {
        runId, memberCount, latencyMs, say,
        random: random.split(chance ?? `cluster ${this.#count++}`),
        workDirectory: workDirectory.path,
        edits: [],
        memberConfig: mergeConfig(memberConfig, this.#parts.memberConfig),
        powerLoss: false,
        ...faults === undefined ? {} : { faults },
        ...deployment === undefined ? {} : { deployment },
      })
    } catch (error) {
      workDirectory[Symbol.dispose]()
      throw error
    }
    this.#goesWith(environment, workDirectory)
    try {
      if (latencyMs > 0 && environment.shapeLinks === undefined) throw new Error(`Environment ${environment.kind} cannot delay what members say to each other.`)
      await environment.run(async () => {
        await interrupt.orInterrupt(environment.start())
        const serving = await awaitServing({ environment, system: systems[system], timeoutS: servingTimeoutS, interrupt })
        this.#systemVersion ??= await systemVersion(system, requestTo(environment, environment.members[0]!))
        if (!serving.serving) throw new Error(`The cluster of ${memberCount} did not begin to serve within ${servingTimeoutS} s; pending: ${serving.pending.join('; ')}.`)
      })
      return environment
    } catch (error) {
      await environment[Symbol.asyncDispose]()
      throw error
    }
  }

  /** Once, however often it is asked for. */
  #goesWith(environment: Environment, workDirectory: Disposable): void {
    this.#living.add(environment)
    const dispose = environment[Symbol.asyncDispose].bind(environment)
    let disposal: Promise<void> | undefined
    environment[Symbol.asyncDispose] = () => (disposal ??= (async () => {
      try {
        await dispose()
      } finally {
        this.#living.delete(environment)
        workDirectory[Symbol.dispose]()
      }
    })())
  }
}

/** Keys of the second win; sections are merged, so that one limit does not take the others away. */
export function mergeConfig(base: Readonly<Record<string, unknown>>, over: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const merged: Record<string, unknown> = { ...base }
  for (const [key, value] of Object.entries(over)) {
    const before = merged[key]
    merged[key] = isSection(before) && isSection(value) ? mergeConfig(before, value) : value
  }
  return merged
}

function isSection(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
