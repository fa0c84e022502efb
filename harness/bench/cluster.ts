import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { seededRandom } from '../../node/base/random.ts'
import type { Environment, EnvironmentOptions } from '../environments/environment.ts'

/** Environments that a benchmark can run in: real time only. */
export type BenchEnvironment = 'docker' | 'local'

/** A started cluster that goes away, with its working directory, when disposed. */
export async function startCluster(kind: BenchEnvironment, memberCount: number): Promise<Environment> {
  const workDirectory = await mkdtemp(join(tmpdir(), 'splitbrain-bench-'))
  const options: EnvironmentOptions = {
    runId: `bench-${randomBytes(4).toString('hex')}`,
    memberCount,
    random: seededRandom(1),
    workDirectory,
    edits: [],
    // 256 connections come from one address.
    memberConfig: { limits: { http_max_conns_per_client: 0 } },
    latencyMs: 0,
    powerLoss: false,
    say: (line) => console.error(line),
  }
  const environment = kind === 'docker'
    ? await (await import('../environments/docker/index.ts')).createDockerEnvironment(options)
    : await (await import('../environments/local/index.ts')).createLocalEnvironment(options)
  const dispose = environment[Symbol.asyncDispose].bind(environment)
  environment[Symbol.asyncDispose] = async () => {
    await dispose()
    await rm(workDirectory, { recursive: true, force: true })
  }
  try {
    await environment.start()
    await leaderOf(environment, 30_000)
    return environment
  } catch (error) {
    await environment[Symbol.asyncDispose]()
    throw error
  }
}

/** The leader's name, once every member in `among` names the same one; rejects after the deadline with what each said. */
export async function leaderOf(environment: Environment, deadlineMs: number, among: readonly string[] = environment.members): Promise<string> {
  const endNs = environment.clock.nowNs() + deadlineMs * 1e6
  let answers: string[] = []
  while (environment.clock.nowNs() < endNs) {
    answers = await Promise.all(among.map((member) => text(environment, member, '/v1/status/leader')))
    const first = answers[0]!
    if (first.length > 2 && answers.every((answer) => answer === first)) {
      for (const member of environment.members) {
        const self = await text(environment, member, '/v1/agent/self')
        if (self !== '' && advertisedAddress(self) === JSON.parse(first)) return member
      }
    }
    await environment.clock.sleep(20)
  }
  throw new Error(`no leader that all agree on within ${deadlineMs} ms: ${among.map((member, i) => `${member} says ${answers[i]}`).join(', ')}`)
}

function advertisedAddress(self: string): string | null {
  const document = JSON.parse(self) as { Member?: { Addr?: string, Tags?: { port?: string } } }
  return document.Member?.Addr === undefined ? null : `${document.Member.Addr}:${document.Member.Tags?.port ?? '8300'}`
}

async function text(environment: Environment, member: string, target: string): Promise<string> {
  const outcome = await environment.request(member, { method: 'GET', target }, 1000)
  return outcome.kind === 'response' && outcome.status === 200 ? Buffer.from(outcome.body).toString() : ''
}

/** The p-quantile (0..1) of unsorted numbers, nearest rank. */
export function quantile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(p * sorted.length) - 1))]!
}
