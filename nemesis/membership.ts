import { z } from 'zod'
import { unreachable } from '../node/base/assert.ts'
import type { Environment } from '../harness/environments/environment.ts'
import { drawTargets, targetedShape, type Targeted } from './drawing.ts'
import { family } from './family.ts'
import { bringDown, bringUp, killerOf, proveDown, proveUp } from './member-process.ts'
import { NotNowError, type ActiveFault, type NemesisContext } from './nemesis.ts'
import { awaitGone, awaitTakenIn, idOf, MayFollowError, membershipOf, removeServer, requestTo } from './taking-in.ts'

const kinds = ['grow', 'shrink', 'replace', 'leave-rejoin', 'wipe', 'remove-leader'] as const
type Kind = (typeof kinds)[number]

interface MembershipFault extends Targeted {
  readonly kind: Kind
}

/**
 * How long a step waits for the cluster to agree. Others cannot be mended
 * meanwhile, so it is short: what is not reached then is tried again by the
 * last phase, when all else is whole.
 */
const usualAgreeTimeoutMs = 10_000
const agreeTimeoutMs = ({ system }: NemesisContext) => system.membership?.agreeTimeoutMs ?? usualAgreeTimeoutMs
/** How long a change that nobody confirmed may take to show, one way or the other. */
const settleTimeoutMs = 3_000
/**
 * Autopilot gives a newcomer its vote when it was well for ten seconds, which
 * begin when it is first seen to be: who waits no longer than that, and wipes
 * it again at the next try, never sees it vote.
 */
const voteTimeoutMs = 30_000
const takenInTimeoutMs = (context: NemesisContext) => Math.max(voteTimeoutMs, agreeTimeoutMs(context))
/** How long a member that left may stand in the configuration before somebody takes it out. */
const leaveTimeoutMs = 3000

/**
 * Who belongs to the cluster changes, one at a time. A member that lost its
 * disk comes back under a new id only, which votes nowhere until the others
 * have taken it in: under its old id it could vote twice in a term, or deny
 * what it had acknowledged.
 */
export const membership = family<MembershipFault>({
  name: 'membership',
  about: 'servers are added, removed, replaced with an empty disk, wiped, leave and rejoin; the leader is removed',
  layer: 'membership',
  members: (value) => value.members,
  asked: z.strictObject({ ...targetedShape, kind: z.enum(kinds).optional() }) as unknown as z.ZodType<Partial<MembershipFault>>,

  missing(environment, _plan, system) {
    if (system.membership === undefined) return `${system.name} cannot change who belongs to it`
    return served(environment).length > 0 ? null : `environment ${environment.kind} has neither spare members nor a way to start one on an empty disk`
  },
  variants: (environment) => kinds.map((kind) => ({ kind, asked: { kind }, missing: served(environment).includes(kind) ? null : `environment ${environment.kind} cannot do this` })),

  async draw(context, asked) {
    const kind = asked.kind ?? context.random.pick(served(context.environment))
    if (kind === 'grow') {
      const spare = asked.members?.[0] ?? context.random.pick(context.environment.spareMembers!.spares)
      return { kind, target: 'spare', members: [spare] }
    }
    if (kind === 'remove-leader' && asked.members === undefined) {
      return { kind, ...await drawTargets(context, { target: 'leader' }, []) }
    }
    // Whole sets are for faults that can be undone: one by one, unless several are named.
    return { kind, ...await drawTargets(context, asked, ['one']) }
  },

  async start({ kind, members }, context) {
    if (kind === 'grow') return grow(members[0]!, context)
    const faults: ActiveFault[] = []
    try {
      for (const member of members) faults.push(await startOne(kind, member, context))
    } catch (error) {
      for (const fault of faults) await fault.stop().catch(() => {})
      throw error
    }
    return {
      observed: faults.map(({ observed }) => observed),
      async stop() {
        const seen = []
        for (const fault of faults) seen.push(await fault.stop())
        return seen
      },
    }
  },
})

function served({ kill, spareMembers, members }: Environment): readonly Kind[] {
  const several = members.length > 2
  return [
    ...(spareMembers?.spares.length ?? 0) > 0 ? ['grow'] as const : [],
    // A member that is not taken back with what it has needs an empty disk to come back at all.
    ...several && kill?.restartEmpty !== undefined ? ['shrink', 'replace', 'leave-rejoin', 'wipe', 'remove-leader'] as const : [],
  ]
}

function startOne(kind: Exclude<Kind, 'grow'>, member: string, context: NemesisContext): Promise<ActiveFault> {
  switch (kind) {
    case 'shrink': return shrink(member, context)
    case 'replace': return replace(member, context)
    case 'leave-rejoin': return leaveAndRejoin(member, context)
    case 'wipe': return wipe(member, context)
    case 'remove-leader': return removeAlive(member, context)
    default: return unreachable(kind)
  }
}

async function grow(spare: string, context: NemesisContext): Promise<ActiveFault> {
  const { spareMembers } = context.environment
  await spareMembers!.start(spare)
  const takenIn = await awaitTakenIn(context, spare, takenInTimeoutMs(context))
  let gone = false
  const end = async () => {
    if (gone) return
    await membershipOf(context).leave(requestTo(context, spare))
    if (takenIn !== null && !await awaitGone(context, takenIn.id, agreeTimeoutMs(context))) await removeServer(context, takenIn.id)
    await spareMembers!.remove(spare)
    gone = true
  }
  if (takenIn === null) {
    await end()
    throw new NotNowError(`${spare} was started and not taken in within ${takenInTimeoutMs(context) / 1000} s`)
  }
  return {
    observed: { takenIn },
    async stop() {
      await end()
      return { gone: spare }
    },
  }
}

/** Down and taken out of the configuration; later it comes as a new one. */
async function shrink(member: string, context: NemesisContext): Promise<ActiveFault> {
  const id = await downAndOut(member, context)
  if (typeof id !== 'string') return id
  return { observed: { removed: member, id }, stop: () => backEmpty(member, id, context) }
}

/** The same, and the new one comes at once. */
async function replace(member: string, context: NemesisContext): Promise<ActiveFault> {
  const id = await downAndOut(member, context)
  if (typeof id !== 'string') return id
  await killerOf(context.environment).restartEmpty!(member)
  return { observed: { replaced: member, id }, stop: () => takenIn(member, id, context) }
}

/** Its disk is gone and nobody told the others: they find out by themselves. */
async function wipe(member: string, context: NemesisContext): Promise<ActiveFault> {
  const id = await idOf(context, member)
  await bringDown(context.environment, [member], 'kill')
  await killerOf(context.environment).restartEmpty!(member)
  await proveUp(context.environment, [member])
  return { observed: { wiped: member, id }, stop: () => takenIn(member, id, context) }
}

async function leaveAndRejoin(member: string, context: NemesisContext): Promise<ActiveFault> {
  const id = await idOf(context, member)
  const left = await membershipOf(context).leave(requestTo(context, member))
  // Some systems leave the configuration to an operator: it is not in the cluster's gossip any more, and goes.
  const goneFromCluster = left.done
    && (await awaitGone(context, id, leaveTimeoutMs) || await removeServer(context, id).then(() => awaitGone(context, id, agreeTimeoutMs(context)), () => false))
  // It ends by itself; whoever lingers is ended.
  await bringDown(context.environment, [member], 'kill')
  const emptied = emptiedOnce(member, id, context)
  const stop = async () => {
    const { environment } = context
    const isDown = await proveDown(environment, member).then(() => true, () => false)
    // Some systems do not start on the disk of a member that has left.
    const isUp = !isDown || await bringUp(environment, [member]).then(() => true, () => false)
    const again = isUp ? await awaitTakenIn(context, member, takenInTimeoutMs(context)) : null
    if (again !== null) return { takenIn: member, id: again.id, onItsOldDisk: true }
    if (environment.kill?.restartEmpty === undefined) throw new Error(`${member} left and is not taken in again`)
    return { onItsOldDisk: false, emptied: await emptied() }
  }
  if (!goneFromCluster) {
    await bringUp(context.environment, [member])
    const said = `${member} could not leave: ${left.done ? 'the others kept it' : left.why}`
    if (left.done || left.mayFollow) return unsettled(member, said, context)
    throw new NotNowError(said)
  }
  return { observed: { left: member, id }, stop }
}

/** Out of the configuration while it lives, and leads: another has to take over. */
async function removeAlive(member: string, context: NemesisContext): Promise<ActiveFault> {
  const id = await idOf(context, member)
  try {
    await removeServer(context, id)
  } catch (error) {
    if (error instanceof MayFollowError) return unsettled(member, error.message, context)
    throw error
  }
  const emptied = emptiedOnce(member, id, context)
  return {
    observed: { removed: member, id },
    async stop() {
      // A server that hears of its removal may have ended, and one that lives may have been taken in again.
      if (await awaitTakenIn(context, member, 0) !== null) return { takenInAgain: member }
      return emptied()
    },
  }
}

/**
 * A change that nobody confirmed: it stands in a log, and whoever leads next may
 * commit it. (Seen: a leader lost its quorum with its own removal in the log;
 * the fault was given up, and seconds later the member was out for good.)
 * In the end the member is a voter again, on its own disk or on an empty one.
 */
function unsettled(member: string, said: string, context: NemesisContext): ActiveFault {
  const emptied = emptiedOnce(member, null, context)
  return {
    observed: { mayFollow: said },
    async stop() {
      const still = await awaitTakenIn(context, member, settleTimeoutMs)
      return still === null ? emptied() : { stillIn: member, id: still.id }
    },
  }
}

/**
 * @returns the id under which it was known; or, where it is not known whether it was removed, the fault that this is then, with the member up again
 * @throws NotNowError, and the member is up again, where the cluster would not remove it
 */
async function downAndOut(member: string, context: NemesisContext): Promise<string | ActiveFault> {
  const id = await idOf(context, member)
  await bringDown(context.environment, [member], 'kill')
  try {
    await removeWithin(context, id)
  } catch (error) {
    await bringUp(context.environment, [member])
    if (error instanceof MayFollowError) return unsettled(member, error.message, context)
    throw error
  }
  return id
}

/** Where the leader went down there is none for a moment. */
async function removeWithin(context: NemesisContext, id: string): Promise<void> {
  const { clock } = context.environment
  const untilNs = clock.nowNs() + agreeTimeoutMs(context) * 1e6
  for (;;) {
    try {
      return await removeServer(context, id)
    } catch (error) {
      if (!(error instanceof NotNowError) || clock.nowNs() >= untilNs) throw error
      await clock.sleep(200)
    }
  }
}

/**
 * A member that runs loses its disk and is waited for, however often this is
 * tried. Autopilot lets nobody vote whom it has not seen healthy for ten
 * seconds: who is emptied again by each try never gets there. (Seen: a minute
 * of tries after all else was whole.)
 */
function emptiedOnce(member: string, oldId: string | null, context: NemesisContext): () => Promise<unknown> {
  let done = false
  return async () => {
    if (!done) await bringDown(context.environment, [member], 'kill')
    done = true
    return backEmpty(member, oldId, context)
  }
}

/** Starts it on an empty disk, if it does not run, and waits until it is taken in. */
export async function backEmpty(member: string, oldId: string | null, context: NemesisContext): Promise<unknown> {
  const isDown = await proveDown(context.environment, member).then(() => true, () => false)
  if (isDown) await killerOf(context.environment).restartEmpty!(member)
  return takenIn(member, oldId, context)
}

async function takenIn(member: string, oldId: string | null, context: NemesisContext): Promise<unknown> {
  const timeoutMs = takenInTimeoutMs(context)
  const seen = await awaitTakenIn(context, member, timeoutMs)
  if (seen === null) throw new Error(`${member} is not a voter of the cluster ${timeoutMs / 1000} s after it was started`)
  if (seen.id === oldId) throw new Error(`${member} lost its disk and came back under its old id ${oldId}`)
  return { takenIn: member, id: seen.id }
}

