import type { Membership, ServerSeen } from '../harness/systems/membership.ts'
import type { MemberRequest } from '../harness/systems/system.ts'
import { NotNowError, type NemesisContext } from './nemesis.ts'

/** A change was asked for and not confirmed: it may have happened, or happen yet. */
export class MayFollowError extends Error {
  override readonly name = 'MayFollowError'
}

const pollMs = 200
/** Who is cut off may go on to tell what was (etcd does): it is not believed for longer than two seconds. */
const looksOnTrust = 10

export const membershipOf = ({ system }: Pick<NemesisContext, 'system'>): Membership => {
  if (system.membership === undefined) throw new Error(`${system.name} cannot change who belongs to it`)
  return system.membership
}

export const requestTo = ({ environment }: Pick<NemesisContext, 'environment'>, member: string): MemberRequest =>
  (request, timeoutMs) => environment.request(member, request, timeoutMs)

/** The configuration as the first has it who answers, the leader if there is one; null where nobody does. */
export async function servers(context: NemesisContext): Promise<readonly ServerSeen[] | null> {
  return (await serversBy(context))?.seen ?? null
}

async function serversBy(context: NemesisContext): Promise<{ readonly member: string, readonly seen: readonly ServerSeen[] } | null> {
  const leader = await context.leader()
  const asked = [...leader === null ? [] : [leader], ...context.environment.members.filter((member) => member !== leader)]
  for (const member of asked) {
    const seen = await membershipOf(context).servers(requestTo(context, member))
    if (seen !== null) return { member, seen }
  }
  return null
}

/**
 * Waits until the configuration is as wanted; false after the deadline. To
 * find the leader all members are asked, which is a load of its own where a
 * change takes ten seconds of looks: who answered last is asked alone, and the
 * leader only where that one is silent, or says that it is so.
 */
async function awaitServers(context: NemesisContext, timeoutMs: number, isWanted: (seen: readonly ServerSeen[]) => boolean, isWorthIt: () => Promise<boolean> = async () => true): Promise<boolean> {
  let last: string | null = null
  let looks = 0
  return await poll(context, timeoutMs, async () => {
    if (!await isWorthIt()) return null
    const guess = last === null ? null : await membershipOf(context).servers(requestTo(context, last))
    if (guess !== null && !isWanted(guess) && ++looks % looksOnTrust !== 0) return null
    const found = await serversBy(context)
    last = found?.member ?? null
    return found !== null && isWanted(found.seen) ? true : null
  }) ?? false
}

/** The id under which the cluster has the member. @throws NotNowError where nobody can say */
export async function idOf(context: NemesisContext, member: string): Promise<string> {
  const id = await membershipOf(context).ownId(requestTo(context, member)) ?? (await servers(context))?.find(({ name }) => name === member)?.id
  if (id === undefined) throw new NotNowError(`nobody knows the id of ${member}`)
  return id
}

/**
 * The leader takes a server out.
 * @throws NotNowError where there is no leader, or it refuses; MayFollowError where nobody can tell
 */
export async function removeServer(context: NemesisContext, id: string): Promise<void> {
  const leader = await context.leader()
  if (leader === null) throw new NotNowError('there is no leader who would remove a server')
  const removed = await membershipOf(context).remove(requestTo(context, leader), id)
  if (removed.done) return
  const said = `the leader did not remove the server: ${removed.why}`
  throw removed.mayFollow ? new MayFollowError(said) : new NotNowError(said)
}

/**
 * Waits until the cluster has the member as a voter, under the id that it has
 * now and no other: then it has caught up, and counts again.
 * @returns what was seen; null after the deadline
 */
export async function awaitTakenIn(context: NemesisContext, member: string, timeoutMs: number): Promise<{ readonly id: string } | null> {
  let id: string | null = null
  const isWanted = (seen: readonly ServerSeen[]) => {
    const its = seen.filter(({ name }) => name === member)
    return its.length === 1 && its[0]!.id === id && its[0]!.votes
  }
  const answers = async () => {
    id = await membershipOf(context).ownId(requestTo(context, member))
    return id !== null
  }
  return await awaitServers(context, timeoutMs, isWanted, answers) ? { id: id! } : null
}

/** Waits until no server has this id. False after the deadline. */
export async function awaitGone(context: NemesisContext, id: string, timeoutMs: number): Promise<boolean> {
  return await awaitServers(context, timeoutMs, (seen) => !seen.some((server) => server.id === id))
}

async function poll<T>({ environment: { clock } }: NemesisContext, timeoutMs: number, look: () => Promise<T | null>): Promise<T | null> {
  const untilNs = clock.nowNs() + timeoutMs * 1e6
  for (;;) {
    const seen = await look()
    if (seen !== null || clock.nowNs() >= untilNs) return seen
    await clock.sleep(pollMs)
  }
}
