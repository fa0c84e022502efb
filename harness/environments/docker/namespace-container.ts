import { GenericContainer, Wait } from 'testcontainers'
import { ControlShell } from './control-shell.ts'
import { messageOf, type Engine } from './engine.ts'
import { setUpScript } from './firewall.ts'
import { PacketAgent } from './packet-agent.ts'
import type { RunNetwork } from './run-network.ts'
import { consulPorts } from './traffic.ts'

/**
 * The container that owns a member's network namespace: its address, its
 * published port and its firewall. The member runs in a second container inside
 * that namespace. So a killed member keeps its address and its cuts, as a machine
 * keeps its cables when a process on it dies; cuts can be made and proven while
 * the member is dead; and the member itself needs no capability.
 */
export interface NamespaceContainer {
  readonly id: string
  /** IPv4 on the run's network; the same as long as the container lives. */
  readonly address: string
  /** The member's HTTP API as this process reaches it, `http://…`. */
  readonly baseUrl: string
  /** Where it is asked whether it lives; the same as `baseUrl` for most systems. */
  readonly livenessUrl: string
  /** Whether this process reaches it with nothing in between. */
  readonly direct: boolean
  readonly shell: ControlShell
  readonly agent: PacketAgent
  /** Null, or why links cannot be cut here. */
  readonly linksUnavailable: string | null
}

const startTimeoutMs = 60_000

export interface NamespaceOptions {
  readonly name: string
  readonly network: RunNetwork
  readonly labels: Record<string, string>
  /** Volume → path. */
  readonly binds: Readonly<Record<string, string>>
  /** Of clients' API and of liveness; Consul's where absent. */
  readonly ports?: { readonly http: number, readonly liveness: number }
}

/** Starts one, with the firewall's chains made. */
export async function startNamespace(engine: Engine, image: string, { name, network, labels, binds, ports = { http: consulPorts.http, liveness: consulPorts.http } }: NamespaceOptions): Promise<NamespaceContainer> {
  const container = new GenericContainer(image)
    .withName(name)
    .withLabels(labels)
    .withNetworkMode(network.name)
    .withAddedCapabilities('NET_ADMIN')
    // Our labels and reaper clean up; testcontainers' own reaper is an image that not every network can pull.
    .withAutoCleanup(false)
    .withDefaultLogDriver()
    .withBindMounts(Object.entries(binds).map(([source, target]) => ({ source, target, mode: 'rw' })))
    .withCommand(['bash', '-c', `${setUpScript}\nexec sleep infinity`])
    .withWaitStrategy(Wait.forLogMessage(/links (ready|unavailable)/))
    .withStartupTimeout(startTimeoutMs)
  if (!network.routable) container.withExposedPorts(...new Set([ports.http, ports.liveness]))
  const started = await container.start().catch((error: unknown) => {
    throw new Error(`Docker could not start ${name} from ${image}: ${messageOf(error)}`, { cause: error })
  })

  const details = await engine.docker.getContainer(started.getId()).inspect()
  const address = details.NetworkSettings.Networks[network.name]?.IPAddress
  if (address === undefined || address === '') throw new Error(`${name} got no address on the network ${network.name}`)
  const urlOf = (port: number) => network.routable ? `http://${address}:${port}` : `http://${engine.host}:${started.getMappedPort(port)}`
  const log = (await engine.docker.getContainer(started.getId()).logs({ stdout: true, stderr: true })).toString('utf8')
  return {
    id: started.getId(),
    address,
    baseUrl: urlOf(ports.http),
    livenessUrl: urlOf(ports.liveness),
    direct: network.routable,
    shell: new ControlShell(engine, started.getId()),
    agent: new PacketAgent(engine, started.getId()),
    linksUnavailable: /links unavailable: (.*)/.exec(log)?.[1]?.trim() ?? null,
  }
}
