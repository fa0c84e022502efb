/** How much a client may ask for (Consul's configuration, `limits`). */
export interface ApiLimits {
  /** Bytes of a value in `/v1/kv`, and of one in a transaction (`kv_max_value_size`). */
  readonly kvValueBytesMax: number
  /** Bytes of a body of `/v1/txn` (`txn_max_req_len`); the limit of one value counts where it is higher. */
  readonly txnBodyBytesMax: number
  /** Connections from one address at a time (`http_max_conns_per_client`). */
  readonly connectionsPerClientMax: number
}

export const valueBytesMax = 512 * 1024

/** Consul's defaults. */
export const defaultApiLimits: ApiLimits = { kvValueBytesMax: valueBytesMax, txnBodyBytesMax: valueBytesMax, connectionsPerClientMax: 200 }

const isTxn = (target: string) => /^\/v1\/txn(\?|$)/.test(target)

/** How large the body of a request may be. Consul bounds two routes; here, where nothing is unbounded, the others are too. */
export function bodyBytesMax(target: string, { kvValueBytesMax, txnBodyBytesMax }: ApiLimits): number {
  if (isTxn(target)) return Math.max(txnBodyBytesMax, kvValueBytesMax)
  return target.startsWith('/v1/kv/') ? kvValueBytesMax : Math.max(valueBytesMax, txnBodyBytesMax, kvValueBytesMax)
}

/** The setting that says how large. */
export function bodyLimitName(target: string): string {
  return isTxn(target) ? 'txn_max_req_len' : 'kv_max_value_size'
}
