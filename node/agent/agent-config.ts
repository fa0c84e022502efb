import { isIPv6 } from 'node:net'
import { hostname } from 'node:os'
import type { ApiLimits } from '../api/limits.ts'
import { resolveGossipConfig, type GossipConfig } from '../gossip/config.ts'
import { gossipPortDefault } from '../gossip/gossip-driver.ts'
import { defaultRaftConfig, resolveRaftConfig, type RaftConfig } from '../raft/config.ts'
import { type AutopilotConfig, autopilotDefaults } from '../state/autopilot-config.ts'
import { formatAddress, parseAddress } from '../transport/address.ts'
import { agentFilesIn, readAgentFile, type AgentFile } from './config-file.ts'
import { readDefinitions, type Definitions } from './definitions.ts'
import type { AgentFlags } from './flags.ts'
import { apiLimits, serverConnectionsMax } from './limits-config.ts'
import { UsageError } from './usage-error.ts'

/** Everything that a member runs by, complete. */
export interface AgentConfig {
  readonly name: string
  /** Null: kept in, or drawn into, the data directory. */
  readonly nodeId: string | null
  readonly datacenter: string
  /** False: a client agent. */
  readonly isServer: boolean
  readonly nodeMeta: Readonly<Record<string, string>>
  /** Which signals make the member leave the cluster, instead of only stopping. */
  readonly leaveOn: { readonly SIGINT: boolean, readonly SIGTERM: boolean }
  /** Until somebody configures it over the API. */
  readonly autopilot: AutopilotConfig
  readonly bootstrapExpect: number
  readonly bindHost: string
  readonly clientHost: string
  /** `host:port` for other servers. */
  readonly advertise: string
  readonly serverPort: number
  readonly httpPort: number
  /** `off`: no DNS. `given`: whether somebody asked for that very port. */
  readonly dns: { readonly port: number, readonly given: boolean, readonly domain: string, readonly onlyPassing: boolean, readonly markTruncated: boolean } | 'off'
  readonly dataDirectory: string
  readonly retryJoin: readonly string[]
  readonly logLevel: LogLevel
  readonly pidFile: string | null
  readonly raftTrace: string | null
  readonly dialMap: Readonly<Record<string, string>>
  readonly raft: RaftConfig
  readonly rpcHoldTimeoutMs: number
  readonly limits: ApiLimits
  /** Connections of other servers, from one address at a time. */
  readonly serverConnectionsPerClientMax: number
  /** Whether checks registered over the API may run commands. */
  readonly scriptChecks: boolean
  /** What the config files define of services and checks. */
  readonly definitions: Definitions
  /** 0: Prometheus is not served. */
  readonly prometheusRetentionMs: number
  /** Null: no gossip. */
  readonly gossip: AgentGossipConfig | null
}

export interface AgentGossipConfig {
  readonly port: number
  /** `host:port` for other members. */
  readonly advertise: string
  readonly retryJoin: readonly string[]
  readonly retryJoinIntervalMs: number
  readonly rejoinAfterLeave: boolean
  readonly config: GossipConfig
}

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error'

const serverPortDefault = 8300
/** Consul's way to say that a port is not opened at all. */
const portOff = -1

/** Flags over files, later files over earlier ones, defaults under all; then relations are checked. Throws UsageError. */
export function resolveAgentConfig(flags: AgentFlags): AgentConfig {
  const paths = [...flags.configFile ?? [], ...(flags.configDir ?? []).flatMap(agentFilesIn)]
  const files = paths.map(readAgentFile)
  const file = files.reduce(merge, {})
  const scriptChecks = flags.enableScriptChecks ?? file.enable_script_checks ?? false
  const isServer = flags.server ?? file.server ?? false
  const dataDirectory = flags.dataDir ?? file.data_dir
  if (dataDirectory === undefined) throw new UsageError(`-data-dir is missing: where ${isServer ? 'a server keeps its log' : 'an agent keeps its services'}.`)
  const bindHost = flags.bind ?? file.bind_addr ?? '127.0.0.1'
  const advertiseHost = flags.advertise ?? file.advertise_addr ?? bindHost
  if (advertiseHost === '0.0.0.0' || advertiseHost === '::') {
    throw new UsageError(`Other servers cannot reach ${advertiseHost}: give -advertise with this machine's own address, or a -bind that is one.`)
  }
  const serverPort = checkPort('-server-port', flags.serverPort ?? file.ports?.server ?? serverPortDefault)
  const bootstrap = flags.bootstrap ?? file.bootstrap ?? false
  const bootstrapExpect = flags.bootstrapExpect ?? file.bootstrap_expect ?? (bootstrap ? 1 : 0)
  if (bootstrap && bootstrapExpect !== 1) throw new UsageError('-bootstrap and -bootstrap-expect cannot both be given.')
  const gossipPort = flags.serfLanPort ?? file.ports?.serf_lan ?? gossipPortDefault
  const gossips = gossipPort !== portOff
  if (!isServer && !gossips) throw new UsageError('A client agent finds its servers by gossip: it cannot be without -serf-lan-port.')
  if (!isServer && bootstrapExpect > 0) throw new UsageError('-bootstrap and -bootstrap-expect are for servers: give -server.')
  const retryJoin = flags.retryJoin ?? file.retry_join ?? []
  return {
    name: checkName(flags.node ?? file.node_name ?? hostname()),
    nodeId: flags.nodeId ?? file.node_id ?? null,
    datacenter: flags.datacenter ?? file.datacenter ?? 'dc1',
    isServer,
    nodeMeta: nodeMeta(flags, file),
    autopilot: autopilotConfig(file),
    // Consul's defaults: to stop a server is no reason to shrink the quorum.
    leaveOn: { SIGINT: !(file.skip_leave_on_interrupt ?? isServer), SIGTERM: file.leave_on_terminate ?? !isServer },
    bootstrapExpect,
    bindHost,
    clientHost: file.addresses?.http ?? flags.client ?? file.client_addr ?? '127.0.0.1',
    advertise: formatAddress(advertiseHost, serverPort),
    serverPort,
    httpPort: checkPort('-http-port', flags.httpPort ?? file.ports?.http ?? 8500),
    dns: dnsConfig(flags, file),
    dataDirectory,
    // With gossip, as in Consul, these are gossip addresses; servers are found through it.
    retryJoin: gossips ? [] : retryJoin.map((address) => joinAddress(address, serverPortDefault)),
    logLevel: logLevel(flags.logLevel ?? file.log_level ?? 'info'),
    pidFile: flags.pidFile ?? file.pid_file ?? null,
    raftTrace: flags.raftTrace ?? null,
    dialMap: file.dial_map ?? {},
    raft: raftConfig(file),
    scriptChecks,
    definitions: readDefinitions(files, scriptChecks || (file.enable_local_script_checks ?? false)),
    rpcHoldTimeoutMs: durationMs(file.performance?.rpc_hold_timeout ?? '7s'),
    limits: apiLimits(file.limits),
    serverConnectionsPerClientMax: serverConnectionsMax(file.limits),
    prometheusRetentionMs: durationMs(file.telemetry?.prometheus_retention_time ?? '0s'),
    gossip: !gossips ? null : {
      port: checkPort('-serf-lan-port', gossipPort),
      advertise: formatAddress(advertiseHost, gossipPort),
      retryJoin: retryJoin.map((address) => joinAddress(address, gossipPortDefault)),
      retryJoinIntervalMs: durationMs(flags.retryInterval ?? file.retry_interval ?? '30s'),
      rejoinAfterLeave: flags.rejoin ?? file.rejoin_after_leave ?? false,
      config: gossipConfig(file),
    },
  }
}

function merge(earlier: AgentFile, later: AgentFile): AgentFile {
  return {
    ...earlier, ...later,
    node_meta: { ...earlier.node_meta, ...later.node_meta },
    autopilot: { ...earlier.autopilot, ...later.autopilot },
    addresses: { ...earlier.addresses, ...later.addresses },
    ports: { ...earlier.ports, ...later.ports },
    dns_config: { ...earlier.dns_config, ...later.dns_config },
    performance: { ...earlier.performance, ...later.performance },
    telemetry: { ...earlier.telemetry, ...later.telemetry },
    limits: { ...earlier.limits, ...later.limits },
    raft: { ...earlier.raft, ...later.raft },
    gossip_lan: { ...earlier.gossip_lan, ...later.gossip_lan },
    dial_map: { ...earlier.dial_map, ...later.dial_map },
  }
}

function autopilotConfig({ autopilot: keys = {} }: AgentFile): AutopilotConfig {
  const ns = (text: string | undefined, otherwise: number) => text === undefined ? otherwise : durationMs(text) * 1e6
  return {
    cleanupDeadServers: keys.cleanup_dead_servers ?? autopilotDefaults.cleanupDeadServers,
    lastContactThresholdNs: ns(keys.last_contact_threshold, autopilotDefaults.lastContactThresholdNs),
    maxTrailingLogs: keys.max_trailing_logs ?? autopilotDefaults.maxTrailingLogs,
    minQuorum: keys.min_quorum ?? autopilotDefaults.minQuorum,
    serverStabilizationTimeNs: ns(keys.server_stabilization_time, autopilotDefaults.serverStabilizationTimeNs),
  }
}

const metaPairsMax = 64

/** Flags over files. Throws UsageError, in Consul's words where it has some, for what it does not take. */
function nodeMeta(flags: AgentFlags, file: AgentFile): Record<string, string> {
  const given = (flags.nodeMeta ?? []).map((pair) => {
    const colon = pair.indexOf(':')
    return colon < 0 ? [pair, ''] as const : [pair.slice(0, colon), pair.slice(colon + 1)] as const
  })
  const meta: Record<string, string> = { ...file.node_meta, ...Object.fromEntries(given) }
  const pairs = Object.entries(meta)
  if (pairs.length > metaPairsMax) throw new UsageError(`-node-meta: Node metadata cannot contain more than ${metaPairsMax} key/value pairs.`)
  for (const [key, value] of pairs) {
    const problem = key === '' ? 'Key cannot be blank' : !/^[A-Za-z0-9_-]+$/.test(key) ? 'Key contains invalid characters'
      : key.length > 128 ? 'Key is too long (limit: 128 characters)' : key.startsWith('consul-') ? 'Key prefix \'consul-\' is reserved for internal use'
        : value.length > 512 ? 'Value is too long (limit: 512 characters)' : null
    if (problem !== null) throw new UsageError(`-node-meta: Couldn't load metadata pair ('${key}', '${value}'): ${problem}.`)
  }
  return meta
}

function dnsConfig(flags: AgentFlags, file: AgentFile): AgentConfig['dns'] {
  const given = flags.dnsPort ?? file.ports?.dns
  if (given === -1) return 'off'
  return {
    port: checkPort('-dns-port', given ?? 8600), given: given !== undefined,
    domain: (flags.domain ?? file.domain ?? 'consul').toLowerCase().replace(/\.$/, ''),
    onlyPassing: file.dns_config?.only_passing ?? false, markTruncated: file.dns_config?.enable_truncate ?? false,
  }
}

/** Raft's timing and flow control: `raft` keys over the defaults, times stretched by `raft_multiplier`. */
export function raftConfig(file: Pick<AgentFile, 'raft' | 'performance' | 'raft_snapshot_threshold' | 'raft_trailing_logs'>): RaftConfig {
  const { raft = {}, performance = {} } = file
  const factor = performance.raft_multiplier ?? 1
  const electionTimeoutMs = raft.election_timeout_ms ?? defaultRaftConfig.electionTimeoutMs * factor
  const config: RaftConfig = {
    electionTimeoutMs,
    // What is not given keeps its proportion to the election timeout.
    heartbeatIntervalMs: raft.heartbeat_interval_ms ?? electionTimeoutMs * defaultRaftConfig.heartbeatIntervalMs / defaultRaftConfig.electionTimeoutMs,
    leaseMs: raft.lease_ms ?? electionTimeoutMs * defaultRaftConfig.leaseMs / defaultRaftConfig.electionTimeoutMs,
    appendEntriesMax: raft.append_entries_max ?? defaultRaftConfig.appendEntriesMax,
    appendBytesMax: raft.append_bytes_max ?? defaultRaftConfig.appendBytesMax,
    inflightAppendsMax: raft.inflight_appends_max ?? defaultRaftConfig.inflightAppendsMax,
    snapshotEntries: file.raft_snapshot_threshold ?? defaultRaftConfig.snapshotEntries,
    snapshotBytes: raft.snapshot_bytes ?? defaultRaftConfig.snapshotBytes,
    trailingEntries: file.raft_trailing_logs ?? defaultRaftConfig.trailingEntries,
    snapshotChunkBytes: raft.snapshot_chunk_bytes ?? defaultRaftConfig.snapshotChunkBytes,
    snapshotChunksInflightMax: raft.snapshot_chunks_inflight_max ?? defaultRaftConfig.snapshotChunksInflightMax,
  }
  try {
    return resolveRaftConfig(config)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    // It speaks of the fields of RaftConfig; here they are keys of a file.
    const said = Object.keys(config).reduce((text, field) => text.replaceAll(field, snakeCase(field)), error.message)
    throw new UsageError(`The keys of raft, with performance.raft_multiplier, do not fit together: ${said}.`)
  }
}

/** Consul's `gossip_lan` over the profile for one data centre. */
function gossipConfig({ gossip_lan: keys = {} }: AgentFile): GossipConfig {
  const given = {
    gossipIntervalMs: keys.gossip_interval === undefined ? undefined : durationMs(keys.gossip_interval),
    gossipNodes: keys.gossip_nodes,
    probeIntervalMs: keys.probe_interval === undefined ? undefined : durationMs(keys.probe_interval),
    probeTimeoutMs: keys.probe_timeout === undefined ? undefined : durationMs(keys.probe_timeout),
    retransmitMult: keys.retransmit_mult,
    suspicionMult: keys.suspicion_mult,
  }
  try {
    return resolveGossipConfig(Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)))
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new UsageError(`The keys of gossip_lan do not fit together: ${error.message.replaceAll(/[a-z]+(?:[A-Z][a-z]+)+/g, (field) => snakeCase(field.replace(/Ms$/, '')))}.`)
  }
}

const snakeCase = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

/** A host without a port means the usual one. */
function joinAddress(text: string, port: number): string {
  if (parseAddress(text) !== null) return text
  const address = formatAddress(text, port)
  if (parseAddress(address) === null || (text.includes(':') && !isIPv6(text))) throw new UsageError(`-retry-join ${text} is neither a host nor host:port.`)
  return address
}

function checkPort(flag: string, value: number): number {
  if (value > 65535) throw new UsageError(`${flag} ${value} is above 65535.`)
  return value
}

function checkName(name: string): string {
  if (name.length > 128 || !/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)) {
    throw new UsageError(`-node ${JSON.stringify(name)} is no usable name: letters, digits, dots, dashes and underscores, at most 128.`)
  }
  return name
}

function logLevel(text: string): LogLevel {
  const level = text.toLowerCase()
  if (level === 'err') return 'error'
  if (level === 'trace' || level === 'debug' || level === 'info' || level === 'warn' || level === 'error') return level
  throw new UsageError(`-log-level ${text} is unknown; there are trace, debug, info, warn and err.`)
}

const unitMs: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

function durationMs(text: string): number {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text) ?? []
  if (amount === undefined || unit === undefined) throw new UsageError(`${JSON.stringify(text)} is no duration; write 500ms, 7s or 1m.`)
  return Number(amount) * unitMs[unit]!
}
