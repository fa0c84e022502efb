import type Dockerode from 'dockerode'
import { accessSync, constants } from 'node:fs'
import { getContainerRuntimeClient } from 'testcontainers'
import { withDeadline } from './deadline.ts'

/** A Docker engine that has answered. */
export interface Engine {
  readonly docker: Dockerode
  /** Where the engine's published ports are reached from here. */
  readonly host: string
  readonly version: string
  /** `x86_64`, `aarch64`, … */
  readonly architecture: string
  readonly operatingSystem: string
  readonly rootless: boolean
}

export type DockerAvailability =
  | ({ readonly available: true } & Pick<Engine, 'version' | 'architecture' | 'operatingSystem' | 'rootless'>)
  | { readonly available: false, readonly reason: string }

const connectTimeoutMs = 5_000
const usualSocket = '/var/run/docker.sock'

let connection: Promise<Engine> | undefined

/**
 * Finds the engine as testcontainers does: TESTCONTAINERS_HOST_OVERRIDE and
 * DOCKER_HOST, then the usual sockets, rootless ones included. One connection a process.
 */
export function connectEngine(): Promise<Engine> {
  connection ??= connect().catch((error: unknown) => {
    // An engine may be started later in this process's life: a failure is not remembered.
    connection = undefined
    throw error
  })
  return connection
}

async function connect(): Promise<Engine> {
  const client = await withDeadline(getContainerRuntimeClient(), connectTimeoutMs,
    () => `no answer within ${connectTimeoutMs / 1000} s`).catch((error: unknown) => {
    throw new Error(`no Docker engine answers (${socketProblem() ?? messageOf(error)}): start one, or point DOCKER_HOST to one`, { cause: error })
  })
  const docker = client.container.dockerode
  const info = await docker.info() as { SecurityOptions?: string[], OSType?: string }
  if (info.OSType !== 'linux') {
    throw new Error(`the Docker engine runs ${info.OSType ?? 'unknown'} containers: switch it to Linux containers`)
  }
  const runtime = client.info.containerRuntime
  return {
    docker,
    host: runtime.host,
    version: String(runtime.serverVersion),
    architecture: runtime.architecture,
    operatingSystem: runtime.operatingSystem,
    rootless: (info.SecurityOptions ?? []).some((option) => option.includes('rootless')),
  }
}

/** What is wrong with the usual socket, where that is plain to see; null where it is not. */
function socketProblem(): string | null {
  if (process.platform === 'win32' || process.env['DOCKER_HOST'] !== undefined) return null
  try {
    accessSync(usualSocket, constants.R_OK | constants.W_OK)
    return null
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EACCES'
      ? `this user may not use ${usualSocket}; the members of the group docker may`
      : `there is no ${usualSocket}`
  }
}

/** Whether an engine answers, within some seconds. Never rejects. */
export async function dockerAvailability(): Promise<DockerAvailability> {
  try {
    const { version, architecture, operatingSystem, rootless } = await connectEngine()
    return { available: true, version, architecture, operatingSystem, rootless }
  } catch (error) {
    return { available: false, reason: messageOf(error) }
  }
}

/** The sentence of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** Whether the engine answered that what was asked for is not there (404), is there already or in use (409), … */
export function hasStatus(error: unknown, ...statusCodes: readonly number[]): boolean {
  const status = (error as { statusCode?: unknown } | null)?.statusCode
  return typeof status === 'number' && statusCodes.includes(status)
}
