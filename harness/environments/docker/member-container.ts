import type Dockerode from 'dockerode'
import { createWriteStream } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { extract, pack } from 'tar-stream'
import { GenericContainer, type WaitStrategy } from 'testcontainers'
import type { MemberUsage } from '../environment.ts'
import { withDeadline } from './deadline.ts'
import { hasStatus, messageOf, type Engine } from './engine.ts'
import { plainLog } from './log-frames.ts'
import { memberPaths } from './member-command.ts'
import { usageOf, type ContainerStats } from './member-usage.ts'
import type { NamespaceContainer } from './namespace-container.ts'

/** What one member's container is made from. */
export interface MemberContainerOptions {
  readonly name: string
  readonly image: string
  readonly namespace: NamespaceContainer
  readonly labels: Record<string, string>
  readonly command: readonly string[]
  readonly environment: Record<string, string>
  /** Path in the container → text. */
  readonly files: Readonly<Record<string, string>>
  /** A volume that is there already, e.g. a disk that loses what was not synced; absent: a plain one is made. */
  readonly dataVolume?: string
  /** More volumes → path, which it may only read. */
  readonly readOnlyBinds?: Readonly<Record<string, string>>
}

/** Being ready is asked over HTTP, by the environment, which also sees when the process ends instead. */
const started: WaitStrategy = {
  waitUntilReady: async () => {},
  withStartupTimeout: () => started,
  isStartupTimeoutSet: () => true,
  getStartupTimeout: () => 0,
}

const freezeAttemptsMax = 10
const freezePauseMs = 100

/** One member: its process, its data volume, what it leaves behind. */
export class MemberContainer {
  readonly #container: Dockerode.Container
  /** Name of the volume with its data. */
  readonly dataVolume: string

  private constructor(container: Dockerode.Container, dataVolume: string) {
    this.#container = container
    this.dataVolume = dataVolume
  }

  get id(): string {
    return this.#container.id
  }

  /** Starts the process; resolves when the engine has started it, not when it answers. */
  static async start(engine: Engine, options: MemberContainerOptions): Promise<MemberContainer> {
    // A volume with a name, unlike an unnamed one, can carry labels.
    const volume = options.dataVolume ?? `${options.name}-data`
    if (options.dataVolume === undefined) await engine.docker.createVolume({ Name: volume, Labels: options.labels })
    const container = await new GenericContainer(options.image)
      .withName(options.name)
      .withLabels(options.labels)
      .withNetworkMode(`container:${options.namespace.id}`)
      .withAutoCleanup(false)
      .withDefaultLogDriver()
      .withBindMounts([
        { source: volume, target: memberPaths.data, mode: 'rw' },
        ...Object.entries(options.readOnlyBinds ?? {}).map(([source, target]) => ({ source, target, mode: 'ro' as const })),
      ])
      .withEnvironment(options.environment)
      .withCopyContentToContainer(Object.entries(options.files).map(([target, content]) => ({ target, content })))
      .withCommand([...options.command])
      .withWaitStrategy(started)
      .start()
      .catch((error: unknown) => {
        throw new Error(`Docker could not start ${options.name} from ${options.image}: ${messageOf(error)}`, { cause: error })
      })
    return new MemberContainer(engine.docker.getContainer(container.getId()), volume)
  }

  /** SIGKILL, also to a frozen one, which runs no instruction more; resolves when the process is gone. Does nothing to a dead one. */
  async kill(): Promise<void> {
    await this.#container.kill({ signal: 'SIGKILL' }).catch((error: unknown) => {
      // 409: is not running.
      if (!hasStatus(error, 409)) throw error
    })
    await this.#container.wait()
  }

  /** SIGTERM; resolves when the process is gone, rejects when it is not after `timeoutMs`, and kills it then. */
  async terminate(timeoutMs: number): Promise<void> {
    const ended = this.#container.wait()
    await this.#container.kill({ signal: 'SIGTERM' }).catch((error: unknown) => {
      if (!hasStatus(error, 409)) throw error
    })
    try {
      await withDeadline(ended, timeoutMs, () => `The process did not end within ${timeoutMs / 1000} s of SIGTERM`)
    } catch (error) {
      await this.kill()
      throw error
    }
  }

  /** The cgroup's freezer: all its processes stand still. */
  async freeze(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#container.pause()
        return
      } catch (error) {
        // The old freezer gives up on processes that are just being made or that wait for a disk.
        if (!/unable to freeze/.test(messageOf(error)) || attempt === freezeAttemptsMax) throw error
        await new Promise((resolve) => setTimeout(resolve, freezePauseMs))
      }
    }
  }

  /** Does nothing to one that is not frozen. */
  async thaw(): Promise<void> {
    if ((await this.state()).paused) await this.#container.unpause()
  }

  async state(): Promise<{ readonly running: boolean, readonly paused: boolean }> {
    const { State } = await this.#container.inspect()
    return { running: State.Running, paused: State.Paused }
  }

  /** What its cgroup has counted until now. */
  async usage(): Promise<MemberUsage> {
    const stats: unknown = await this.#container.stats({ stream: false, 'one-shot': true })
    return usageOf(stats as ContainerStats)
  }

  /** Limits of its cgroup, in the engine's own words. */
  async update(limits: Readonly<Record<string, number>>): Promise<void> {
    await this.#container.update(limits)
  }

  /** Starts it again on the same data. Does nothing to one that runs. */
  async startAgain(): Promise<void> {
    await this.#container.start().catch((error: unknown) => {
      // 304: has been started already.
      if (!hasStatus(error, 304)) throw error
    })
  }

  /** Resolves with the exit code when the process ends. */
  async ended(): Promise<number> {
    return (await this.#container.wait() as { StatusCode: number }).StatusCode
  }

  /** stdout and stderr of all its lives. @param lines only the last so many. */
  async log(lines?: number): Promise<string> {
    return plainLog(await this.#container.logs({ stdout: true, stderr: true, ...(lines === undefined ? {} : { tail: lines }) }))
  }

  /** Writes log, Raft trace and config into a directory; works on a dead container. */
  async collect(directory: string): Promise<void> {
    await mkdir(directory, { recursive: true })
    await writeFile(join(directory, 'member.log'), await this.log())
    for (const path of [memberPaths.trace, memberPaths.config, memberPaths.edits]) {
      await this.#copyFile(path, join(directory, basename(path)))
    }
  }

  /** Writes a file into it, dead or alive. */
  async putFile(path: string, text: string): Promise<void> {
    const archive = pack()
    archive.entry({ name: path.replace(/^\//, '') }, text)
    archive.finalize()
    await this.#container.putArchive(Readable.from(archive), { path: '/' })
  }

  /** Copies one file out; a file that is not there is no error: a member that died early wrote none. */
  async #copyFile(path: string, target: string): Promise<void> {
    let archive: NodeJS.ReadableStream
    try {
      archive = await this.#container.getArchive({ path })
    } catch (error) {
      if (hasStatus(error, 404)) return
      throw error
    }
    const files = extract()
    files.on('entry', (header, content, next) => {
      if (header.type === 'file') pipeline(content, createWriteStream(target)).then(() => next(), next)
      else content.resume().on('end', () => next())
    })
    await pipeline(archive, files)
  }
}
