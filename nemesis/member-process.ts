import { invariant } from '../node/base/assert.ts'
import type { Environment, Kill } from '../harness/environments/environment.ts'
import { each } from './drawing.ts'

/** How long a probe waits for a member that must not answer, or must. */
const probeTimeoutMs = 1000
/** How often a member that must answer is asked: one exchange can be lost to another fault. */
const answerAttempts = 5
/** Between two such questions. */
const answerPauseMs = 200
/** How long a member may take to end by itself when it is told to. */
const terminateTimeoutMs = 15_000

/** How members are brought down. */
export type Downfall = 'kill' | 'terminate' | 'power' | 'torn-power'

export function killerOf({ kill, kind }: Environment): Kill {
  invariant(kill !== undefined, () => `a process fault in environment ${kind}, which cannot kill`)
  return kill
}

/** Brings all of them down at once and proves it; if that fails, none stays down. */
export async function bringDown(environment: Environment, members: readonly string[], how: Downfall): Promise<{ readonly proven: string }> {
  try {
    await each(members, (member) => fell(killerOf(environment), member, how))
    await each(members, (member) => proveDown(environment, member))
  } catch (error) {
    // A fault that did not start must leave nothing behind.
    await bringUp(environment, members).catch(() => {})
    throw error
  }
  return { proven: `${members.join(', ')} did not answer` }
}

/** Starts all that do not run, all at once: with a majority down, one alone might wait for the others. May be called again. */
export async function bringUp(environment: Environment, members: readonly string[]): Promise<{ readonly proven: string }> {
  const killer = killerOf(environment)
  await each(members, async (member) => {
    try {
      await killer.restart(member)
    } catch (error) {
      // Called again after another of them failed: this one may run already.
      if (await silence(environment, member) !== null) throw error
    }
  })
  await proveUp(environment, members)
  return { proven: `${members.join(', ')} answered` }
}

export async function proveUp(environment: Environment, members: readonly string[]): Promise<void> {
  await each(members, async (member) => {
    let silent = await silence(environment, member)
    for (let attempt = 1; silent !== null && attempt < answerAttempts; attempt++) {
      await environment.clock.sleep(answerPauseMs)
      silent = await silence(environment, member)
    }
    if (silent !== null) throw new Error(`${member} was started and does not answer: ${silent}`)
  })
}

/**
 * A member that died of what was done to it (no memory, a full disk) is started
 * again once that is mended: to die of it is allowed, to stay down is for its operator to mend.
 * @returns who was started
 */
export async function reviveDead(environment: Environment, members: readonly string[]): Promise<readonly string[]> {
  const revived: string[] = []
  await each(members, async (member) => {
    for (let attempt = 0; attempt < answerAttempts; attempt++) {
      const outcome = await ask(environment, member)
      if (outcome.kind === 'response') return
      // Only a refused connection says that nobody is there.
      if (outcome.kind === 'not-sent' && environment.kill !== undefined && attempt > 0) {
        await environment.kill.kill(member).catch(() => {})
        await environment.kill.restart(member)
        revived.push(member)
        return
      }
      await environment.clock.sleep(answerPauseMs)
    }
  })
  return environment.members.filter((member) => revived.includes(member))
}

export async function proveDown(environment: Environment, member: string): Promise<void> {
  const outcome = await ask(environment, member)
  if (outcome.kind === 'response') throw new Error(`${member} was brought down and still answers (${outcome.status})`)
}

function fell(killer: Kill, member: string, how: Downfall): Promise<void> {
  switch (how) {
    case 'kill': return killer.kill(member)
    case 'terminate': return killer.terminate!(member, terminateTimeoutMs)
    case 'power': return killer.cutPower!(member, { torn: false })
    case 'torn-power': return killer.cutPower!(member, { torn: true })
  }
}

/** Why it does not answer, or null. */
async function silence(environment: Environment, member: string): Promise<string | null> {
  const outcome = await ask(environment, member)
  return outcome.kind === 'response' ? null : outcome.error
}

/** Any answer will do, of whatever status. */
const ask = (environment: Environment, member: string) => environment.kill?.answer?.(member, probeTimeoutMs)
  ?? environment.request(member, { method: 'GET', target: '/v1/status/leader' }, probeTimeoutMs)
