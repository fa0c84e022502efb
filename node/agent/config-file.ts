import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { UsageError } from './usage-error.ts'

const port = z.int().min(0).max(65535)
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
  log_level: z.string().min(1),
  pid_file: z.string().min(1),
  ports: z.strictObject({ http: port, server: port }).partial(),
  performance: z.strictObject({
    /** Multiplies all times of Raft, 1 to 10. */
    raft_multiplier: z.int().min(1).max(10),
    /** A duration, `7s`. */
    rpc_hold_timeout: z.string(),
  }).partial(),
  /** Addresses to dial in place of advertised ones, where a proxy or a tunnel stands between. */
  dial_map: z.record(z.string(), z.string()),
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
  const parsed = fileSchema.safeParse(value)
  if (parsed.success) return parsed.data
  throw new UsageError(`${path}: ${parsed.error.issues.map((issue) => `${issue.path.join('.') || 'the file'}: ${issue.message}`).join('; ')}.`)
}

/** The `.json` files of a folder, in order of name. */
export function agentFilesIn(directory: string): string[] {
  try {
    return readdirSync(directory).filter((name) => name.endsWith('.json')).sort().map((name) => join(directory, name))
  } catch (error) {
    throw new UsageError(`-config-dir ${directory} cannot be read: ${(error as Error).message}.`)
  }
}
