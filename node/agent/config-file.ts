import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { isConsulOption, withoutAlreadySo } from './consul-options.ts'
import { UsageError } from './usage-error.ts'

const port = z.int().min(0).max(65535)
/** -1: none. */
const portOrNone = z.int().min(-1).max(65535)
const positive = z.number().positive()

/** Consul's keys that mean something here, and ours: `dial_map` and `raft`. */
const fileSchema = z.strictObject({
  server: z.boolean(),
  bootstrap: z.boolean(),
  bootstrap_expect: z.int().min(0),
  node_name: z.string().min(1),
  node_id: z.string().min(1),
  bind_addr: z.string().min(1),
  client_addr: z.string().min(1),
  advertise_addr: z.string().min(1),
  data_dir: z.string().min(1),
  datacenter: z.string().min(1),
  retry_join: z.array(z.string().min(1)),
  retry_interval: z.string().min(1),
  log_level: z.string().min(1),
  node_meta: z.record(z.string(), z.string()),
  /** Join the members known before also after a leave. */
  rejoin_after_leave: z.boolean(),
  /** Whether SIGTERM makes the member leave the cluster; default: a client agent does, a server does not. */
  leave_on_terminate: z.boolean(),
  /** Whether SIGINT does not; default: a server does not leave, a client agent does. */
  skip_leave_on_interrupt: z.boolean(),
  /** What autopilot goes by until somebody configures it over the API. */
  autopilot: z.strictObject({
    cleanup_dead_servers: z.boolean(),
    last_contact_threshold: z.string(),
    max_trailing_logs: z.int().min(0),
    min_quorum: z.int().min(0),
    server_stabilization_time: z.string(),
  }).partial(),
  enable_script_checks: z.boolean(),
  /** Scripts in definitions of these files only. */
  enable_local_script_checks: z.boolean(),
  /** Definitions as the API takes them; `definitions.ts` reads them. */
  service: z.unknown(),
  services: z.array(z.unknown()),
  check: z.unknown(),
  checks: z.array(z.unknown()),
  pid_file: z.string().min(1),
  /** Where the HTTP API listens, over client_addr. */
  addresses: z.strictObject({ http: z.string().min(1) }).partial(),
  ports: z.strictObject({ http: port, server: port, serf_lan: portOrNone, dns: portOrNone }).partial(),
  domain: z.string().min(1),
  dns_config: z.strictObject({
    /** Leave out instances with a warning too. */
    only_passing: z.boolean(),
    /** Set TC where answers were left out. */
    enable_truncate: z.boolean(),
  }).partial(),
  performance: z.strictObject({
    /** Multiplies all times of Raft, 1 to 10. */
    raft_multiplier: z.int().min(1).max(10),
    /** A duration, `7s`. */
    rpc_hold_timeout: z.string(),
  }).partial(),
  /** How much one client, or one server, may ask for. */
  limits: z.strictObject({
    http_max_conns_per_client: z.int().min(0),
    rpc_max_conns_per_client: z.int().min(0),
    kv_max_value_size: z.int().min(0),
    txn_max_req_len: z.int().min(0),
  }).partial(),
  telemetry: z.strictObject({
    /** A duration, `24h`: above 0, `/v1/agent/metrics?format=prometheus` is served. */
    prometheus_retention_time: z.string(),
  }).partial(),
  /** Addresses to dial in place of advertised ones, where a proxy or a tunnel stands between. */
  dial_map: z.record(z.string(), z.string()),
  /** Consul's keys for how fast gossip is; times are durations. */
  gossip_lan: z.strictObject({
    gossip_interval: z.string(),
    gossip_nodes: z.int().min(1),
    probe_interval: z.string(),
    probe_timeout: z.string(),
    retransmit_mult: z.int().min(1),
    suspicion_mult: z.int().min(1),
  }).partial(),
  /** Consul's names for when a snapshot is taken, and how much log stays behind it. */
  raft_snapshot_threshold: z.int().min(1),
  raft_trailing_logs: z.int().min(1),
  raft: z.strictObject({
    heartbeat_interval_ms: positive,
    election_timeout_ms: positive,
    lease_ms: positive,
    append_entries_max: z.int().min(1),
    append_bytes_max: z.int().min(1),
    inflight_appends_max: z.int().min(1),
    snapshot_bytes: z.int().min(1),
    snapshot_chunk_bytes: z.int().min(1),
    snapshot_chunks_inflight_max: z.int().min(1),
  }).partial(),
}).partial()

export type AgentFile = z.infer<typeof fileSchema>

/** One file, checked. Throws UsageError with the file's name. */
export function readAgentFile(path: string): AgentFile {
  let value: unknown
  try {
    value = JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    throw new UsageError(`${path} cannot be read as JSON: ${(error as Error).message}.`)
  }
  const asked = isObject(value) ? withoutAlreadySo(value, hasKey) : value
  const parsed = fileSchema.safeParse(asked)
  if (parsed.success) return parsed.data
  throw new UsageError(`${path}: ${parsed.error.issues.flatMap(problems).join('; ')}.`)
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null && !Array.isArray(value)

/** Whether the schema has a key, `ui` or `ports.dns`: then what it says is not for others to judge. */
function hasKey(path: string): boolean {
  const nothing = path.split('.').reduceRight<unknown>((inner, key) => ({ [key]: inner }), null)
  return !fileSchema.safeParse(nothing).error?.issues.some(({ code }) => code === 'unrecognized_keys')
}

/** One sentence's part for each key that is unknown, or wrong. */
function problems(issue: z.core.$ZodIssue): string[] {
  if (issue.code !== 'unrecognized_keys') return [`${issue.path.join('.') || 'the file'}: ${issue.message}`]
  return issue.keys.map((key) => {
    const option = [...issue.path, key].join('.')
    return isConsulOption(option) ? `${option} is an option of Consul that this member does not have` : `invalid config key ${option}`
  })
}

/** The `.json` files of a folder, in order of name. Throws UsageError also for `.hcl`, which Consul would read. */
export function agentFilesIn(directory: string): string[] {
  let names: string[]
  try {
    names = readdirSync(directory).sort()
  } catch (error) {
    throw new UsageError(`-config-dir ${directory} cannot be read: ${(error as Error).message}.`)
  }
  const hcl = names.find((name) => name.endsWith('.hcl'))
  if (hcl !== undefined) throw new UsageError(`${join(directory, hcl)} is HCL, and only JSON is read: write it as JSON, or move it away.`)
  return names.filter((name) => name.endsWith('.json')).map((name) => join(directory, name))
}
