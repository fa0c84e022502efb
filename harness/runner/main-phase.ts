import { arrivalGapsMs } from '../generator/arrivals.ts'
import { clientOf, findLeader } from '../systems/leader.ts'
import type { Nemesis, NemesisContext } from '../../nemesis/nemesis.ts'
import { intensityAt } from '../../nemesis/schedule.ts'
import type { FaultConductor } from './fault-conductor.ts'
import { faultLoops, scriptLoops, type FaultLoops } from './fault-loop.ts'
import { performRecorded } from './perform.ts'
import type { RunContext } from './run-context.ts'
import { InterruptedError, Stop } from './stop.ts'
import { WorkerPool } from './workers.ts'

const leaderWatchMs = 1000

/** Who led, from when on; by asking once a second. */
export interface LeaderChange {
  readonly timeNs: number
  readonly leader: string | null
}

/** The families that the plan draws from, and all that its script may name. */
export interface FaultSources {
  readonly drawn: readonly Nemesis[]
  readonly scripted: readonly Nemesis[]
}

/**
 * Operations at the planned rate while faults come and go, until the time
 * limit. Ends when every operation has ended; what is broken then is still
 * broken. Rejects with InterruptedError without waiting for operations.
 * @param recordLeader told of each change as it is seen, for whoever follows the run
 */
export async function mainPhase(context: RunContext, sources: FaultSources, conductor: FaultConductor, recordLeader: (change: LeaderChange) => void): Promise<LeaderChange[]> {
  const { environment, plan, interrupt, status } = context
  const phase = new Stop()
  const unsubscribe = interrupt.whenStopped(() => phase.stop('interrupted'))
  status.phase = 'running'
  status.mainStartedNs = environment.clock.nowNs()
  const leaders: LeaderChange[] = []
  const pool = new WorkerPool(plan.concurrency, environment.members)
  const untilPhaseStops = startFaults(context, sources, conductor, phase)
  untilPhaseStops.push(watchLeader(context, phase, (change) => {
    leaders.push(change)
    recordLeader(change)
  }))
  try {
    // An exception in a loop ends the phase at once instead of going unseen until its end.
    const loops = untilPhaseStops.map((loop) => loop.catch((error: unknown) => {
      phase.stop('a loop failed')
      throw error
    }))
    const all = Promise.all(loops)
    all.catch(() => {})
    await dispatch(context, pool, phase)
    phase.stop('time limit')
    if (interrupt.stopped) throw new InterruptedError(interrupt.reason!)
    await interrupt.orInterrupt(all)
    await interrupt.orInterrupt(pool.idle())
  } finally {
    phase.stop('ended')
    unsubscribe()
  }
  return leaders
}

function startFaults(context: RunContext, { drawn, scripted }: FaultSources, conductor: FaultConductor, phase: Stop): Promise<void>[] {
  const { environment, plan, system, status } = context
  const mainStartedNs = status.mainStartedNs!
  const contexts = new Map<Nemesis, NemesisContext>()
  const contextOf = (nemesis: Nemesis) => {
    let its = contexts.get(nemesis)
    if (its === undefined) {
      its = {
        environment, plan, system,
        random: context.random.split(`nemesis ${nemesis.name}`),
        leader: () => findLeader(system, environment),
        running: () => conductor.impacts,
        intensity: () => intensityAt(plan.intensity, (environment.clock.nowNs() - mainStartedNs) / (plan.timeLimitS * 1e9)),
      }
      contexts.set(nemesis, its)
    }
    return its
  }
  const loops: FaultLoops = { nemeses: drawn, contextOf, conductor, phase }
  return [
    ...faultLoops(loops, plan.faultsAtOnce, context.random.split('faults')),
    ...plan.faultScript === null ? [] : scriptLoops(plan.faultScript, { ...loops, nemeses: scripted }, mainStartedNs),
  ]
}

/** Gives operations to free workers as they fall due. */
async function dispatch(context: RunContext, pool: WorkerPool, phase: Stop): Promise<void> {
  const { environment: { clock }, plan, workload, random } = context
  const nextOperation = workload.operations(plan, random.split('operations'))
  const gapMs = arrivalGapsMs(plan.rate, random.split('arrivals'))
  const clients = new Map(context.environment.members.map((member) =>
    [member, clientOf(context.system, context.environment, member, plan.operationTimeoutMs)]))
  const memories = Array.from({ length: plan.concurrency }, () => new Map<string, unknown>())
  const untilNs = clock.nowNs() + plan.timeLimitS * 1e9
  let dueNs = clock.nowNs()
  while (!phase.stopped) {
    const nowNs = clock.nowNs()
    if (Math.max(dueNs, nowNs) >= untilNs) {
      await phase.sleep(clock, Math.max(0, untilNs - nowNs) / 1e6)
      return
    }
    // Timers have a grain of a millisecond: what falls due within it is done now,
    // and the schedule, not the timer, says when the next falls due.
    if (dueNs - nowNs >= 1e6 && await phase.sleep(clock, (dueNs - nowNs) / 1e6)) return
    let worker = pool.takeFree()
    if (worker === null) {
      const taking = pool.take()
      if (await phase.cutShort(taking)) return
      worker = await taking
    }
    // All workers were busy beyond the limit: nothing new is begun.
    if (clock.nowNs() >= untilNs) return pool.give(worker, false)
    const taken = worker
    void performRecorded(context, taken, nextOperation(taken), { client: clients.get(taken.member)!, memory: memories[taken.slot]! })
      .then((outcome) => pool.give(taken, outcome.type === 'info'))
    // When all workers were busy for a while the schedule does not catch up
    // with a burst: that would not be the load that was asked for.
    const behindNs = clock.nowNs() - dueNs
    dueNs = (behindNs > 50e6 ? clock.nowNs() : dueNs) + gapMs() * 1e6
  }
}

/** For the person who watches and for the report; asks even while faults are on. */
async function watchLeader(context: RunContext, phase: Stop, changed: (change: LeaderChange) => void): Promise<void> {
  const { environment, system, status } = context
  let last: string | null | undefined
  while (!phase.stopped) {
    const leader = await findLeader(system, environment)
    if (leader !== last) changed({ timeNs: environment.clock.nowNs(), leader })
    last = leader
    status.leader = leader
    if (await phase.sleep(environment.clock, leaderWatchMs)) return
  }
}
