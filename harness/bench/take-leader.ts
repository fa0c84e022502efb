import type { Environment } from '../environments/environment.ts'
import { clientOf, requestTo } from '../systems/leader.ts'
import type { System } from '../systems/system.ts'
import { breakMember, type BreakWay, type Broken } from './break-member.ts'
import { electionTimes, type ElectionSeen } from './election-times.ts'

/** Between two questions to a member who leads: the fineness of what is measured. */
const pollMs = 5
/** Clients that know nothing of the fault ask each survivor this often. */
const arrivalMs = 50
/**
 * Of a client that waits: longer than members hold a request that has no
 * leader. How many of them wait follows from it: one that is lost with the old
 * leader must not keep later ones away.
 */
const patientTimeoutMs = 10_000
/** Of the writer that tells when the fault took effect. */
const leaderWriteTimeoutMs = 1000
/** At one survivor, of those that are begun because it names a new leader. */
const eagerWritesMax = 64

export interface TakenLeader {
  readonly seen: ElectionSeen
  readonly broken: Broken
}

export interface TakeLeaderPorts {
  readonly environment: Environment
  readonly system: System
  readonly deadlineMs: number
  readonly throwIfStopped: () => void
}

/**
 * Takes the leader from its cluster and watches until the others have a new
 * one and acknowledge a write, or until the deadline. Every other member is
 * asked at the same time whom it takes for the leader, and written to: by
 * clients that come evenly and wait, and again and again once it names a new
 * one. The fault is still in force afterwards.
 */
export async function takeLeader({ environment, system, deadlineMs, throwIfStopped }: TakeLeaderPorts, leader: string, oldLeader: string, way: BreakWay): Promise<TakenLeader> {
  const { clock } = environment
  const others = environment.members.filter((member) => member !== leader)
  const leaderAckedNs: number[] = []
  const namings: { member: string, leader: string | null, atNs: number }[] = []
  const acks: { begunNs: number, ackedNs: number }[] = []
  let over = false

  const writeAtLeader = async () => {
    const client = clientOf(system, environment, leader, leaderWriteTimeoutMs)
    for (let n = 0; !over; n++) {
      if ((await client.write('bench/leader', String(n))).type !== 'ok') return
      if (!over) leaderAckedNs.push(clock.nowNs())
    }
  }
  const clients = new Map(others.map((member) => [member, clientOf(system, environment, member, patientTimeoutMs)]))
  const write = async (member: string) => {
    const begunNs = clock.nowNs()
    const { type } = await clients.get(member)!.write(`bench/${member}`, String(begunNs))
    if (type === 'ok' && !over) acks.push({ begunNs, ackedNs: clock.nowNs() })
  }
  const watch = async (member: string) => {
    let eager = 0
    while (!over) {
      const answer = await system.leaderSeen(requestTo(environment, member))
      if (over) return
      const named = 'leader' in answer ? answer.leader : null
      namings.push({ member, leader: named, atNs: clock.nowNs() })
      if (named !== null && named !== oldLeader && eager < eagerWritesMax) {
        eager++
        void write(member).then(() => { eager-- })
      }
      await clock.sleep(pollMs)
    }
  }
  const arrive = async (member: string) => {
    while (!over) {
      void write(member)
      await clock.sleep(arrivalMs)
    }
  }

  // Connections are open, and the leader is known to serve, before it is taken.
  await Promise.all(environment.members.map((member) => clientOf(system, environment, member, patientTimeoutMs).write(`bench/${member}`, 'before')))
  const writing = writeAtLeader()
  const calledNs = clock.nowNs()
  const broken = breakMember(environment, leader, way)
  let provenNs = Infinity
  const proof = broken.proven.then(() => { provenNs = clock.nowNs() })
  const tasks = others.flatMap((member) => [watch(member), arrive(member)])
  const seen = (): ElectionSeen => ({ calledNs, provenNs, leaderAckedNs, namings, oldLeader, others: others.length, acks })
  try {
    await proof
    for (;;) {
      throwIfStopped()
      const { newLeaderMs, firstAckMs } = electionTimes(seen())
      if (newLeaderMs !== null && firstAckMs !== null || clock.nowNs() > calledNs + deadlineMs * 1e6) break
      await clock.sleep(pollMs)
    }
  } finally {
    over = true
    await Promise.all([writing, ...tasks])
  }
  return { seen: seen(), broken }
}
