import t from 'tap'
import { seededRandom } from '../base/random.ts'
import { detectionBoundMs } from './bounds.ts'
import { SimulatedGossip, type SimulatedMember } from './testing/simulated-gossip.ts'

/**
 * Faults drawn from a seed: crashes, restarts, pauses, partitions, one-way cuts, loss,
 * leaves. While they last nothing is promised beyond what the simulation checks
 * on every step; after they end, all who run must be alive to all who run, all
 * who crashed failed, and all who left left.
 */
function play(seed: number): { simulation: SimulatedGossip, log: string[] } {
  const random = seededRandom(seed)
  const count = random.between(3, 13)
  const simulation = new SimulatedGossip({ seed, lossProbability: random.pick([0, 0.05, 0.3]), latencyMsMax: random.pick([5, 100]) })
  simulation.startCluster(count)
  simulation.run(20_000)
  const left = new Set<SimulatedMember>()
  const log: string[] = []
  const endMs = simulation.nowMs + 180_000
  while (simulation.nowMs < endMs) {
    simulation.run(random.between(200, 15_000))
    const member = random.pick(simulation.members)
    const other = random.pick(simulation.members)
    const action = random.pick(['crash', 'pause', 'resume', 'resume', 'restart', 'restart', 'partition', 'heal', 'heal', 'cut', 'leave', 'event', 'tags', 'force-leave'])
    log.push(`${simulation.nowMs} ${action} ${member.name} ${other.name}`)
    // A process that is stopped takes no commands.
    if (member.inbox !== null && action !== 'resume' && action !== 'crash') continue
    if (action === 'resume') simulation.resume(member)
    else if (action === 'restart' && !member.up) {
      left.delete(member)
      simulation.restart(member)
      simulation.join(member, other)
    } else if (action === 'partition') {
      const shuffled = random.shuffle(simulation.members)
      const cut = random.between(1, shuffled.length)
      simulation.partition(shuffled.slice(0, cut), shuffled.slice(cut))
    } else if (action === 'heal') simulation.heal()
    else if (action === 'cut') simulation.packetsPass = (from, to) => !(from === member && to === other)
    if (!member.up || left.has(member)) continue
    if (action === 'crash') simulation.crash(member)
    else if (action === 'pause') simulation.pause(member)
    else if (action === 'event') simulation.command(member, (core, nowMs) => core.userEvent(nowMs, 'event', Buffer.from(`${nowMs}`)))
    else if (action === 'tags') simulation.command(member, (core, nowMs) => core.setTags(nowMs, { at: `${nowMs}` }))
    else if (action === 'force-leave') simulation.command(member, (core, nowMs) => core.forceLeave(nowMs, other.name, false))
    else if (action === 'leave') {
      left.add(member)
      simulation.command(member, (core, nowMs) => core.leave(nowMs))
      simulation.runUntil(() => member.events.some(({ event, atMs }) => event.kind === 'leave-complete' && atMs > endMs - 200_000) ? null : 'leave-complete', 15_000)
      simulation.crash(member)
    }
  }
  return { simulation, log }
}

t.test('whatever happened: once it ends, the survivors agree with the truth', async (t) => {
  for (let seed = 1; seed <= 25; seed++) {
    const { simulation, log } = play(seed)
    simulation.heal()
    simulation.lossProbability = 0
    for (const member of simulation.members) simulation.resume(member)
    const running = simulation.members.filter((member) => member.up)
    // Who came back while nobody could be reached has to try again, as a driver does.
    const [hub] = running
    for (const member of running) if (member !== hub && (member.lives > 1 || hub!.lives > 1)) simulation.join(member, hub!)
    const gone = new Set(simulation.members.filter((member) => !member.up).map((member) => member.name))
    try {
      simulation.runUntil(() => {
        for (const { core, name } of running) {
          for (const view of core.members()) {
            if (gone.has(view.name) ? view.status !== 'failed' && view.status !== 'left' : view.status !== 'alive') return `${name} sees ${view.name} ${view.status}`
          }
          for (const other of running) if (!core.members().some((view) => view.name === other.name)) return `${name} does not know ${other.name}`
          for (const other of running) {
            const view = core.members().find((known) => known.name === other.name)!
            if (JSON.stringify(view.tags) !== JSON.stringify(other.core.self.tags)) return `${name} has old tags of ${other.name}`
          }
        }
        return null
      }, 10 * simulation.config.reconnectIntervalMs + detectionBoundMs(simulation.config, { members: simulation.members.length, healthScoreMax: 7 }))
    } catch (error) {
      t.fail(`seed ${seed}: ${(error as Error).message}\n${log.join('\n')}`)
      continue
    }
    const events = simulation.members.flatMap(({ events, name }) => events.flatMap(({ event }) => event.kind === 'user-event' ? [`${name} ${event.origin} ${event.time} ${Buffer.from(event.payload).toString()}`] : []))
    t.ok(running.length === 0 || simulation.trace.length > 0)
    // A restarted process remembers no events: only those of one life must be told once.
    if (simulation.members.every(({ lives }) => lives === 1)) t.equal(new Set(events).size, events.length, `seed ${seed}: each event once`)
  }
})
