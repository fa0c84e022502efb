/** Servers, each in the foreground of a process of its own, on default ports of a loopback address. */
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { send, type Answer } from './dialect/exchange.ts'

const launcher = fileURLToPath(new URL('../cli/launch.js', import.meta.url))

/** A running agent; disposing ends the process and removes its data. */
export interface AgentProcess extends AsyncDisposable {
  /** Loopback address; the HTTP API is at port 8500. */
  readonly host: string
  readonly pid: number
  request(method: string, target: string, body?: string, headers?: Readonly<Record<string, string>>): Promise<Answer>
  /** Standard output and error so far. */
  output(): string
}

export interface AgentOptions {
  readonly host: string
  readonly node: string
  /** The same for both sides of a comparison. */
  readonly nodeId: string
  /** More of Consul's flags. */
  readonly args?: readonly string[]
}

const consulFlags = ['-disable-host-node-id', '-hcl', 'performance { raft_multiplier = 1 }', '-hcl', 'connect { enabled = false }']

/** Real Consul, as a server of one. */
export function startConsul(program: string, options: AgentOptions): Promise<AgentProcess> {
  return startAgent(program, ['agent', ...flags(options), ...consulFlags], options)
}

/** Ours, with the same flags. */
export function startSplitbrain(options: AgentOptions): Promise<AgentProcess> {
  return startAgent(process.execPath, [launcher, 'agent', ...flags(options)], options)
}

/** A cluster of ours, a server at each address, named `n1` and on; `argsOf`: more flags for the server of that place. */
export function startSplitbrainCluster(hosts: readonly string[], argsOf: (place: number) => readonly string[] = () => []): Promise<Cluster> {
  return startCluster(hosts, (host, args, place) => startAgent(process.execPath, [launcher, ...args, ...argsOf(place)], { host }))
}

/** The same of real Consuls. */
export function startConsulCluster(program: string, hosts: readonly string[]): Promise<Cluster> {
  return startCluster(hosts, (host, args) => startAgent(program, [...args, ...consulFlags], { host }))
}

async function startCluster(hosts: readonly string[], start: (host: string, args: readonly string[], place: number) => Promise<AgentProcess>): Promise<Cluster> {
  const servers = new AsyncDisposableStack()
  const started = await Promise.allSettled(hosts.map((host, i) => {
    const args = ['agent', '-server', '-bootstrap-expect', String(hosts.length), '-node', `n${i + 1}`, '-bind', host, '-client', host]
    return start(host, [...args, ...hosts.flatMap((other) => other === host ? [] : ['-retry-join', other])], i)
  }))
  for (const one of started) if (one.status === 'fulfilled') servers.use(one.value)
  const failed = started.find((one) => one.status === 'rejected')
  if (failed !== undefined) {
    await servers.disposeAsync()
    throw failed.reason
  }
  const members = started.flatMap((one) => one.status === 'fulfilled' ? [one.value] : [])
  return { members, [Symbol.asyncDispose]: () => servers.disposeAsync() }
}

export interface Cluster extends AsyncDisposable {
  readonly members: readonly AgentProcess[]
}

const flags = ({ host, node, nodeId, args = [] }: AgentOptions) =>
  ['-server', '-bootstrap-expect', '1', '-node', node, '-node-id', nodeId, '-bind', host, '-client', host, ...args]

async function startAgent(program: string, args: readonly string[], { host }: Pick<AgentOptions, 'host'>): Promise<AgentProcess> {
  const data = await mkdtemp(join(tmpdir(), 'splitbrain-agent-'))
  const child = spawn(program, [...args, '-data-dir', data], { stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  child.stdout.on('data', (chunk) => { text += chunk })
  child.stderr.on('data', (chunk) => { text += chunk })
  const exited = new Promise<void>((resolve) => child.once('close', () => resolve()))
  child.once('error', (error) => { text += error.message })
  const agent: AgentProcess = {
    host,
    pid: child.pid ?? 0,
    request: (method, target, body, headers) => send(host, method, target, body, headers),
    output: () => text,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await exited
      await rm(data, { recursive: true, force: true })
    },
  }
  try {
    await untilServing(agent, () => child.exitCode)
    return agent
  } catch (error) {
    await agent[Symbol.asyncDispose]()
    throw error
  }
}

/** A leader that has taken a write: the catalog's own entries follow within moments. */
async function untilServing(agent: AgentProcess, exitCode: () => number | null): Promise<void> {
  const endMs = performance.now() + 60_000
  while (performance.now() < endMs) {
    if (exitCode() !== null) throw new Error(`the agent ended with ${exitCode()}:\n${agent.output()}`)
    const answer = await agent.request('PUT', '/v1/kv/serving', 'yes').catch(() => null)
    if (answer?.status === 200) {
      await agent.request('DELETE', '/v1/kv/serving')
      return
    }
    await sleep(100)
  }
  throw new Error(`the agent at ${agent.host} did not serve within 60 s:\n${agent.output()}`)
}
