import { randomInt, randomUUID } from 'node:crypto'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startHttpServer } from '../api/http-server.ts'
import type { Log } from '../base/log.ts'
import { seededRandom } from '../base/random.ts'
import { type RunningDnsServer, startDnsServer } from '../dns/dns-server.ts'
import { processProbes } from '../local/process-probes.ts'
import { ClientNode, type ClientNodeOptions } from '../client/client-node.ts'
import { type GossipOptions, RegistryNode, type RegistryNodeOptions } from '../registry-node.ts'
import { fileDisk, lockDirectory } from '../storage/file-disk.ts'
import { agentLinks } from '../transport/agent-links.ts'
import { udpTcpNetwork } from '../transport/gossip-network.ts'
import { tcpTransport } from '../transport/tcp-transport.ts'
import type { AgentConfig } from './agent-config.ts'
import { hostInfo } from './host-info.ts'
import { listenedLog } from './log-lines.ts'
import { nodeId } from './node-id.ts'
import { reportProcess } from './process-metrics.ts'
import { processScheduler } from './process-scheduler.ts'
import { makeTelemetry } from './telemetry.ts'
import { traceFile } from './trace-file.ts'
import { UsageError } from './usage-error.ts'

/** A member of this process. */
export interface RunningMember {
  readonly id: string
  readonly httpPort: number
  /** Null: no DNS. */
  readonly dnsPort: number | null
  /** Rejects when the member cannot go on. */
  readonly failed: Promise<never>
  /** Resolves when the member has left the cluster on request. */
  readonly left: Promise<void>
  /** Reads the config files again. The problem in a sentence, or null. */
  reload(): string | null
  /** Leaves the cluster; resolves when the others know, and a server is out of Raft. */
  leave(): Promise<void>
  stop(): Promise<void>
}

/** `package.json` of the source, or of the package that holds `dist/`. */
export function productVersion(): string {
  for (const path of ['../../package.json', '../../../package.json']) {
    try {
      const { name, version } = JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as { name: string, version: string }
      if (name === 'splitbrain') return version
    } catch {
      // Not there: try the next.
    }
  }
  return '0.0.0'
}

/**
 * Starts everything that a member is made of. Whatever was acquired before a
 * failure is released; the error says which address or file it was about.
 * `reread`: the configuration as its files have it now; may throw UsageError.
 */
export async function runMember(config: AgentConfig, ownLog: Log, reread: () => AgentConfig = () => config): Promise<RunningMember> {
  const log = listenedLog(ownLog)
  await using acquired = new AsyncDisposableStack()
  mkdirSync(config.dataDirectory, { recursive: true })
  const lock = acquired.adopt(lockDirectory(config.dataDirectory), (held) => held.release())
  void lock
  const id = nodeId(config.dataDirectory, config.nodeId)
  const gossip = config.gossip === null ? null : {
    ...config.gossip,
    memory: fileDisk(join(config.dataDirectory, 'serf')),
    network: acquired.adopt(await listening(`gossip port ${config.bindHost}:${config.gossip.port}`, udpTcpNetwork({
      bindHost: config.bindHost, bindPort: config.gossip.port, advertise: config.gossip.port === 0 ? undefined : config.gossip.advertise, dialMap: config.dialMap, log,
    })), (network) => network.close()),
  }
  const left = Promise.withResolvers<void>()
  const failure = Promise.withResolvers<never>()
  failure.promise.catch(() => {})
  const telemetry = makeTelemetry({ wallMs: processScheduler.wallMs, prometheusRetentionMs: config.prometheusRetentionMs })
  const probes = acquired.use(processProbes())
  const common = {
    name: config.name, id, datacenter: config.datacenter, version: productVersion(), nodeMeta: config.nodeMeta,
    rpcHoldTimeoutMs: config.rpcHoldTimeoutMs, limits: config.limits,
    local: { disk: fileDisk(join(config.dataDirectory, 'agent')), probes, scriptChecks: config.scriptChecks },
    scheduler: processScheduler, random: seededRandom(randomInt(2 ** 32)),
    log, metrics: telemetry.metrics, telemetry, onLeft: () => left.resolve(),
    logs: log, hostInfo, reload: () => reload(),
  }
  const node = config.isServer || gossip === null
    ? await server(config, common, gossip, acquired, failure.reject)
    : client(config, common, gossip, acquired)
  const configure = ({ definitions }: AgentConfig) => node.localAgent.configure(definitions.services, definitions.checks)
  const reload = () => {
    const problem = problemOf(() => configure(reread()))
    if (problem === null) log.info('reloaded the configuration: services and checks are as its files define them')
    else log.error('the configuration could not be reloaded', { reason: problem })
    return problem
  }
  const refused = configure(config)
  if (refused !== null) throw new UsageError(`${refused}.`)
  const http = acquired.adopt(await listening(`HTTP address ${config.clientHost}:${config.httpPort}`, startHttpServer({
    host: config.clientHost, port: config.httpPort, handle: node.handle, log, limits: config.limits,
  })), (server) => server.close())
  const dns = await startDns(config, node, log)
  if (dns !== null) acquired.adopt(dns, (server) => server.close())
  node.start()
  acquired.defer(() => node.stop())
  acquired.defer(reportProcess(telemetry.metrics, () => { if (node instanceof RegistryNode) node.measure() }))
  if (config.pidFile !== null) {
    writeFileSync(config.pidFile, `${process.pid}\n`)
    acquired.defer(() => rmSync(config.pidFile!, { force: true }))
  }
  const release = acquired.move()
  return {
    id, httpPort: http.port, dnsPort: dns?.port ?? null, failed: failure.promise, left: left.promise, reload,
    leave: () => new Promise((resolve) => node.leave(resolve)), stop: () => release.disposeAsync(),
  }
}

function problemOf(act: () => string | null): string | null {
  try {
    return act()
  } catch (error) {
    if (error instanceof UsageError) return error.message
    throw error
  }
}

type Common = Omit<ClientNodeOptions, 'servers' | 'gossip'> & Omit<RegistryNodeOptions, 'raftConfig' | 'bootstrapExpect' | 'retryJoin' | 'disk' | 'transport' | 'trace' | 'onFatal'>

async function server(config: AgentConfig, common: Common, gossip: GossipOptions | null, acquired: AsyncDisposableStack, onFatal: (error: Error) => void): Promise<RegistryNode> {
  const walDirectory = join(config.dataDirectory, 'raft')
  mkdirSync(walDirectory, { recursive: true })
  const trace = config.raftTrace === null ? null : acquired.adopt(traceFile(config.raftTrace), (file) => file.close())
  const transport = acquired.adopt(await listening(`server port ${config.bindHost}:${config.serverPort}`, tcpTransport({
    bindHost: config.bindHost, bindPort: config.serverPort, advertise: config.advertise, dialMap: config.dialMap, log: common.log,
    cluster: config.datacenter, connectionsPerClientMax: config.serverConnectionsPerClientMax,
  })), (links) => links.close())
  const peers = acquired.adopt(agentLinks({ cluster: config.datacenter, agent: config.name, dialMap: config.dialMap, log: common.log }), (links) => links.close())
  return new RegistryNode({
    ...common, peers, autopilotDefaults: config.autopilot, raftConfig: config.raft, bootstrapExpect: config.bootstrapExpect, retryJoin: config.retryJoin, newUuid: randomUUID,
    disk: fileDisk(walDirectory), transport, trace: trace === null ? null : trace.trace, onFatal, gossip,
  })
}

function client(config: AgentConfig, common: Common, gossip: GossipOptions, acquired: AsyncDisposableStack): ClientNode {
  const servers = acquired.adopt(agentLinks({ cluster: config.datacenter, agent: config.name, dialMap: config.dialMap, log: common.log }), (links) => links.close())
  return new ClientNode({ ...common, servers, gossip })
}

async function startDns(config: AgentConfig, node: RegistryNode | ClientNode, log: Log): Promise<RunningDnsServer | null> {
  if (config.dns === 'off') return null
  const { port, given, domain, onlyPassing, markTruncated } = config.dns
  const starting = startDnsServer({
    host: config.clientHost, port, log, random: seededRandom(randomInt(2 ** 32)), wallMs: processScheduler.wallMs,
    zone: { catalog: node.catalog, datacenter: config.datacenter, domain, onlyPassing, ttl: 0 },
    ready: () => node instanceof ClientNode || node.hasMetLeader, udpAnswerLimit: 3, markTruncated,
    ...node instanceof ClientNode ? { forward: node.forwardDns({ domain, onlyPassing, markTruncated }) } : {},
  })
  try {
    return await listening(`DNS address ${config.clientHost}:${port}`, starting)
  } catch (error) {
    if (given) throw error
    // Several members on one machine: nobody asked for this port, and one of them has it.
    log.warn('this member serves no DNS; give -dns-port another port, or -1', { reason: (error as Error).message })
    return null
  }
}

async function listening<T>(what: string, starting: Promise<T>): Promise<T> {
  try {
    return await starting
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const advice = code === 'EADDRINUSE' ? 'Another process has it; stop that one or choose another address or port.'
      : code === 'EADDRNOTAVAIL' ? 'This machine has no such address.'
        : code === 'EACCES' ? 'This user may not; choose a port above 1023.' : ''
    throw new Error(`Cannot listen on ${what}: ${message}. ${advice}`.trim(), { cause: error })
  }
}
