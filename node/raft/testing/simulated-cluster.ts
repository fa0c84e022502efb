import { type Random, seededRandom } from '../../base/random.ts'
import { type RaftConfig, resolveRaftConfig } from '../config.ts'
import type { Configuration, MemberId } from '../entry.ts'
import type { Message } from '../message.ts'
import { quorumSize } from '../quorum.ts'
import type { Ready } from '../ready.ts'
import type { HashState } from './hash-state.ts'
import { EventQueue } from './event-queue.ts'
import { SafetyOracle } from './safety-oracle.ts'
import { SimulatedMember, type World } from './simulated-member.ts'

/** How bad this run's world is; drawn from the seed, so that each seed is bad in its own way. */
export interface Weather {
  readonly lossProbability: number
  readonly duplicateProbability: number
  readonly delayMsMax: number
  readonly diskMsMax: number
  /** Mean time between faults. */
  readonly faultIntervalMs: number
  /** Clocks run at rates within 1 and this. */
  readonly clockRateMax: number
  readonly config: RaftConfig
}

export function drawWeather(random: Random): Weather {
  return {
    lossProbability: random.pick([0, 0, 0.02, 0.1, 0.3]),
    duplicateProbability: random.pick([0, 0.05, 0.3]),
    delayMsMax: random.pick([1, 5, 20, 60]),
    diskMsMax: random.pick([0.5, 5, 30, 100]),
    faultIntervalMs: random.pick([40, 100, 250]),
    clockRateMax: random.pick([1, 1.05, 1.3]),
    config: resolveRaftConfig({
      electionTimeoutMs: 60, heartbeatIntervalMs: random.pick([12, 29]), leaseMs: random.pick([15, 30, 45]),
      appendEntriesMax: 8, appendBytesMax: 64, inflightAppendsMax: 4,
      snapshotEntries: random.pick([10, 30, 100_000]), trailingEntries: random.pick([1, 5, 20]),
      snapshotChunkBytes: 100, snapshotChunksInflightMax: random.pick([1, 3]),
    }),
  }
}

/** Cores in one thread under one seed, with clients, faults and an oracle. */
export class SimulatedCluster implements World {
  readonly events = new EventQueue()
  readonly oracle = new SafetyOracle()
  readonly members: readonly SimulatedMember[]
  readonly #random: Random
  #weather: Weather
  readonly #cut = new Set<string>()
  readonly #slowDisks = new Set<MemberId>()
  #commandCount = 0
  #readCount = 0

  constructor(seed: number, size: number) {
    const random = seededRandom(seed)
    this.#random = random.split('world')
    this.#weather = drawWeather(random.split('weather'))
    const configuration: Configuration = {
      voters: Array.from({ length: size }, (_, i) => ({ id: `n${i + 1}`, name: `n${i + 1}`, address: `n${i + 1}:1` })),
    }
    this.members = configuration.voters.map(({ id }) => new SimulatedMember(id, {
      random: random.split(id), config: this.#weather.config, configuration, events: this.events, world: this,
      clockRate: 1 + this.#random.fraction() * (this.#weather.clockRateMax - 1),
    }))
    for (const member of this.members) this.events.after(this.#random.fraction() * 50, () => member.start())
  }

  send(message: Message): void {
    const { lossProbability, duplicateProbability, delayMsMax } = this.#weather
    if (this.#cut.has(`${message.from}>${message.to}`) || this.#random.chance(lossProbability)) return
    const copies = this.#random.chance(duplicateProbability) ? 2 : 1
    for (let i = 0; i < copies; i++) {
      // Mostly quick, sometimes very late.
      const delayMs = this.#random.fraction() * delayMsMax * (this.#random.chance(0.05) ? 5 : 1)
      this.events.after(0.1 + delayMs, () => {
        this.members.find((member) => member.id === message.to)?.input((core, localMs) => core.step(message, localMs))
      })
    }
  }

  diskDelayMs(member: SimulatedMember): number {
    return this.#random.fraction() * this.#weather.diskMsMax * (this.#slowDisks.has(member.id) ? 5 : 1)
  }

  ready(member: SimulatedMember, ready: Ready): void {
    const core = member.core!
    if (ready.persist !== null && ready.persist.entries.length > 0) {
      this.oracle.logged(member.id, ready.persist.entries, core.termAt(ready.persist.entries[0]!.index - 1) ?? 0)
    }
    for (const transition of ready.transitions) {
      if (transition.role === 'leader' && core.isLeader && core.term === transition.term) this.oracle.becameLeader(core, member.id)
    }
    for (const entry of ready.committed) {
      const holders = () => this.members.filter((other) => {
        const diskTerm = other.diskTermAt(entry.index)
        return diskTerm === undefined || diskTerm === entry.term
      }).length
      this.oracle.applied(member.id, core.term, entry, holders, quorumSize(this.members.length))
    }
    for (const read of ready.reads) {
      if (read.kind === 'confirmed') this.oracle.readConfirmed(member.id, read.readId, read.readIndex)
      else this.oracle.readAborted(read.readId)
    }
  }

  restored(member: SimulatedMember, state: HashState): void {
    this.oracle.restored(member.id, state.index, state.hash)
  }

  /** Clients and faults for `durationMs`. */
  runBadly(durationMs: number): void {
    const endMs = this.events.nowMs + durationMs
    const again = (meanMs: number, act: () => void) => {
      const next = () => {
        if (this.events.nowMs >= endMs) return
        act()
        this.events.after(this.#random.fraction() * meanMs * 2, next)
      }
      this.events.after(this.#random.fraction() * meanMs * 2, next)
    }
    again(6, () => this.#propose())
    again(6, () => this.#read())
    again(this.#weather.faultIntervalMs, () => this.#fault())
    this.events.runUntil(endMs)
  }

  /** Heals everything; null once a new command is applied everywhere, else what is pending after `limitMs`. */
  recover(limitMs: number): string | null {
    this.#cut.clear()
    this.#slowDisks.clear()
    this.#weather = { ...this.#weather, lossProbability: 0, delayMsMax: 2, diskMsMax: 2 }
    for (const member of this.members) {
      if (member.paused) member.resume()
      if (member.core === null) member.start()
    }
    const endMs = this.events.nowMs + limitMs
    const target = this.oracle.committedIndex + 1
    const recovered = () => this.members.every((member) => member.core!.commitIndex >= target && member.state.index >= target)
    while (this.events.nowMs < endMs && !recovered()) {
      this.#propose()
      this.events.runUntil(Math.min(endMs, this.events.nowMs + 20), recovered)
    }
    return recovered() ? null : this.members.map((member) => {
      const { role, term, commitIndex, lastIndex } = member.core!.status()
      return `${member.id} ${role} term ${term} commit ${commitIndex}/${lastIndex} of ${target}`
    }).join('; ')
  }

  /** To whoever believes to lead, so that deposed leaders get their share. */
  #leaders(): SimulatedMember[] {
    return this.members.filter((member) => member.core?.isLeader === true)
  }

  #propose(): void {
    for (const member of this.#leaders()) {
      const count = this.#random.chance(0.1) ? 12 : this.#random.between(1, 4)
      const commands = Array.from({ length: count }, () => {
        const id = ++this.#commandCount
        return Uint8Array.of(id >> 16, id >> 8, id)
      })
      member.input((core, localMs) => core.propose(commands, localMs))
    }
  }

  #read(): void {
    for (const member of this.#leaders()) {
      const mode = this.#random.pick(['lease', 'quorum'] as const)
      const readId = ++this.#readCount
      member.input((core, localMs) => {
        this.oracle.readStarted(readId)
        if (core.read(readId, mode, localMs).kind === 'not-leader') this.oracle.readAborted(readId)
      })
    }
  }

  #fault(): void {
    const random = this.#random
    const member = random.pick(this.members)
    const other = random.pick(this.members)
    const leader = this.#leaders()[0] ?? member
    switch (random.between(0, 13)) {
      case 0: return this.#isolate(leader.id)
      case 1: return this.#isolate(member.id)
      case 2: return void this.#cut.add(`${member.id}>${other.id}`)
      case 3: return this.#splitInHalves()
      case 4: return this.#cut.clear()
      case 5: return this.#crash(leader)
      case 6: return this.#crash(member)
      case 7: return this.#pause(random.chance(0.5) ? leader : member)
      case 8: return void (this.#slowDisks.has(member.id) ? this.#slowDisks.delete(member.id) : this.#slowDisks.add(member.id))
      // One member hears the leader no longer, though the others do.
      case 9:
        this.#cut.add(`${leader.id}>${member.id}`)
        if (random.chance(0.7)) this.#cut.add(`${member.id}>${leader.id}`)
        return
      case 11: return leader.input((core, localMs) => void core.transferLeadership(random.chance(0.5) ? other.id : null, localMs))
      case 10: return this.#connectionsBreak(random.chance(0.7) ? leader : member)
      // The leader's connections break while it is cut off and alive: what a lease must survive.
      default:
        this.#isolate(leader.id)
        return this.#connectionsBreak(leader)
    }
  }

  #isolate(id: MemberId): void {
    for (const member of this.members) {
      this.#cut.add(`${id}>${member.id}`)
      this.#cut.add(`${member.id}>${id}`)
    }
  }

  #splitInHalves(): void {
    const ids = this.#random.shuffle(this.members.map((member) => member.id))
    const [left, right] = [ids.slice(0, ids.length >> 1), ids.slice(ids.length >> 1)]
    for (const a of left) {
      for (const b of right) {
        this.#cut.add(`${a}>${b}`)
        this.#cut.add(`${b}>${a}`)
      }
    }
  }

  #crash(member: SimulatedMember): void {
    if (member.core === null) return
    member.crash()
    if (this.#random.chance(0.7)) this.#connectionsBreak(member)
    this.events.after(this.#random.fraction() * this.#random.pick([2, 150]), () => {
      if (member.core === null) member.start()
    })
  }

  #pause(member: SimulatedMember): void {
    member.pause()
    this.events.after(this.#random.fraction() * 200, () => member.resume())
  }

  #connectionsBreak(lost: SimulatedMember): void {
    for (const member of this.members) {
      if (member !== lost && this.#random.chance(0.8)) member.input((core, localMs) => core.peerLost(lost.id, localMs))
    }
  }
}
