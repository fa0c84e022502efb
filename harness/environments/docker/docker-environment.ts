import { join } from 'node:path'
import type {
  CutClients, CutLinks, DamageFiles, DisturbLinks, Environment, EnvironmentOptions, Firewall, HttpOutcome, HttpRequest, Kill, LimitResources, MemberDns, MemberUsage,
  Pause, ShapeLinks, SkewClock, SpareMembers, TroubleDisk,
} from '../environment.ts'
import { queryDns } from '../dns.ts'
import { httpRequester, type HttpRequester } from '../http.ts'
import { ownerLabels } from '../owner.ts'
import { realClock } from '../real-clock.ts'
import { connectEngine, messageOf, type Engine } from './engine.ts'
import { FileDamager } from './file-damage.ts'
import { ensureMemberImage } from './image/member-image.ts'
import { ensureSystemImage } from './image/system-image.ts'
import { hasClockScript, tryLending, type LenderPorts } from './clock-lender.ts'
import { LinkHolds } from './link-holds.ts'
import { clocksPath, MemberClocks, tryClockScript } from './member-clocks.ts'
import { MemberDisks } from './member-disks.ts'
import { MemberPause } from './member-pause.ts'
import { DockerMembers, type MembersParts } from './members.ts'
import { startNamespace, type NamespaceContainer } from './namespace-container.ts'
import { prepareNetworkFaults, type NetworkFaults } from './network-faults.ts'
import { removeRun } from './reap.ts'
import { registryDeployment } from './registry-deployment.ts'
import { ResourceLimits } from './resource-limits.ts'
import { createRunNetwork } from './run-network.ts'

/** Faults that need disks which lose what was not synced; see `EnvironmentOptions.faults`. */
const diskFaults = ['power', 'disk']
const clockFaults = ['clock']

/**
 * Members as containers on a bridge network of the run's own. Makes what
 * members need (image, network, network namespaces with their firewall, disks and
 * clocks where faults ask for them), so that capabilities are known before
 * anything runs; `start` starts the members. Rejects with a sentence, and leaves nothing behind then.
 */
export async function createDockerEnvironment(options: EnvironmentOptions): Promise<Environment> {
  const engine = await connectEngine()
  const image = await ensureMemberImage(engine, options.say)
  const { deployment } = options
  if (deployment !== undefined && options.edits.length > 0) throw new Error(`Source edits are for this project's own member, not for ${deployment.name}`)
  const programImage = deployment === undefined ? image : await ensureSystemImage(engine, image, deployment, options.say)
  const { ports, liveness } = deployment ?? registryDeployment
  const labels = ownerLabels(options.runId)
  const runName = `splitbrain-${options.runId}`
  const asks = (faults: readonly string[]) => options.faults?.some((name) => name === 'all' || faults.includes(name)) === true
  try {
    const network = await createRunNetwork(engine, runName, labels)
    const names = Array.from({ length: options.memberCount + (options.spareCount ?? 0) }, (_, i) => `n${i + 1}`)
    const clocksVolume = asks(clockFaults) ? `${runName}-clocks` : null
    if (clocksVolume !== null) await engine.docker.createVolume({ Name: clocksVolume, Labels: labels })
    const namespaces = new Map(await allOrNothing(names.map(async (name) => [name, await startNamespace(engine, image, {
      name: `${runName}-${name}-net`, network, labels, binds: clocksVolume === null ? {} : { [clocksVolume]: clocksPath },
      ports: { http: ports.http, liveness: liveness.port },
    })] as const)))
    const holds = new LinkHolds()
    const [faults, disks, clocksWork] = await allOrNothing([
      prepareNetworkFaults(namespaces, holds, options.random.split('packets'), ports, options.say),
      // What is loaded into our own member for power losses knows no other program.
      asks(diskFaults) || (options.powerLoss && deployment !== undefined)
        ? MemberDisks.make(engine, image, labels, runName, names, options.say).catch((error: unknown) => {
            options.say(`disks that lose what was not synced cannot be had in these containers: ${messageOf(error)}`)
            return null
          })
        : null,
      clocksVolume !== null && clocksProblem(namespaces.values().next().value!, deployment === undefined ? null : { engine, image, labels }).then((problem) => {
        if (problem !== null) options.say(`clocks cannot be moved in these containers: ${problem}`)
        return problem === null
      }),
    ] as const)
    if (deployment !== undefined && options.powerLoss && disks === null) throw new Error(`A kill of ${deployment.name} cannot lose what was not synced here: that needs disks on loop devices`)
    const environment = new DockerEnvironment(engine, options, { image, programImage }, namespaces, holds, faults, disks, clocksWork ? clocksVolume : null)
    await environment.prepare()
    return environment
  } catch (error) {
    await removeRun(engine, options.runId).catch((failure: unknown) => options.say(messageOf(failure)))
    throw error
  }
}

class DockerEnvironment implements Environment {
  readonly kind = 'docker'
  readonly members: readonly string[]
  readonly clock = realClock()
  readonly dns?: MemberDns
  readonly cutLinks?: CutLinks
  readonly cutClients?: CutClients
  readonly disturbLinks?: DisturbLinks
  readonly shapeLinks?: ShapeLinks
  readonly firewall?: Firewall
  readonly kill: Kill
  readonly pause: Pause
  readonly skewClock?: SkewClock
  readonly troubleDisk?: TroubleDisk
  readonly damageFiles: DamageFiles
  readonly limitResources: LimitResources
  readonly spareMembers: SpareMembers

  readonly #engine: Engine
  readonly #options: EnvironmentOptions
  readonly #namespaces: ReadonlyMap<string, NamespaceContainer>
  readonly #members: DockerMembers
  readonly #disks: MemberDisks | null
  readonly #clocks: MemberClocks | null
  readonly #requester: HttpRequester
  /** On connections of its own: a system may be asked at another port. */
  readonly #liveness: HttpRequester
  #starting: Promise<unknown> = Promise.resolve()
  #disposal: Promise<void> | undefined

  constructor(
    engine: Engine, options: EnvironmentOptions, images: Pick<MembersParts, 'image' | 'programImage'>, namespaces: ReadonlyMap<string, NamespaceContainer>, holds: LinkHolds,
    network: NetworkFaults, disks: MemberDisks | null, clocksVolume: string | null,
  ) {
    this.#engine = engine
    this.#options = options
    this.#namespaces = namespaces
    this.#disks = disks
    this.#requester = httpRequester((member) => this.httpAddress(member))
    this.#liveness = httpRequester((member) => this.#namespace(member).livenessUrl)
    this.#members = new DockerMembers({
      engine, options, ...images, namespaces, holds, disks, clocksVolume, random: options.random.split('disks'),
      request: (member, request, timeoutMs) => this.request(member, request, timeoutMs), askAlive: (member, timeoutMs) => this.#askAlive(member, timeoutMs), forget: (member) => this.#forget(member),
    })
    const members = this.#members
    this.members = [...namespaces.keys()].slice(0, options.memberCount)
    Object.assign(this, network)
    // Published ports are those of HTTP alone.
    const { dns } = (options.deployment ?? registryDeployment).ports
    if (dns !== null && [...namespaces.values()].every(({ direct }) => direct)) this.dns = { query: (member, message, timeoutMs) => queryDns(this.#namespace(member).address, dns, message, timeoutMs) }
    this.kill = members
    this.spareMembers = members
    this.pause = new MemberPause({
      container: (member) => members.container(member),
      ask: (member, timeoutMs) => this.#askAlive(member, timeoutMs),
      isUnreachable: (member) => members.isUnreachable(member),
    })
    this.damageFiles = new FileDamager({
      isRunning: async (member) => (await members.container(member).state()).running,
      besideData: (member, script) => members.besideData(member, script),
      files: (options.deployment ?? registryDeployment).dataFiles,
      randomSeed: () => options.random.between(0, 2 ** 31),
    })
    this.limitResources = new ResourceLimits({
      container: (member) => members.container(member),
      besideProcesses: (container, script) => members.besideProcesses(container, script),
      within: (container, script) => members.within(container, script),
    })
    if (disks !== null) this.troubleDisk = { kinds: disks.kinds, trouble: (member, trouble) => disks.trouble(member, members.container(member), trouble) }
    this.#clocks = clocksVolume === null ? null : new MemberClocks({
      run: (member, script) => this.#namespace(member).shell.run(script),
      within: async (member, script) => {
        const container = members.containers.get(member)
        return container === undefined || !(await container.state()).running ? null : await members.within(container, options.deployment === undefined ? script : `${hasClockScript} && ${script}`)
      },
      reported: (member) => this.#reportedWallMs(member),
    })
    if (this.#clocks !== null) this.skewClock = this.#clocks
  }

  /** What must be there before the first member starts. */
  async prepare(): Promise<void> {
    if (this.#clocks !== null) await Promise.all([...this.#namespaces.keys()].map((member) => this.#clocks!.prepare(member)))
  }

  async start(): Promise<void> {
    const work = allOrNothing(this.members.map((member) => this.#members.start(member)))
    this.#starting = work.catch(() => {})
    await work
  }

  request(member: string, request: HttpRequest, timeoutMs: number): Promise<HttpOutcome> {
    return this.#requester.request(member, request, timeoutMs)
  }

  httpAddress(member: string): string {
    return this.#namespace(member).baseUrl
  }

  memberUsage(member: string): Promise<MemberUsage> {
    return this.#members.container(member).usage()
  }

  async collect(directory: string): Promise<void> {
    await Promise.all([...this.#members.containers].map(([member, container]) => container.collect(join(directory, member))))
  }

  run<T>(main: () => Promise<T>): Promise<T> {
    return main()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return (this.#disposal ??= this.#dispose())
  }

  async #dispose(): Promise<void> {
    this.#members.dispose()
    await Promise.all([this.#requester.close(), this.#liveness.close()])
    for (const { shell, agent } of this.#namespaces.values()) {
      shell.close()
      agent.close()
    }
    this.#disks?.close()
    await removeRun(this.#engine, this.#options.runId)
    // A start that was under way may have made something after that.
    await this.#starting
    await removeRun(this.#engine, this.#options.runId)
  }

  async #reportedWallMs(member: string): Promise<number | null> {
    const outcome = await this.#askAlive(member, 1_000)
    const date = outcome.kind === 'response' ? outcome.headers['date'] : undefined
    return date === undefined ? null : Date.parse(date) - Date.now()
  }

  #askAlive(member: string, timeoutMs: number): Promise<HttpOutcome> {
    const { target } = (this.#options.deployment ?? registryDeployment).liveness
    return this.#liveness.request(member, { method: 'GET', target }, timeoutMs)
  }

  #forget(member: string): void {
    this.#requester.forget(member)
    this.#liveness.forget(member)
  }

  #namespace(member: string): NamespaceContainer {
    const namespace = this.#namespaces.get(member)
    if (namespace === undefined) throw new Error(`There is no member ${member}; there are ${[...this.#namespaces.keys()].join(', ')}`)
    return namespace
  }
}

/** Null where they can be moved: of what asks the C library, and with a lender also of what asks the kernel. */
async function clocksProblem({ shell }: NamespaceContainer, lender: LenderPorts | null): Promise<string | null> {
  const problem = await shell.run(tryClockScript).then(() => null, messageOf)
  return problem !== null || lender === null ? problem : await tryLending(lender)
}

/** As Promise.all, but settles only when all have: what is under way after a failure could not be cleaned up. */
async function allOrNothing<T extends readonly unknown[] | []>(work: T): Promise<{ -readonly [P in keyof T]: Awaited<T[P]> }> {
  await Promise.allSettled(work)
  return await Promise.all(work)
}
