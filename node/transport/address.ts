/** Splits `host:port` or `[v6]:port`; null if it is neither. */
export function parseAddress(address: string): { host: string, port: number } | null {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(address)
  const port = Number(match?.[3])
  if (match === null || port > 65_535) return null
  return { host: (match[1] ?? match[2])!, port }
}

export function formatAddress(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
