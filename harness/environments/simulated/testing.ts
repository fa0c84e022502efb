import { seededRandom } from '../../../node/base/random.ts'
import type { Environment, HttpOutcome } from '../environment.ts'
import { createSimulatedEnvironment, type SimulatedVariations } from './simulated-environment.ts'

export interface ClusterOptions extends SimulatedVariations {
  readonly seed?: number
  readonly memberCount?: number
  readonly spareCount?: number
  readonly memberConfig?: Record<string, unknown>
  readonly latencyMs?: number
  readonly workDirectory: string
}

/** Starts a cluster, waits for a leader, does `main`, all in virtual time. */
export async function withCluster<T>(
  { seed = 1, memberCount = 3, spareCount = 0, memberConfig = {}, latencyMs = 0, workDirectory, ...variations }: ClusterOptions, main: (environment: Environment) => Promise<T>,
): Promise<T> {
  await using environment = await createSimulatedEnvironment({
    runId: 'test', memberCount, spareCount, random: seededRandom(seed), workDirectory, edits: [], memberConfig, latencyMs, powerLoss: false, say: () => {},
  }, variations)
  return await environment.run(async () => {
    await environment.start()
    await until(environment, () => leaderOf(environment))
    return main(environment)
  })
}

/** `200 true`, or what became of it. */
export const text = (outcome: HttpOutcome) => outcome.kind === 'response' ? `${outcome.status} ${new TextDecoder().decode(outcome.body)}` : `${outcome.kind} ${outcome.error}`

export const put = (environment: Environment, member: string, key: string, body: string, timeoutMs = 10_000) =>
  environment.request(member, { method: 'PUT', target: `/v1/kv/${key}`, body }, timeoutMs)

export const get = (environment: Environment, member: string, key: string, timeoutMs = 10_000) =>
  environment.request(member, { method: 'GET', target: `/v1/kv/${key}?raw&consistent` }, timeoutMs)

export async function json(environment: Environment, member: string, target: string): Promise<any> {
  const outcome = await environment.request(member, { method: 'GET', target }, 5000)
  return outcome.kind === 'response' && outcome.status === 200 ? JSON.parse(new TextDecoder().decode(outcome.body)) : null
}

/** Asks every 10 ms until it is not null; throws after so many virtual seconds. */
export async function until<T>(environment: Environment, condition: () => Promise<T | null>, what = 'what is waited for', virtualS = 60): Promise<T> {
  const untilNs = environment.clock.nowNs() + virtualS * 1e9
  for (;;) {
    const found = await condition()
    if (found !== null) return found
    if (environment.clock.nowNs() > untilNs) throw new Error(`${what}: not within ${virtualS} virtual seconds`)
    await environment.clock.sleep(10)
  }
}

export async function leaderOf(environment: Environment, among: readonly string[] = environment.members): Promise<string | null> {
  for (const member of among) {
    const self = await json(environment, member, '/v1/agent/self')
    if (self?.Stats.raft.state === 'Leader') return member
  }
  return null
}

/** Name → status, as a member's gossip has it: 1 alive, 3 left, 4 failed. */
export async function gossipView(environment: Environment, member: string): Promise<Record<string, number>> {
  const members = await json(environment, member, '/v1/agent/members') as { Name: string, Status: number }[] | null
  return Object.fromEntries((members ?? []).map(({ Name, Status }) => [Name, Status]))
}

/** Every link to and from it. */
export const linksOf = (environment: Environment, member: string) =>
  environment.members.filter((other) => other !== member).flatMap((other) => [{ from: member, to: other }, { from: other, to: member }])
