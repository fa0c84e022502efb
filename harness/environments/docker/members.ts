import type { Random } from '../../../node/base/random.ts'
import type { AskableMember, Launch, LaunchedMember } from '../deployment.ts'
import type { EnvironmentOptions, HttpOutcome, HttpRequest, Kill, SpareMembers } from '../environment.ts'
import { ownerLabels } from '../owner.ts'
import { runBeside } from './beside.ts'
import { ControlShell } from './control-shell.ts'
import { pollUntil } from './deadline.ts'
import { messageOf, type Engine } from './engine.ts'
import { clients } from './member-firewall.ts'
import type { LinkHolds } from './link-holds.ts'
import { gatedCommand, lendClock } from './clock-lender.ts'
import { clockEnvironment, clocksPath } from './member-clocks.ts'
import { MemberContainer } from './member-container.ts'
import { memberPaths } from './member-command.ts'
import type { MemberDisks } from './member-disks.ts'
import type { NamespaceContainer } from './namespace-container.ts'
import { expectedLines, memberPreloads } from './preloads.ts'
import { registryDeployment } from './registry-deployment.ts'
import { tellingLines } from './telling-lines.ts'

/** From the start of a member's process to its first answer; a busy machine with many members needs several seconds. */
const answerTimeoutMs = 60_000
const answerPollMs = 25
const answerRequestTimeoutMs = 1_000
/** Modules are loaded before a member answers, but a log takes its way through the engine. */
const preloadsTimeoutMs = 5_000

export interface MembersParts {
  readonly engine: Engine
  readonly options: EnvironmentOptions
  /** With what probes and repairs need. */
  readonly image: string
  /** With the members' own program; the same where that is ours. */
  readonly programImage: string
  /** Of members and spares. */
  readonly namespaces: ReadonlyMap<string, NamespaceContainer>
  readonly holds: LinkHolds
  /** Null: plain volumes. */
  readonly disks: MemberDisks | null
  /** Name of the volume with the members' clocks; null: nothing is loaded into them. */
  readonly clocksVolume: string | null
  readonly random: Random
  readonly request: (member: string, request: HttpRequest, timeoutMs: number) => Promise<HttpOutcome>
  /** Asks whether it lives, apart from whether it serves. */
  readonly askAlive: (member: string, timeoutMs: number) => Promise<HttpOutcome>
  /** A member's process is gone: its kept-alive connections are dead. */
  readonly forget: (member: string) => void
}

/** The members' processes: started, ended and started again, on their own data or none. */
export class DockerMembers implements Kill, SpareMembers {
  readonly spares: readonly string[]
  readonly cutPower?: NonNullable<Kill['cutPower']>
  readonly #parts: MembersParts
  readonly #containers = new Map<string, MemberContainer>()
  /** Their disks are empty, and the others have not been told. */
  readonly #strangers = new Set<string>()
  #disposed = false

  constructor(parts: MembersParts) {
    this.#parts = parts
    this.spares = [...parts.namespaces.keys()].slice(parts.options.memberCount)
    if (parts.disks !== null) {
      const disks = parts.disks
      this.cutPower = async (member, { torn }) => {
        const lost = await disks.cutPower(member, this.container(member), torn ? { seed: parts.random.between(0, 2 ** 31) } : null)
        parts.forget(member)
        parts.options.say(`${member} lost power: ${lost}`)
      }
    } else if (parts.options.powerLoss) {
      // What is loaded into the member loses at each kill -9 what it had not synced; it cannot lose a part.
      this.cutPower = async (member, { torn }) => {
        if (torn) throw new Error('A torn write needs disks on loop devices, which this engine does not give')
        await this.kill(member)
      }
    }
  }

  get containers(): ReadonlyMap<string, MemberContainer> {
    return this.#containers
  }

  /** Nothing is started any more. */
  dispose(): void {
    this.#disposed = true
  }

  /** The first start of a member or a spare; resolves when it answers. */
  async start(member: string): Promise<void> {
    const existing = this.#containers.get(member)
    if (existing !== undefined) {
      if ((await existing.state()).running) throw new Error(`${member} runs already`)
      await this.restartEmpty(member)
      return
    }
    this.#containers.set(member, await this.#startContainer(member))
    await this.#lendClock(member)
    await this.#untilItAnswers(member)
    await this.#requirePreloads(member)
    await this.#syncFirstStart(member)
  }

  async kill(member: string): Promise<void> {
    const { disks, options } = this.#parts
    // Asked for all kills: what is not synced is lost. Where disks can do that nothing is loaded into the member for it.
    if (options.powerLoss && disks !== null) await disks.cutPower(member, this.container(member), null)
    else await this.container(member).kill()
    // Without this the next request goes into a dead connection and is lost instead of refused.
    this.#parts.forget(member)
  }

  answer(member: string, timeoutMs: number): Promise<HttpOutcome> {
    return this.#parts.askAlive(member, timeoutMs)
  }

  async restart(member: string): Promise<void> {
    if (this.#strangers.has(member)) await this.#introduce(member)
    const { running } = await this.container(member).state()
    await this.container(member).startAgain()
    if (!running) await this.#lendClock(member)
    await this.#untilItAnswers(member)
    await this.#requirePreloads(member)
  }

  async terminate(member: string, timeoutMs: number): Promise<void> {
    try {
      await this.container(member).terminate(timeoutMs)
    } catch (error) {
      throw new Error(`${member} could not be ended with SIGTERM: ${messageOf(error)}`, { cause: error })
    } finally {
      this.#parts.forget(member)
    }
  }

  async restartEmpty(member: string): Promise<void> {
    await this.#wipe(member)
    await this.restart(member)
    await this.#syncFirstStart(member)
  }

  async remove(member: string): Promise<void> {
    await this.kill(member)
    await this.#wipe(member)
  }

  container(member: string): MemberContainer {
    return this.#containers.get(member) ?? this.#unknown(member)
  }

  /** Runs a script with a member's data at /data, dead or alive. */
  besideData(member: string, script: string): Promise<string> {
    const { engine, image, options } = this.#parts
    return runBeside(engine, { image, labels: ownerLabels(options.runId), script, binds: [`${this.container(member).dataVolume}:/data`] })
  }

  /** Runs a script that sees a running member's processes. */
  besideProcesses(container: MemberContainer, script: string): Promise<string> {
    const { engine, image, options } = this.#parts
    return runBeside(engine, { image, labels: ownerLabels(options.runId), script, processesOf: container.id })
  }

  /** Runs a script in a running member's own container. */
  async within(container: MemberContainer, script: string): Promise<string> {
    const shell = new ControlShell(this.#parts.engine, container.id)
    try {
      return await shell.run(script, 20_000)
    } finally {
      shell.close()
    }
  }

  /** Whether another fault keeps this process from a member. */
  isUnreachable(member: string): boolean {
    return this.#parts.holds.holds({ from: clients, to: member }, 'all', 'blocks')
  }

  async #wipe(member: string): Promise<void> {
    if ((await this.container(member).state()).running) throw new Error(`${member} runs: only a dead member's disk is wiped`)
    const left = (await this.besideData(member, 'find /data -mindepth 1 -delete; ls -A /data')).trim()
    if (left !== '') throw new Error(`The disk of ${member} could not be wiped; it still holds ${left}`)
    if (this.#parts.options.deployment?.admit !== undefined) this.#strangers.add(member)
  }

  async #startContainer(member: string): Promise<MemberContainer> {
    if (this.#disposed) throw new Error('The environment is disposed')
    const { engine, programImage, disks, clocksVolume, options: { edits, powerLoss, runId } } = this.#parts
    const namespace = this.#namespace(member)
    const preloads = memberPreloads({ edits, powerLoss: powerLoss && disks === null })
    const launch = await this.#launchOf(member, preloads.modules)
    return await MemberContainer.start(engine, {
      name: `splitbrain-${runId}-${member}`,
      image: programImage,
      namespace,
      labels: ownerLabels(runId),
      command: this.#lendsClocks ? gatedCommand(launch.command) : launch.command,
      environment: { ...preloads.environment, ...clocksVolume === null ? {} : clockEnvironment(member) },
      files: { [memberPaths.config]: launch.config, ...preloads.files },
      ...disks === null ? {} : { dataVolume: disks.volumeOf(member) },
      readOnlyBinds: clocksVolume === null ? {} : { [clocksVolume]: clocksPath },
    })
  }

  /** Programs that nobody here made may ask the kernel for the time, whatever is loaded into them. */
  get #lendsClocks(): boolean {
    return this.#parts.clocksVolume !== null && this.#parts.options.deployment !== undefined
  }

  async #lendClock(member: string): Promise<void> {
    if (!this.#lendsClocks) return
    const { engine, image, options } = this.#parts
    const container = this.container(member)
    try {
      await lendClock({ engine, image, labels: ownerLabels(options.runId) }, container.id, `${clocksPath}/${member}`)
    } catch (error) {
      // It may wait for its clock for ever.
      await container.kill().catch(() => {})
      throw new Error(`${member}: ${messageOf(error)}`, { cause: error })
    }
  }

  async #syncFirstStart(member: string): Promise<void> {
    const { disks, options: { deployment } } = this.#parts
    if (disks !== null && deployment?.leavesFirstStartUnsynced === true) await this.within(this.container(member), `sync -f ${memberPaths.data}`)
  }

  /** Founders begin the cluster; a spare comes to one that is there, and may have to be let in. */
  async #launchOf(member: string, preloads: readonly string[]): Promise<Launch> {
    const { namespaces, options: { deployment, memberConfig, memberCount } } = this.#parts
    const isSpare = this.spares.includes(member)
    if (deployment === undefined) {
      // A spare may join everyone; those that begin the cluster are not kept waiting by spares that do not run.
      const peers = [...namespaces.values()].slice(0, isSpare ? undefined : memberCount)
      return registryDeployment.launch({
        name: member, address: this.#namespace(member).address, bootstrapExpect: memberCount, peerAddresses: peers.map(({ address }) => address), preloads,
      }, memberConfig)
    }
    const launched = this.#launched(member)
    return isSpare && deployment.admit !== undefined ? deployment.admit(launched, await this.#othersOf(member)) : deployment.launch(launched)
  }

  /** Lets a member in whose disk is empty, and gives it the config that it then needs. */
  async #introduce(member: string): Promise<void> {
    const launch = await this.#parts.options.deployment!.admit!(this.#launched(member), await this.#othersOf(member))
    await this.container(member).putFile(memberPaths.config, launch.config)
    this.#strangers.delete(member)
  }

  #launched(member: string): LaunchedMember {
    const { namespaces, options: { memberConfig, memberCount } } = this.#parts
    const all = [...namespaces].map(([name, { address }]) => ({ name, address }))
    return {
      name: member, address: this.#namespace(member).address, founders: all.slice(0, memberCount), everyone: all,
      dataDirectory: memberPaths.data, configFile: memberPaths.config, config: memberConfig,
    }
  }

  /** Those whose processes run. */
  async #othersOf(member: string): Promise<AskableMember[]> {
    const others = await Promise.all([...this.#containers].filter(([name]) => name !== member).map(async ([name, container]) =>
      (await container.state()).running ? [{ name, address: this.#namespace(name).address, request: (request: HttpRequest, timeoutMs: number) => this.#parts.request(name, request, timeoutMs) }] : []))
    return others.flat()
  }

  /** Resolves when the member has answered over HTTP; rejects when its process ends before, or too much time has passed. */
  async #untilItAnswers(member: string): Promise<void> {
    const container = this.container(member)
    let exitCode: number | undefined
    container.ended().then((code) => { exitCode = code }, () => {})
    const deadlineMs = performance.now() + answerTimeoutMs
    for (;;) {
      const said = await this.#firstAnswer(member)
      if (said === null) return
      if (this.#disposed) throw new Error('The environment is disposed')
      if (exitCode !== undefined || performance.now() >= deadlineMs) {
        const what = exitCode === undefined
          ? `did not answer HTTP at ${this.#namespace(member).baseUrl} within ${answerTimeoutMs / 1000} s (${said})`
          : `ended with exit code ${exitCode} before it answered HTTP`
        const log = await container.log().then(tellingLines, (error: unknown) => `(no log: ${messageOf(error)})`)
        throw new Error(`${member} ${what}. Its last lines:\n${log.replaceAll(/^/gm, '    ')}`)
      }
      await new Promise((resolve) => setTimeout(resolve, answerPollMs))
    }
  }

  /** Null when it answers, or what it says instead. One that clients are cut off from is asked from within its own network. */
  async #firstAnswer(member: string): Promise<string | null> {
    const { liveness } = this.#parts.options.deployment ?? registryDeployment
    if (this.isUnreachable(member)) {
      const answer = await this.#namespace(member).shell.run(
        `exec 3<>/dev/tcp/127.0.0.1/${liveness.port} && printf 'GET ${liveness.target} HTTP/1.0\\r\\n\\r\\n' >&3 && timeout 1 head -n 1 <&3; exec 3>&-; true`).catch(messageOf)
      return / 200 /.test(answer) ? null : answer.trim()
    }
    const outcome = await this.answer(member, answerRequestTimeoutMs)
    if (outcome.kind === 'response') return outcome.status === 200 ? null : `status ${outcome.status}`
    return outcome.error
  }

  /** Rejects unless all that was to be loaded into the member says that it is: a bug that was never planted proves nothing. */
  async #requirePreloads(member: string): Promise<void> {
    const { edits, powerLoss } = this.#parts.options
    const expected = expectedLines({ edits, powerLoss: powerLoss && this.#parts.disks === null })
    if (expected.length === 0) return
    let absent = expected
    await pollUntil(async () => {
      const log = await this.container(member).log()
      absent = expected.filter(({ line }) => !log.includes(line))
      return absent.length === 0 ? true : null
    }, answerPollMs, preloadsTimeoutMs, () => `${member} runs without ${absent.map(({ what }) => what).join(', ')}: nothing in its log says that it was loaded`)
  }

  #namespace(member: string): NamespaceContainer {
    return this.#parts.namespaces.get(member) ?? this.#unknown(member)
  }

  #unknown(member: string): never {
    const names = [...this.#parts.namespaces.keys()]
    throw new Error(names.includes(member) ? `${member} has not been started` : `There is no member ${member}; there are ${names.join(', ')}`)
  }
}
