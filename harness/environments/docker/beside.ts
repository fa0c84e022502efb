import { randomBytes } from 'node:crypto'
import { messageOf, type Engine } from './engine.ts'
import { plainLog } from './log-frames.ts'

/** What a container that runs one script beside a member gets. */
export interface BesideOptions {
  /** Ours, with bash, Node and what faults need: a member's own image may have none of it. */
  readonly image: string
  readonly labels: Record<string, string>
  readonly script: string
  /** `volume:/path`. */
  readonly binds?: readonly string[]
  /** A container whose processes the script sees; its first is number 1. */
  readonly processesOf?: string
  readonly capabilities?: readonly string[]
  /** In the engine's words: `b 7:* rwm`. */
  readonly deviceRules?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
}

/**
 * Runs a bash script once, in a container of its own that shares a member's
 * volume or processes. Works for members of any image, alive or dead, and the
 * member needs no capability. @returns what it printed; rejects with that where it does not end with 0.
 */
export async function runBeside(engine: Engine, { image, labels, script, binds = [], processesOf, capabilities = [], deviceRules = [], environment = {} }: BesideOptions): Promise<string> {
  const container = await engine.docker.createContainer({
    name: `splitbrain-beside-${randomBytes(6).toString('hex')}`,
    Image: image, Labels: labels, Cmd: ['bash', '-c', script],
    Env: Object.entries(environment).map(([name, value]) => `${name}=${value}`),
    HostConfig: { NetworkMode: 'none', Binds: [...binds], CapAdd: [...capabilities], DeviceCgroupRules: [...deviceRules], ...processesOf === undefined ? {} : { PidMode: `container:${processesOf}` } },
  })
  try {
    // Begun before the start: one that ends at once cannot be waited for afterwards.
    const ended = container.wait({ condition: 'next-exit' }) as Promise<{ StatusCode: number }>
    await container.start()
    const { StatusCode: status } = await ended
    const printed = plainLog(await container.logs({ stdout: true, stderr: true }))
    if (status !== 0) throw new Error(`status ${status}: ${printed.trim()}`)
    return printed
  } catch (error) {
    throw new Error(`beside a member: ${messageOf(error)}`, { cause: error })
  } finally {
    await container.remove({ force: true, v: true }).catch(() => {})
  }
}
