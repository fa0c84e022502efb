import { type ApiLimits, defaultApiLimits } from '../api/limits.ts'
import { connectionsPerClientMaxDefault } from '../transport/tcp-transport.ts'
import type { AgentFile } from './config-file.ts'
import { UsageError } from './usage-error.ts'

/** A value goes whole into one entry of the log, and one entry into one frame. */
const valueBytesMaxMax = 16 * 1024 * 1024

/** Consul's `limits` for the HTTP API over its defaults. A maximum of 0 connections is none, as in Consul. Throws UsageError. */
export function apiLimits(keys: AgentFile['limits'] = {}): ApiLimits {
  return {
    kvValueBytesMax: sizeOf('kv_max_value_size', keys.kv_max_value_size ?? defaultApiLimits.kvValueBytesMax),
    txnBodyBytesMax: sizeOf('txn_max_req_len', keys.txn_max_req_len ?? defaultApiLimits.txnBodyBytesMax),
    connectionsPerClientMax: keys.http_max_conns_per_client === 0 ? Number.POSITIVE_INFINITY : keys.http_max_conns_per_client ?? defaultApiLimits.connectionsPerClientMax,
  }
}

export function serverConnectionsMax(keys: AgentFile['limits'] = {}): number {
  return keys.rpc_max_conns_per_client === 0 ? Number.POSITIVE_INFINITY : keys.rpc_max_conns_per_client ?? connectionsPerClientMaxDefault
}

function sizeOf(name: string, bytes: number): number {
  if (bytes > valueBytesMaxMax) throw new UsageError(`limits.${name} is ${bytes}, but at most ${valueBytesMaxMax} bytes fit into one entry of the log.`)
  return bytes
}
