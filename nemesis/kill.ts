import { invariant } from '../node/base/assert.ts'
import type { Random } from '../node/base/random.ts'
import type { Environment, Kill } from '../harness/environments/environment.ts'
import type { Nemesis } from './nemesis.ts'
import { majorityOf } from './targets.ts'

/** How long a probe waits for a member that must not answer, or must. */
const probeTimeoutMs = 1000

/** kill -9 of some or all members at once, and later their restart on the same data. */
export const kill: Nemesis = {
  name: 'kill',
  about: 'kill -9 of one member, the leader, a minority, a majority or all, and their restart',

  missing: (environment) => environment.kill === undefined ? 'this environment cannot kill members' : null,

  async next({ environment, random, leader }) {
    const killer = environment.kill
    invariant(killer !== undefined, () => `kill in environment ${environment.kind}, which cannot kill`)
    const target = random.pick(killTargets)
    const members = killedBy(target, environment.members, random, target === 'leader' ? await leader() : null)
    return {
      name: 'kill',
      value: { target, members },
      async start() {
        try {
          await all(members, (member) => killer.kill(member))
          await all(members, (member) => proveDead(environment, member))
        } catch (error) {
          // A fault that did not start must leave nothing behind.
          await all(members, (member) => killer.restart(member)).catch(() => {})
          throw error
        }
        return { observed: { proven: `${members.join(', ')} did not answer` }, stop: () => restartAll(environment, killer, members) }
      },
    }
  },
}

export const killTargets = ['one', 'leader', 'minority', 'majority', 'all'] as const

/** Pure: who is killed. Never empty. */
export function killedBy(target: (typeof killTargets)[number], members: readonly string[], random: Random, leader: string | null): readonly string[] {
  const draw = (count: number) => random.shuffle(members).slice(0, Math.max(1, count)).sort()
  switch (target) {
    case 'one': return draw(1)
    case 'leader': return leader !== null && members.includes(leader) ? [leader] : draw(1)
    case 'minority': return draw(members.length - majorityOf(members.length))
    case 'majority': return draw(majorityOf(members.length))
    case 'all': return [...members]
  }
}

async function restartAll(environment: Environment, killer: Kill, members: readonly string[]) {
  // All at once: with a majority dead, one alone might wait for the others.
  await all(members, (member) => killer.restart(member))
  await all(members, async (member) => {
    const outcome = await probe(environment, member)
    if (outcome.kind !== 'response') throw new Error(`${member} was restarted and does not answer: ${outcome.error}`)
  })
  return { proven: `${members.join(', ')} answered` }
}

async function proveDead(environment: Environment, member: string): Promise<void> {
  const outcome = await probe(environment, member)
  if (outcome.kind === 'response') throw new Error(`${member} was killed and still answers (${outcome.status})`)
}

const probe = (environment: Environment, member: string) =>
  environment.request(member, { method: 'GET', target: '/v1/status/leader' }, probeTimeoutMs)

/** Does it for each at once; waits for all, then throws what failed. */
async function all(members: readonly string[], task: (member: string) => Promise<void>): Promise<void> {
  const results = await Promise.allSettled(members.map(task))
  const failures = results.flatMap((result) => result.status === 'rejected' ? [result.reason as Error] : [])
  if (failures.length === 1) throw failures[0]
  if (failures.length > 1) throw new AggregateError(failures, failures.map((failure) => failure.message).join('; '))
}
