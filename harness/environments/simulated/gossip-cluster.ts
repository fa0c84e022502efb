import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { unreachable } from '../../../node/base/assert.ts'
import { silentLog } from '../../../node/base/log.ts'
import type { Random } from '../../../node/base/random.ts'
import type { Scheduler } from '../../../node/base/scheduler.ts'
import type { GossipConfig } from '../../../node/gossip/config.ts'
import type { GossipDriver } from '../../../node/gossip/gossip-driver.ts'
import type { GossipEvent } from '../../../node/gossip/ready.ts'
import type { GossipFault, GossipWatch, ViewChange } from '../gossip-watch.ts'
import { drawClimate } from './climate.ts'
import { EventQueue } from './event-queue.ts'
import { SimulatedGossipNetwork } from './gossip-network.ts'
import type { Impairment } from './impairment.ts'
import { loadMemberCode, type MemberCode } from './member-code.ts'
import { Paths } from './path.ts'

export interface GossipClusterOptions {
  readonly memberCount: number
  readonly random: Random
  /** As in each member's config file; of it, `gossip_lan` is used. */
  readonly memberConfig: Readonly<Record<string, unknown>>
}

/** Everybody is told of so many others at the start; gossip does the rest. */
const joinAddresses = 3
/** Between two looks at whether the user has ended it, and at the condition. */
const eventsPerTurn = 2000

interface GossipMember {
  readonly name: string
  driver: GossipDriver | null
  lives: number
}

/**
 * The members' own gossip and nothing else of them, in virtual time: a hundred
 * members cost no more than a few whole ones. The same chance gives the same
 * course of events. Not started: `until(converged)` waits until all know all.
 *
 * @throws Error with a sentence for keys of `gossip_lan` that no member would start with
 */
export async function createSimulatedGossip(options: GossipClusterOptions): Promise<GossipWatch> {
  const code = await loadMemberCode([])
  return new SimulatedGossip(options, code)
}

class SimulatedGossip implements GossipWatch {
  readonly members: readonly string[]
  readonly changes: ViewChange[] = []
  readonly #queue = new EventQueue()
  readonly #random: Random
  readonly #code: MemberCode
  readonly #config: GossipConfig
  readonly #paths: Paths
  readonly #network: SimulatedGossipNetwork
  readonly #members = new Map<string, GossipMember>()
  /** `observer member` that are not shown as up. */
  readonly #notUp = new Set<string>()

  constructor({ memberCount, random, memberConfig }: GossipClusterOptions, code: MemberCode) {
    this.#random = random
    this.#code = code
    this.#config = gossipConfig(code, memberConfig)
    this.members = Array.from({ length: memberCount }, (_, i) => `n${i + 1}`)
    this.#paths = new Paths(this.members, random.split('paths'))
    this.#network = new SimulatedGossipNetwork({
      queue: this.#queue, random: random.split('gossip'), climate: drawClimate(random.split('climate')), paths: this.#paths,
      hostOf: (name) => `10.0.0.${this.members.indexOf(name) + 1}`, delayMs: () => 0, backlog: () => 0,
    })
    const startup = random.split('startup')
    for (const name of this.members) {
      const member: GossipMember = { name, driver: null, lives: 0 }
      this.#members.set(name, member)
      // Never all at the same moment: their timers would stay in step.
      this.#queue.after(startup.fraction() * this.#config.probeIntervalMs, () => this.#start(member))
    }
  }

  nowMs(): number {
    return this.#queue.nowNs / 1e6
  }

  converged(): boolean {
    return this.#notUp.size === 0 && [...this.#members.values()].every(({ driver }) => driver !== null)
  }

  async afflict(name: string, fault: GossipFault): Promise<() => Promise<void>> {
    switch (fault.kind) {
      case 'kill': {
        const member = this.#members.get(name)!
        this.#end(member)
        return async () => this.#start(member)
      }
      case 'cut': return this.#impair(this.#pathsOf(name), { kind: 'cut' })
      case 'slow': return this.#impair(this.#pathsOf(name), { kind: 'delay', delayMs: fault.delayMs, jitterMs: 0, distribution: 'uniform' })
      default: return unreachable(fault)
    }
  }

  async lose(probability: number): Promise<() => Promise<void>> {
    const all = this.members.flatMap((from) => this.members.filter((to) => to !== from).flatMap((to) => this.#between(from, to)))
    return this.#impair(all, { kind: 'loss', probability, burstLength: 1 })
  }

  async until(condition: () => boolean, timeoutMs: number): Promise<boolean> {
    const endNs = this.#queue.nowNs + timeoutMs * 1e6
    let over = false
    const end = this.#queue.at(Math.ceil(endNs), () => { over = true })
    for (let turn = 1; !condition(); turn++) {
      if (over) return false
      this.#queue.runNext()
      // Signals are heard of between two of these.
      if (turn % eventsPerTurn === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    this.#queue.cancel(end)
    return true
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const member of this.#members.values()) this.#end(member)
  }

  #start(member: GossipMember): void {
    const { name } = member
    const life = ++member.lives
    const lives = () => member.lives === life
    const others = this.members.filter((other) => other !== name)
    for (const other of others) this.#notUp.add(`${name} ${other}`)
    const scheduler: Scheduler = {
      nowMs: () => this.nowMs(),
      wallMs: () => this.nowMs(),
      after: (delayMs, task) => {
        const event = this.#queue.after(delayMs, () => { if (lives()) task() })
        return () => this.#queue.cancel(event)
      },
    }
    member.driver = new this.#code.GossipDriver({
      name, tags: {}, label: 'dc1', config: this.#config, scheduler, log: silentLog, random: this.#random.split(`member ${name}, life ${life}`),
      network: this.#network.connect(name, (task) => { if (lives()) task() }),
      retryJoin: others.slice(0, joinAddresses).map((other) => this.#network.addressOf(other)),
      onEvent: (event) => this.#onEvent(name, event),
    })
    member.driver.start()
  }

  #end(member: GossipMember): void {
    member.driver?.stop()
    member.driver = null
    member.lives++
    this.#network.disconnect(member.name)
    for (const other of this.members) this.#notUp.delete(`${member.name} ${other}`)
  }

  #onEvent(observer: string, event: GossipEvent): void {
    switch (event.kind) {
      case 'member-join':
      case 'member-trust': return this.#changed(observer, event.member.name, 'up')
      case 'member-suspect': return this.#changed(observer, event.member.name, 'suspect')
      case 'member-failed':
      case 'member-leave':
      case 'member-reap': return this.#changed(observer, event.member.name, 'failed')
      case 'member-update': case 'member-leaving': case 'name-conflict': case 'refuted': case 'packets-blocked':
      case 'user-event': case 'join-result': case 'leave-complete': return
      default: return unreachable(event)
    }
  }

  #changed(observer: string, member: string, status: ViewChange['status']): void {
    if (observer === member) return
    this.changes.push({ observer, member, status, atMs: this.nowMs() })
    if (status === 'up') this.#notUp.delete(`${observer} ${member}`)
    else this.#notUp.add(`${observer} ${member}`)
  }

  #impair(paths: readonly ReturnType<Paths['of']>[], impairment: Impairment): () => Promise<void> {
    const placed = paths.map((path) => ({ path, one: path.impair(impairment) }))
    return async () => {
      for (const { path, one } of placed) path.mend(one)
    }
  }

  #pathsOf(name: string) {
    return this.members.filter((other) => other !== name).flatMap((other) => [...this.#between(name, other), ...this.#between(other, name)])
  }

  #between(from: string, to: string) {
    return [this.#paths.of(from, to, 'gossip-udp'), this.#paths.of(from, to, 'gossip-tcp')]
  }
}

/** As a member's own command line and config file would have it. */
function gossipConfig(code: MemberCode, memberConfig: Readonly<Record<string, unknown>>): GossipConfig {
  const directory = mkdtempSync(join(tmpdir(), 'splitbrain-gossip-'))
  try {
    const configFile = join(directory, 'member.json')
    writeFileSync(configFile, JSON.stringify(memberConfig))
    const { gossip } = code.resolveAgentConfig({ server: true, node: 'n1', dataDir: 'in memory', configFile: [configFile], bind: '10.0.0.1' })
    if (gossip === null) throw new Error('Members of this config do not gossip: their serf_lan port is off.')
    return gossip.config
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
