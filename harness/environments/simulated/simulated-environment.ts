import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Random } from '../../../node/base/random.ts'
import type { CutLinks, Environment, EnvironmentOptions, HttpOutcome, HttpRequest, Kill, ShapeLinks } from '../environment.ts'
import { SimulatedClients } from './clients.ts'
import { drawClimate, type Climate } from './climate.ts'
import { SimulatedMember } from './member.ts'
import { loadMemberCode, type MemberCode } from './member-code.ts'
import { SimulatedNetwork } from './network.ts'
import { VirtualTime } from './virtual-time.ts'

const answerDeadlineMs = 30_000
const answerRequestTimeoutMs = 1_000
const answerPollMs = 10

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
  readonly cutLinks: CutLinks
  readonly shapeLinks: ShapeLinks
  readonly kill: Kill
  readonly #members = new Map<string, SimulatedMember>()
  readonly #clients: SimulatedClients
  readonly #climate: Climate
  readonly #startup: Random
  /** What a member died of by itself, and that it is said once only. */
  readonly #crashes = new Map<string, Error>()

  constructor(options: EnvironmentOptions, code: MemberCode, variations: SimulatedVariations) {
    const { random, memberCount, latencyMs } = options
    this.members = Array.from({ length: memberCount }, (_, i) => `n${i + 1}`)
    this.clock = new VirtualTime()
    this.#climate = drawClimate(random.split('climate'))
    this.#startup = random.split('startup')
    this.#clients = new SimulatedClients(this.clock, this.#climate, random.split('clients'))
    const network = new SimulatedNetwork({
      time: this.clock, random: random.split('network'), climate: this.#climate, members: this.members, latencyMs, codec: variations.codec,
    })
    this.cutLinks = network
    this.shapeLinks = network
    this.kill = { kill: (name) => this.#kill(name), restart: (name) => this.#restart(name) }
    const configFile = join(options.workDirectory, 'member.json')
    writeFileSync(configFile, JSON.stringify(options.memberConfig))
    for (const name of this.members) {
      const config = code.resolveAgentConfig({
        server: true, node: name, bootstrapExpect: memberCount, dataDir: 'in memory', configFile: [configFile],
        // Gossip is not needed by any workload yet.
        serfLanPort: -1,
        retryJoin: this.members.filter((other) => other !== name).map((other) => network.addressOf(other)),
      })
      this.#members.set(name, new SimulatedMember({
        config, code, network,
        nodeId: drawUuid(random.split(`id of ${name}`)),
        queue: this.clock.queue,
        climate: this.#climate,
        random: random.split(`member ${name}`),
        onCrash: (error) => this.#onCrash(name, error, options.say),
      }))
    }
  }

  async start(): Promise<void> {
    await Promise.all(this.members.map((name) => this.#startMember(name)))
  }

  request(member: string, request: HttpRequest, timeoutMs: number): Promise<HttpOutcome> {
    return this.#clients.request(this.#member(member), request, timeoutMs)
  }

  async collect(directory: string): Promise<void> {
    for (const [name, member] of this.#members) {
      const target = join(directory, name)
      mkdirSync(target, { recursive: true })
      writeFileSync(join(target, 'raft-trace.jsonl'), member.trace())
      writeFileSync(join(target, 'member.log'), member.log())
    }
  }

  run<T>(main: () => Promise<T>): Promise<T> {
    return this.clock.run(main)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const member of this.#members.values()) member.kill('the simulation ends')
  }

  async #startMember(name: string): Promise<void> {
    const member = this.#member(name)
    if (member.isAlive) throw new Error(`${name} runs already.`)
    await this.clock.sleep(this.#climate.startupMs(this.#startup))
    member.start()
    const untilNs = this.clock.nowNs() + answerDeadlineMs * 1e6
    for (;;) {
      const outcome = await this.request(name, { method: 'GET', target: '/v1/agent/self' }, answerRequestTimeoutMs)
      if (outcome.kind === 'response' && outcome.status === 200) return
      const said = outcome.kind === 'response' ? `status ${outcome.status}` : outcome.error
      const crash = this.#crashes.get(name)
      if (crash !== undefined && !member.isAlive) throw new Error(`${name} crashed when it started: ${crash.message}`, { cause: crash })
      if (this.clock.nowNs() > untilNs) throw new Error(`${name} did not answer within ${answerDeadlineMs / 1000} s (${said}).`)
      await this.clock.sleep(answerPollMs)
    }
  }

  async #kill(name: string): Promise<void> {
    this.#member(name).kill('killed')
    this.#clients.memberDied(name)
  }

  async #restart(name: string): Promise<void> {
    await this.#startMember(name)
  }

  #onCrash(name: string, error: Error, say: (line: string) => void): void {
    this.#clients.memberDied(name)
    if (!this.#crashes.has(name)) say(`${name} crashed: ${error.message}`)
    this.#crashes.set(name, error)
  }

  #member(name: string): SimulatedMember {
    const member = this.#members.get(name)
    if (member === undefined) throw new Error(`There is no member ${name}; there are ${this.members.join(', ')}.`)
    return member
  }
}

/** Version 4, as a real member draws its own. */
function drawUuid(random: Random): string {
  const hex = Array.from({ length: 4 }, () => random.uint32().toString(16).padStart(8, '0')).join('')
  const variant = '89ab'[Number.parseInt(hex[16]!, 16) & 3]!
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}
