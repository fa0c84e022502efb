import type { Environment } from '../../environments/environment.ts'
import { clientOf } from '../../systems/leader.ts'
import type { System } from '../../systems/system.ts'
import { windowAvailability, type SeenOperation, type WindowAvailability } from './availability-window.ts'
import { linksBetween, type Scenario } from './scenarios.ts'

/** Each member is written to and read from so often, whatever became of the operation before: who waits for an answer before he asks again would hardly notice an outage. */
const arrivalMs = 50
/** What is not answered by then is not available. */
const patienceMs = 1000
/** Before the fault: connections are open, and each member is known to answer. */
const leadInMs = 300

export interface ScenarioPorts {
  readonly environment: Environment
  readonly system: System
  /** Of the fault, from its proof, in which operations count; it stays until the last of them has its answer or has waited in vain. */
  readonly seconds: number
  readonly throwIfStopped: () => void
}

/** Breaks, watches and mends: the fault is healed when this resolves, though the cluster may not serve yet. */
export async function measureScenario(ports: ScenarioPorts, scenario: Scenario): Promise<WindowAvailability> {
  const { environment, seconds } = ports
  const { clock } = environment
  const operations: SeenOperation[] = []
  let over = false
  const clients = environment.members.map((member) => arrivals(ports, member, operations, () => over))
  let mend: () => Promise<void> = async () => {}
  let fromNs = 0
  let toNs = 0
  try {
    await clock.sleep(leadInMs)
    fromNs = clock.nowNs()
    mend = await strike(environment, scenario)
    toNs = clock.nowNs() + seconds * 1e9
    // Members hold what they cannot do yet: a healing too early would let through what waited for it, and call that available.
    const healNs = toNs + patienceMs * 1.1e6
    while (clock.nowNs() < healNs) {
      ports.throwIfStopped()
      await clock.sleep(100)
    }
  } finally {
    over = true
    const ended = Promise.all(clients)
    ended.catch(() => {})
    await mend()
    await ended
  }
  const seen = windowAvailability(operations, { fromNs, toNs, largest: new Set(scenario.groups.filter(({ length }) => length === scenario.groups[0]!.length).flat()) })
  if (seen === null) throw new Error(`In ${seconds} s of "${scenario.fault}" not every kind of operation was begun: give faults more time.`)
  return seen
}

/** Resolves when the fault is proven, with what mends it. Where a part of it fails, the rest is mended. */
async function strike({ kill, cutLinks, kind }: Environment, { killed, groups }: Scenario): Promise<() => Promise<void>> {
  if (killed.length > 0) {
    if (kill === undefined) throw new Error(`environment ${kind} cannot kill members`)
    const struck = await Promise.allSettled(killed.map((member) => kill.kill(member)))
    const mend = async () => void await Promise.all(killed.filter((_, at) => struck[at]!.status === 'fulfilled').map((member) => kill.restart(member)))
    const failed = struck.find((one) => one.status === 'rejected')
    if (failed === undefined) return mend
    await mend()
    throw failed.reason
  }
  if (cutLinks === undefined) throw new Error(`environment ${kind} cannot cut links`)
  const cut = await cutLinks.cut(linksBetween(groups))
  return () => cut.heal()
}

/** Writes and reads by turns at one member. */
async function arrivals({ environment, system }: ScenarioPorts, member: string, operations: SeenOperation[], over: () => boolean): Promise<void> {
  const { clock } = environment
  const client = clientOf(system, environment, member, patienceMs)
  const open = new Set<Promise<void>>()
  for (let n = 0; !over(); n++) {
    const kind = n % 2 === 0 ? 'write' : 'read'
    const begunNs = clock.nowNs()
    const asked = kind === 'write' ? client.write(`compare/${member}`, String(n)) : client.read(`compare/${member}`, 'default')
    const ended: Promise<void> = asked.then(({ type }) => {
      operations.push({ member, kind, begunNs, endedNs: clock.nowNs(), ok: type === 'ok' })
      open.delete(ended)
    })
    open.add(ended)
    await clock.sleep(arrivalMs)
  }
  await Promise.all(open)
}
