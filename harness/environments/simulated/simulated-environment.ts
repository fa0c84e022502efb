import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Random } from '../../../node/base/random.ts'
import { memberDefaults } from '../member-defaults.ts'
import type { AgentConfig } from '../../../node/agent/agent-config.ts'
import type { CutClients, CutLinks, DisturbLinks, Environment, EnvironmentOptions, Firewall, HttpOutcome, HttpRequest, MemberDns, ShapeLinks } from '../environment.ts'
import { SimulatedClients } from './clients.ts'
import { drawClimate } from './climate.ts'
import { ClockFaults } from './clock-faults.ts'
import { SimulatedDns } from './dns.ts'
import { SimulatedGossipNetwork } from './gossip-network.ts'
import { MachineFaults } from './machine-faults.ts'
import { SimulatedMember } from './member.ts'
import { loadMemberCode, type MemberCode } from './member-code.ts'
import { MemberLives } from './member-lives.ts'
import { SimulatedNetwork } from './network.ts'
import { PathFaults } from './path-faults.ts'
import { Paths } from './path.ts'
import { ScarcityFaults } from './scarcity-faults.ts'
import { VirtualTime } from './virtual-time.ts'

/** For tests. */
export interface SimulatedVariations {
  /** Put between every sender and receiver. */
  readonly codec?: (message: unknown) => unknown
}

/**
 * The member's own code, all members in this thread, in virtual time, over a
 * virtual network and on virtual disks. Everything is drawn from
 * `options.random`: the same seed gives the same history and the same traces,
 * byte for byte. A killed member always loses what it had not synced.
 *
 * @throws Error if `options.edits` do not fit, or if this process runs the member with other edits
 */
export async function createSimulatedEnvironment(options: EnvironmentOptions, variations: SimulatedVariations = {}): Promise<Environment> {
  return new SimulatedEnvironment(options, await loadMemberCode(options.edits), variations)
}

class SimulatedEnvironment implements Environment {
  readonly kind = 'simulated'
  readonly members: readonly string[]
  readonly clock: VirtualTime
  readonly dns: MemberDns
  readonly cutLinks: CutLinks
  readonly cutClients: CutClients
  readonly disturbLinks: DisturbLinks
  readonly shapeLinks: ShapeLinks
  readonly firewall: Firewall
  readonly kill: MemberLives
  readonly pause: MachineFaults
  readonly skewClock: ClockFaults
  readonly troubleDisk: MachineFaults
  readonly damageFiles: MachineFaults
  readonly limitResources: ScarcityFaults
  readonly spareMembers: MemberLives
  readonly #clients: SimulatedClients

  constructor(options: EnvironmentOptions, code: MemberCode, variations: SimulatedVariations) {
    const { random, memberCount, latencyMs, spareCount = 0 } = options
    const names = Array.from({ length: memberCount + spareCount }, (_, i) => `n${i + 1}`)
    this.members = names.slice(0, memberCount)
    this.clock = new VirtualTime()
    const { queue } = this.clock
    const climate = drawClimate(random.split('climate'))
    const paths = new Paths(names, random.split('paths'))
    this.#clients = new SimulatedClients(this.clock, climate, random.split('clients'), paths)
    const network = new SimulatedNetwork({
      time: this.clock, random: random.split('network'), climate, paths, latencyMs, codec: variations.codec,
      stands: (name) => lives.member(name).loop.stands,
      isFull: (name) => lives.member(name).isFull,
    })
    const gossipNetwork = new SimulatedGossipNetwork({
      queue, random: random.split('gossip'), climate, paths,
      hostOf: (name) => network.hostOf(name), delayMs: () => network.delayMs, backlog: (name) => lives.member(name).loop.backlog,
    })
    const configs = memberConfigs(options, code, names, network)
    const lives = new MemberLives({
      time: this.clock, climate, random: random.split('startup'), clients: this.#clients, spares: names.slice(memberCount), say: options.say,
      members: configs.map((config) => new SimulatedMember({
        config, code, network, queue, climate,
        gossipNetwork: config.gossip === null ? null : gossipNetwork,
        nodeId: (disk) => drawUuid(random.split(disk === 0 ? `id of ${config.name}` : `id of ${config.name}, disk ${disk}`)),
        random: random.split(`member ${config.name}`),
        onEnded: (error) => lives.onEnded(config.name, error),
        clientConnections: () => this.#clients.openConnections(config.name),
      })),
    })
    const pathFaults = new PathFaults(this.clock, paths)
    const machineFaults = new MachineFaults(this.clock, lives)
    const member = (name: string) => lives.member(name)
    this.dns = new SimulatedDns({ time: this.clock, climate, random: random.split('dns'), clients: this.#clients, member })
    this.cutLinks = this.cutClients = this.disturbLinks = this.firewall = pathFaults
    this.shapeLinks = network
    this.kill = this.spareMembers = lives
    this.pause = this.troubleDisk = this.damageFiles = machineFaults
    this.skewClock = new ClockFaults(this.clock, member)
    this.limitResources = new ScarcityFaults(this.clock, this.#clients, member)
  }

  async start(): Promise<void> {
    await Promise.all(this.members.map((name) => this.kill.restart(name)))
  }

  request(member: string, request: HttpRequest, timeoutMs: number): Promise<HttpOutcome> {
    return this.#clients.request(this.kill.member(member), request, timeoutMs)
  }

  async collect(directory: string): Promise<void> {
    for (const member of this.#all()) {
      // A spare that was never needed has nothing to say.
      if (!this.members.includes(member.name) && !member.hasLived) continue
      const target = join(directory, member.name)
      mkdirSync(target, { recursive: true })
      writeFileSync(join(target, 'raft-trace.jsonl'), member.trace())
      writeFileSync(join(target, 'member.log'), member.log())
    }
  }

  run<T>(main: () => Promise<T>): Promise<T> {
    return this.clock.run(main)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const member of this.#all()) member.end('the simulation ends', 'process')
  }

  #all(): SimulatedMember[] {
    return [...this.members, ...this.spareMembers.spares].map((name) => this.kill.member(name))
  }
}

/** As a member's own command line and config file would have it. */
function memberConfigs(options: EnvironmentOptions, code: MemberCode, names: readonly string[], network: SimulatedNetwork): AgentConfig[] {
  const { memberConfig, memberCount, workDirectory, random } = options
  const configFile = join(workDirectory, 'member.json')
  // Small enough that snapshots are taken, sent and installed within minutes.
  const compaction = random.split('compaction')
  const entries = compaction.between(64, 512)
  const base = { raft_snapshot_threshold: entries, raft_trailing_logs: compaction.between(1, entries) }
  const raft = { snapshot_chunk_bytes: compaction.between(256, 4096), ...memberConfig['raft'] as object | undefined }
  writeFileSync(configFile, JSON.stringify({ ...memberDefaults, ...base, ...memberConfig, raft }))
  return names.map((name, i) => {
    const address = network.hostOf(name)
    return code.resolveAgentConfig({
      server: true, node: name, ...i < memberCount ? { bootstrapExpect: memberCount } : {}, dataDir: 'in memory', configFile: [configFile],
      bind: address,
      retryJoin: names.filter((other) => other !== name).map((other) => network.hostOf(other)),
    })
  })
}

/** Version 4, as a real member draws its own. */
function drawUuid(random: Random): string {
  const hex = Array.from({ length: 4 }, () => random.uint32().toString(16).padStart(8, '0')).join('')
  const variant = '89ab'[Number.parseInt(hex[16]!, 16) & 3]!
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}
