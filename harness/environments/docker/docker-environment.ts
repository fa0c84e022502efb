import { join } from 'node:path'
import type {
  CutClients, CutLinks, DisturbLinks, Environment, EnvironmentOptions, Firewall, HttpOutcome, HttpRequest, Kill, ShapeLinks,
} from '../environment.ts'
import { httpRequester, type HttpRequester } from '../http.ts'
import { realClock } from '../real-clock.ts'
import { pollUntil } from './deadline.ts'
import { connectEngine, messageOf, type Engine } from './engine.ts'
import { ensureMemberImage } from './image/member-image.ts'
import { LinkHolds } from './link-holds.ts'
import { MemberContainer } from './member-container.ts'
import { memberCommand, memberPaths } from './member-command.ts'
import { startNamespace, type NamespaceContainer } from './namespace-container.ts'
import { prepareNetworkFaults, type NetworkFaults } from './network-faults.ts'
import { ownerLabels } from '../owner.ts'
import { expectedLines, memberPreloads } from './preloads.ts'
import { removeRun } from './reap.ts'
import { createRunNetwork } from './run-network.ts'

/** From the start of a member's process to its first answer; a busy machine with many members needs several seconds. */
const answerTimeoutMs = 60_000
const answerPollMs = 25
const answerRequestTimeoutMs = 1_000
const lastLogLines = 15
/** Modules are loaded before a member answers, but a log takes its way through the engine. */
const preloadsTimeoutMs = 5_000

/**
 * Members as containers on a bridge network of the run's own. Makes what
 * members need (image, network, network namespaces with their firewall), so
 * that capabilities are known before anything runs; `start` starts the members.
 * Rejects with a sentence, and leaves nothing behind then.
 */
export async function createDockerEnvironment(options: EnvironmentOptions): Promise<Environment> {
  const engine = await connectEngine()
  const image = await ensureMemberImage(engine, options.say)
  const labels = ownerLabels(options.runId)
  const runName = `splitbrain-${options.runId}`
  try {
    const network = await createRunNetwork(engine, runName, labels)
    const names = Array.from({ length: options.memberCount }, (_, i) => `n${i + 1}`)
    const namespaces = new Map(await allOrNothing(names.map(async (name) =>
      [name, await startNamespace(engine, image, `${runName}-${name}-net`, network, labels)] as const)))

    const holds = new LinkHolds()
    const faults = await prepareNetworkFaults(namespaces, holds, options.random.split('packets'), options.say)
    return new DockerEnvironment(engine, options, image, namespaces, holds, faults)
  } catch (error) {
    await removeRun(engine, options.runId).catch((failure: unknown) => options.say(messageOf(failure)))
    throw error
  }
}

class DockerEnvironment implements Environment {
  readonly kind = 'docker'
  readonly members: readonly string[]
  readonly clock = realClock()
  readonly cutLinks?: CutLinks
  readonly cutClients?: CutClients
  readonly disturbLinks?: DisturbLinks
  readonly firewall?: Firewall
  readonly shapeLinks?: ShapeLinks
  readonly kill: Kill

  readonly #engine: Engine
  readonly #options: EnvironmentOptions
  readonly #image: string
  readonly #namespaces: ReadonlyMap<string, NamespaceContainer>
  readonly #containers = new Map<string, MemberContainer>()
  readonly #requester: HttpRequester
  readonly #holds: LinkHolds
  #starting: Promise<unknown> = Promise.resolve()
  #disposal: Promise<void> | undefined

  constructor(engine: Engine, options: EnvironmentOptions, image: string, namespaces: ReadonlyMap<string, NamespaceContainer>, holds: LinkHolds, network: NetworkFaults) {
    this.#holds = holds
    this.#engine = engine
    this.#options = options
    this.#image = image
    this.#namespaces = namespaces
    this.members = [...namespaces.keys()]
    Object.assign(this, network)
    this.#requester = httpRequester((member) => this.httpAddress(member))
    this.kill = { kill: (member) => this.#kill(member), restart: (member) => this.#restart(member) }
  }

  async start(): Promise<void> {
    const work = allOrNothing(this.members.map(async (member) => {
      this.#containers.set(member, await this.#startContainer(member))
      await this.#untilItAnswers(member)
      await this.#requirePreloads(member)
    }))
    this.#starting = work.catch(() => {})
    await work
  }

  request(member: string, request: HttpRequest, timeoutMs: number): Promise<HttpOutcome> {
    return this.#requester.request(member, request, timeoutMs)
  }

  httpAddress(member: string): string {
    return this.#namespace(member).baseUrl
  }

  async collect(directory: string): Promise<void> {
    await Promise.all([...this.#containers].map(([member, container]) => container.collect(join(directory, member))))
  }

  run<T>(main: () => Promise<T>): Promise<T> {
    return main()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return (this.#disposal ??= this.#dispose())
  }

  async #dispose(): Promise<void> {
    await this.#requester.close()
    for (const { shell, agent } of this.#namespaces.values()) {
      shell.close()
      agent.close()
    }
    await removeRun(this.#engine, this.#options.runId)
    // A start that was under way may have made something after that.
    await this.#starting
    await removeRun(this.#engine, this.#options.runId)
  }

  async #startContainer(member: string): Promise<MemberContainer> {
    if (this.#disposal !== undefined) throw new Error('The environment is disposed')
    const { edits, memberConfig, powerLoss, runId } = this.#options
    const namespace = this.#namespace(member)
    const preloads = memberPreloads({ edits, powerLoss })
    return await MemberContainer.start(this.#engine, {
      name: `splitbrain-${runId}-${member}`,
      image: this.#image,
      namespace,
      labels: ownerLabels(runId),
      command: memberCommand({
        name: member,
        address: namespace.address,
        bootstrapExpect: this.#options.memberCount,
        peerAddresses: [...this.#namespaces.values()].map(({ address }) => address),
        preloads: preloads.modules,
      }),
      environment: preloads.environment,
      files: { [memberPaths.config]: JSON.stringify(memberConfig), ...preloads.files },
    })
  }

  /** Resolves when the member has answered over HTTP; rejects when its process ends before, or too much time has passed. */
  async #untilItAnswers(member: string): Promise<void> {
    const container = this.#container(member)
    let exitCode: number | undefined
    container.ended().then((code) => { exitCode = code }, () => {})
    const deadlineMs = performance.now() + answerTimeoutMs
    for (;;) {
      const outcome = await this.request(member, { method: 'GET', target: '/v1/agent/self' }, answerRequestTimeoutMs)
      if (outcome.kind === 'response' && outcome.status === 200) return
      const said = outcome.kind === 'response' ? `status ${outcome.status}` : outcome.error
      if (this.#disposal !== undefined) throw new Error('The environment is disposed')
      if (exitCode !== undefined || performance.now() >= deadlineMs) {
        const what = exitCode === undefined
          ? `did not answer HTTP at ${this.httpAddress(member)} within ${answerTimeoutMs / 1000} s (${said})`
          : `ended with exit code ${exitCode} before it answered HTTP`
        const log = await container.log(lastLogLines).catch((error: unknown) => `(no log: ${messageOf(error)})`)
        throw new Error(`${member} ${what}. Its last lines:\n${log.trimEnd().replaceAll(/^/gm, '    ')}`)
      }
      await this.clock.sleep(answerPollMs)
    }
  }

  /** Rejects unless all that was to be loaded into the member says that it is: a bug that was never planted proves nothing. */
  async #requirePreloads(member: string): Promise<void> {
    const expected = expectedLines(this.#options)
    if (expected.length === 0) return
    let absent = expected
    await pollUntil(async () => {
      const log = await this.#container(member).log()
      absent = expected.filter(({ line }) => !log.includes(line))
      return absent.length === 0 ? true : null
    }, answerPollMs, preloadsTimeoutMs, () => `${member} runs without ${absent.map(({ what }) => what).join(', ')}: nothing in its log says that it was loaded`)
  }

  async #kill(member: string): Promise<void> {
    await this.#container(member).kill()
    // Its kept-alive connections are dead: without this the next request goes into one and is lost instead of refused.
    this.#requester.forget(member)
  }

  async #restart(member: string): Promise<void> {
    await this.#container(member).startAgain()
    await this.#untilItAnswers(member)
    await this.#requirePreloads(member)
  }

  #namespace(member: string): NamespaceContainer {
    return this.#namespaces.get(member) ?? this.#unknown(member)
  }

  #container(member: string): MemberContainer {
    return this.#containers.get(member) ?? this.#unknown(member)
  }

  #unknown(member: string): never {
    throw new Error(this.members.includes(member) ? `${member} has not been started` : `There is no member ${member}; there are ${this.members.join(', ')}`)
  }
}

/** As Promise.all, but settles only when all have: what is under way after a failure could not be cleaned up. */
async function allOrNothing<T>(work: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(work)
  return await Promise.all(work)
}
