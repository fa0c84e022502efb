import { copyFile, mkdir } from 'node:fs/promises'
import { mkdirSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { invariant } from '../../../node/base/assert.ts'
import { appliedLine } from '../../mutants/hook.ts'
import { damageFile } from '../damage-file.ts'
import type {
  Cut, CutClients, CutLinks, DamageFiles, DisturbLinks, DnsOutcome, Environment, EnvironmentOptions, Firewall, HttpOutcome, HttpRequest, Kill, LimitResources, Link, MemberDns, MemberUsage, Pause,
  ShapeLinks, SkewClock, SpareMembers, Traffic, TroubleDisk,
} from '../environment.ts'
import { queryDns } from '../dns.ts'
import { httpRequester, type HttpRequester } from '../http.ts'
import { InsideFaults } from '../member-faults/inside-faults.ts'
import { realClock } from '../real-clock.ts'
import { claimAddresses, type AddressClaim, type MemberAddress } from './addresses.ts'
import { ClientGate } from './client-gate.ts'
import { directlyDialled } from './direct-connections.ts'
import { LocalFirewall } from './firewall.ts'
import { LinkFabric } from './link-fabric.ts'
import { memberCommand, memberFiles, missingEntry, type MemberFiles } from './member-command.ts'
import { MemberProcess } from './member-process.ts'
import { ProcessFaults } from './process-faults.ts'
import { processUsage, tellsUsage } from './process-usage.ts'
import { hasPrlimit } from './process-limits.ts'
import { RunState } from './run-state.ts'

const answerDeadlineMs = 30_000
const answerRequestTimeoutMs = 1_000
const answerPollMs = 10
const proxyUseDeadlineMs = 10_000
const lastLogLines = 30

/** For tests: another program than the member, and addresses as on other systems. */
export interface LocalVariations {
  readonly entry?: string
  readonly ownPrefix?: boolean
}

/**
 * Members as processes of this machine, on loopback. Needs neither root nor
 * Docker. Each directed link between two members leads through a proxy in this
 * process, which can cut or delay it.
 */
export async function createLocalEnvironment(given: EnvironmentOptions, variations: LocalVariations = {}): Promise<Environment> {
  // A power cut needs the disk that forgets, from the start.
  const options = { ...given, powerLoss: given.powerLoss || (given.faults ?? []).some((fault) => fault === 'power' || fault === 'all') }
  const claim = await claimAddresses(options.memberCount + (options.spareCount ?? 0), { ownPrefix: variations.ownPrefix, dns: options.dns })
  let fabric: LinkFabric | undefined
  try {
    fabric = await LinkFabric.open(claim.members.map(({ name, host, serverPort, gossipPort, httpPort }) => ({
      name, services: [
        { conversation: 'raft', endpoint: { host, port: serverPort }, udp: false },
        { conversation: 'gossip', endpoint: { host, port: gossipPort }, udp: true },
        { conversation: 'client', endpoint: { host, port: httpPort }, udp: false },
      ],
    })), claim.proxyHost, undefined, options.random.split('links'))
    await fabric.delayAll(options.latencyMs)
    const prlimit = await hasPrlimit()
    const state = RunState.create(options.runId, join(options.workDirectory, `local-${options.runId}`))
    return new LocalEnvironment(options, claim, fabric, state, prlimit, variations.entry)
  } catch (error) {
    fabric?.close()
    claim[Symbol.dispose]()
    throw error
  }
}

class LocalEnvironment implements Environment {
  readonly kind = 'local'
  readonly members: readonly string[]
  readonly clock = realClock()
  readonly cutLinks: CutLinks
  readonly kill: Kill
  readonly shapeLinks: ShapeLinks
  readonly disturbLinks: DisturbLinks
  readonly firewall: Firewall
  readonly pause: Pause
  readonly damageFiles: DamageFiles
  readonly cutClients: CutClients
  readonly dns?: MemberDns
  readonly limitResources?: LimitResources
  readonly skewClock?: SkewClock
  readonly troubleDisk?: TroubleDisk
  readonly spareMembers?: SpareMembers
  readonly memberUsage?: (member: string) => Promise<MemberUsage>

  readonly #options: EnvironmentOptions
  readonly #claim: AddressClaim
  readonly #fabric: LinkFabric
  readonly #state: RunState
  readonly #entry: string | undefined
  readonly #requester: HttpRequester
  readonly #processes = new Map<string, MemberProcess>()
  readonly #clientGate = new ClientGate()
  readonly #processFaults: ProcessFaults
  /** Null where no fault of the run needs it: it is loaded into every member. */
  readonly #insideFaults: InsideFaults | null
  #disposal: Promise<void> | undefined
  readonly #atExit = () => this.#endAtExit()

  constructor(options: EnvironmentOptions, claim: AddressClaim, fabric: LinkFabric, state: RunState, prlimit: boolean, entry: string | undefined) {
    this.#options = options
    this.#claim = claim
    this.#fabric = fabric
    this.#state = state
    this.#entry = entry
    const names = claim.members.map(({ name }) => name)
    this.members = names.slice(0, options.memberCount)
    this.#requester = httpRequester((member) => this.#clientAddress(member))
    this.cutLinks = { cut: (links, traffic) => this.#cut(links, traffic), traffics: fabric.traffics }
    this.kill = {
      kill: (member) => this.#kill(member),
      restart: (member) => this.#startMember(member),
      restartEmpty: (member) => this.#restartEmpty(member),
      terminate: (member, timeoutMs) => this.#end(member, (running) => running.terminate(timeoutMs)),
      ...options.powerLoss ? { cutPower: (member, { torn }) => torn ? this.#tear(member) : this.#kill(member) } : {},
    }
    this.shapeLinks = fabric
    this.disturbLinks = fabric.disturber
    this.damageFiles = { damage: async (member, damage, fraction) => damageFile(this.#deadMembersFiles(member).data, damage, fraction) }
    this.#processFaults = new ProcessFaults({
      pid: (member) => this.#running(member)?.pid ?? null,
      answers: async (member, timeoutMs) => (await this.#ask(member, timeoutMs)).kind === 'response',
    }, prlimit)
    this.pause = this.#processFaults
    if (this.#processFaults.limitResources !== undefined) this.limitResources = this.#processFaults.limitResources
    this.#insideFaults = (options.faults ?? []).length === 0 ? null : new InsideFaults((member) => this.#running(member)?.control ?? null)
    if (this.#insideFaults !== null) {
      this.skewClock = this.#insideFaults.skewClock
      this.troubleDisk = this.#insideFaults.troubleDisk
    }
    this.cutClients = this.#clientGate.cutter((member, timeoutMs) => this.#ask(member, timeoutMs), (member) => this.#running(member) !== null && !this.#processFaults.holds(member))
    if (options.dns === true) this.dns = { query: (member, message, timeoutMs) => this.#clientGate.passDns(member, timeoutMs, (leftMs) => this.#askDns(member, message, leftMs)) }
    this.firewall = new LocalFirewall(fabric, names, {
      cut: (members) => this.cutClients.cutClients(members),
      reset: (member) => this.#requester.forget(member),
    })
    if (tellsUsage) this.memberUsage = (member) => this.#usage(member)
    const spares = names.slice(options.memberCount)
    if (spares.length > 0) this.spareMembers = { spares, start: (spare) => this.#startSpare(spare), remove: (member) => this.#removeSpare(member) }
    process.on('exit', this.#atExit)
  }

  async start(): Promise<void> {
    const starts = this.members.map((member) => this.#startMember(member))
    // All settle first: a member that is still starting could not be ended.
    await Promise.allSettled(starts)
    await Promise.all(starts)
  }

  request(member: string, request: HttpRequest, timeoutMs: number): Promise<HttpOutcome> {
    return this.#clientGate.pass(member, timeoutMs, (leftMs) => this.#requester.request(member, request, leftMs))
  }

  httpAddress(member: string): string {
    const { host, httpPort } = this.#address(member)
    return `http://${host}:${httpPort}`
  }

  /** Where this harness's clients reach it: directly, but for a fault that their door carries. */
  #clientAddress(member: string): string {
    const door = this.#fabric.routes.isRouted(member) ? this.#fabric.clientDoor(member) : undefined
    if (door === undefined) return this.httpAddress(member)
    const { host, port } = door.proxy.endpoint
    return `http://${host}:${port}`
  }

  #askDns(member: string, message: Uint8Array, timeoutMs: number): Promise<DnsOutcome> {
    const { host, dnsPort } = this.#address(member)
    invariant(dnsPort !== null, () => `${member} has no port for DNS`)
    return queryDns(host, dnsPort, message, timeoutMs)
  }

  async #usage(member: string): Promise<MemberUsage> {
    const pid = this.#running(member)?.pid
    if (pid === undefined) throw new Error(`${member} does not run.`)
    return processUsage(pid)
  }

  async collect(directory: string): Promise<void> {
    for (const member of this.#processes.keys()) {
      const { log, trace, config, edits } = this.#files(member)
      const target = join(directory, member)
      await mkdir(target, { recursive: true })
      for (const file of [log, trace, config, edits]) {
        await copyFile(file, join(target, basename(file))).catch((error: NodeJS.ErrnoException) => {
          if (error.code !== 'ENOENT') throw error // a member that died early has left less
        })
      }
    }
  }

  run<T>(main: () => Promise<T>): Promise<T> {
    return main()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return (this.#disposal ??= this.#dispose())
  }

  async #dispose(): Promise<void> {
    await Promise.all([...this.#processes.values()].map((member) => member.stop()))
    this.#processFaults.close()
    await this.#requester.close()
    this.#fabric.close()
    this.#state.remove()
    this.#claim[Symbol.dispose]()
    process.off('exit', this.#atExit)
  }

  /** An exception or `process.exit` elsewhere: nothing can be waited for any more. */
  #endAtExit(): void {
    for (const member of this.#processes.values()) member.killNow()
    this.#state.remove()
  }

  /** Starts a member that does not run; resolves when it answers, with every source edit in place. */
  async #startMember(member: string): Promise<void> {
    if (this.#disposal !== undefined) throw new Error('The environment is disposed.')
    const before = this.#processes.get(member)
    if (before !== undefined && before.ended === null) throw new Error(`${member} runs already.`)
    const address = this.#address(member)
    const files = this.#files(member)
    const command = memberCommand(address, this.#claim, this.#options.memberCount, files, this.#fabric.dialMap(member), this.#options, this.#insideFaults?.stateOf(member) ?? null, this.#entry)
    const missing = missingEntry(command)
    if (missing !== null) throw new Error(`${missing} is missing: the installation is not complete.`)
    mkdirSync(files.directory, { recursive: true })
    const started = new MemberProcess(command, files, this.#state)
    this.#processes.set(member, started)
    await this.#processFaults.started(member)
    await this.#untilItAnswers(member, started)
    this.#requirePreloads(member, started)
  }

  async #untilItAnswers(member: string, started: MemberProcess): Promise<void> {
    const endMs = performance.now() + answerDeadlineMs
    for (;;) {
      const outcome = await this.#ask(member, answerRequestTimeoutMs)
      if (outcome.kind === 'response' && outcome.status === 200) return
      const said = outcome.kind === 'response' ? `status ${outcome.status}` : outcome.error
      const why = this.#disposal !== undefined ? 'was ended while it started'
        : started.ended !== null ? `ended (${started.ended}) before it answered HTTP`
        : performance.now() > endMs ? `did not answer at ${this.httpAddress(member)} within ${answerDeadlineMs / 1000} s (${said})`
        : null
      if (why !== null) throw new Error(`${member} ${why}. The last lines of its log, ${this.#files(member).log}:\n${started.lastLines(lastLogLines)}`)
      await this.clock.sleep(answerPollMs)
    }
  }

  /** A bug that was never planted, or a disk that forgets nothing, would prove nothing. */
  #requirePreloads(member: string, started: MemberProcess): void {
    const { edits, powerLoss } = this.#options
    if (edits.length === 0 && !powerLoss) return
    const log = started.log()
    const absent = edits.filter((edit) => !log.includes(appliedLine(edit)))
    if (absent.length > 0) throw new Error(`${member} runs without the source edits of ${absent.map(({ file }) => file).join(', ')}: it has not loaded them.`)
    if (powerLoss && !log.includes('splitbrain: volatile disk')) throw new Error(`${member} runs without the disk that forgets what is not synced.`)
  }

  #kill(member: string): Promise<void> {
    return this.#end(member, (running) => running.kill())
  }

  /** The process ends itself, with a part of its last unsynced write on disk. */
  async #tear(member: string): Promise<void> {
    const control = this.#running(member)?.control
    if (control === undefined) throw new Error(`${member} does not run, or without the preload that tears a write.`)
    // No answer can come.
    await this.#end(member, (running) => Promise.all([control.ask({ ask: 'tear' }, answerDeadlineMs).catch(() => {}), running.gone()]))
  }

  async #end(member: string, end: (running: MemberProcess) => Promise<unknown>): Promise<void> {
    const running = this.#processes.get(member)
    if (running === undefined) throw new Error(`${this.#address(member).name} has not been started.`)
    try {
      await end(running)
    } finally {
      // Connections to it that are kept alive are dead: a later request would be lost in one, instead of refused.
      this.#requester.forget(member)
    }
  }

  async #restartEmpty(member: string): Promise<void> {
    rmSync(this.#deadMembersFiles(member).data, { recursive: true, force: true })
    await this.#startMember(member)
  }

  async #startSpare(spare: string): Promise<void> {
    if (!this.spareMembers!.spares.includes(spare)) throw new Error(`There is no spare ${spare}; there are ${this.spareMembers!.spares.join(', ')}.`)
    await this.#restartEmpty(spare)
  }

  async #removeSpare(member: string): Promise<void> {
    if (!this.spareMembers!.spares.includes(member)) throw new Error(`${member} is no spare; there are ${this.spareMembers!.spares.join(', ')}.`)
    if (this.#running(member) !== null) await this.#kill(member)
    rmSync(this.#deadMembersFiles(member).data, { recursive: true, force: true })
  }

  #deadMembersFiles(member: string): MemberFiles {
    if (this.#running(member) !== null) throw new Error(`${member} runs: its files are its own.`)
    return this.#files(this.#address(member).name)
  }

  #running(member: string): MemberProcess | null {
    const known = this.#processes.get(member)
    return known === undefined || known.ended !== null ? null : known
  }

  #ask(member: string, timeoutMs: number): Promise<HttpOutcome> {
    return this.request(member, { method: 'GET', target: '/v1/agent/self' }, timeoutMs)
  }

  /** As the fabric's, and proves first that members speak through it and, where the system tells, in no other way. */
  async #cut(links: readonly Link[], traffic: Traffic = 'all'): Promise<Cut> {
    const endpoints = this.#claim.members.flatMap(({ host, serverPort, gossipPort }) => [{ host, port: serverPort }, { host, port: gossipPort }])
    for (const { host, port } of directlyDialled(endpoints) ?? []) {
      throw new Error(`Some process has dialled ${host}:${port} itself instead of through a proxy, so a cut would not hold it.`)
    }
    const linkCount = this.#claim.members.length * (this.#claim.members.length - 1)
    const endMs = performance.now() + proxyUseDeadlineMs
    while (linkCount > 0 && this.#fabric.unusedLinks(traffic).length === linkCount) {
      if (performance.now() > endMs) throw new Error('No member has said anything through a proxy of its links, so cutting them would do nothing: they speak by another way, or not at all.')
      await this.clock.sleep(answerPollMs)
    }
    return await this.#fabric.cut(links, traffic)
  }

  #address(member: string): MemberAddress {
    const address = this.#claim.members.find(({ name }) => name === member)
    if (address === undefined) throw new Error(`There is no member ${member}; there are ${this.members.join(', ')}.`)
    return address
  }

  #files(member: string): MemberFiles {
    return memberFiles(join(this.#state.directory, member))
  }
}
