/** Names of the registry's zone, and what they ask for (Consul's documentation, "DNS interface"). */

export type DnsSubject =
  /** Of another zone. */
  | { readonly kind: 'foreign' }
  /** The zone itself. */
  | { readonly kind: 'apex' }
  | { readonly kind: 'node', readonly name: string }
  /** `tag` null: any. */
  | { readonly kind: 'service', readonly name: string, readonly tag: string | null }
  /** `0a000001.addr.consul`; null: no address. */
  | { readonly kind: 'address', readonly address: string | null }
  /** `1.0.0.10.in-addr.arpa`; null: no address. */
  | { readonly kind: 'reverse', readonly address: string | null }
  /** In the zone, and nothing. */
  | { readonly kind: 'nothing' }

const nothing = { kind: 'nothing' } as const

/** `name` without the dot at its end; `domain` too, in lower case. */
export function parseDnsName(name: string, domain: string, datacenter: string): DnsSubject {
  const lower = name.toLowerCase()
  if (lower.endsWith('.in-addr.arpa') || lower.endsWith('.ip6.arpa')) return { kind: 'reverse', address: reverseAddress(lower) }
  if (lower === domain) return { kind: 'apex' }
  if (!lower.endsWith(`.${domain}`)) return { kind: 'foreign' }
  const labels = lower.slice(0, -domain.length - 1).split('.')
  if (!isKeyword(labels.at(-1))) {
    if (labels.pop() !== datacenter.toLowerCase() || !isKeyword(labels.at(-1))) return nothing
  }
  const keyword = labels.pop()
  if (labels.length === 0) return nothing
  switch (keyword) {
    case 'node': return { kind: 'node', name: labels.join('.') }
    case 'addr': return { kind: 'address', address: labels.length === 1 ? hexAddress(labels[0]!) : null }
    default: return serviceSubject(labels)
  }
}

function isKeyword(label: string | undefined): boolean {
  return label === 'node' || label === 'service' || label === 'addr'
}

/** `[tag.]name`, or `_name._tag` where `_tcp` is any tag (RFC 2782). */
function serviceSubject(labels: readonly string[]): DnsSubject {
  const [first, second] = labels
  if (labels.length === 2 && first!.startsWith('_') && second!.startsWith('_')) {
    return { kind: 'service', name: first!.slice(1), tag: second === '_tcp' ? null : second!.slice(1) }
  }
  return { kind: 'service', name: labels.at(-1)!, tag: labels.length === 1 ? null : labels.slice(0, -1).join('.') }
}

function hexAddress(hex: string): string | null {
  if (/^[0-9a-f]{8}$/.test(hex)) return hex.match(/../g)!.map((byte) => Number.parseInt(byte, 16)).join('.')
  return /^[0-9a-f]{32}$/.test(hex) ? canonicalIPv6(hex.match(/.{4}/g)!.join(':')) : null
}

function reverseAddress(name: string): string | null {
  const labels = name.replace(/\.(in-addr|ip6)\.arpa$/, '').split('.').reverse()
  if (name.endsWith('.in-addr.arpa')) return labels.length === 4 && labels.every((byte) => /^\d{1,3}$/.test(byte) && Number(byte) <= 255) ? labels.join('.') : null
  return labels.length === 32 && labels.every((nibble) => /^[0-9a-f]$/.test(nibble)) ? canonicalIPv6(labels.join('').match(/.{4}/g)!.join(':')) : null
}

/** One way to write each address, so that texts can be compared (RFC 5952). `address` must be one. */
export function canonicalIPv6(address: string): string {
  return new URL(`http://[${address}]`).hostname.slice(1, -1)
}

/** The label that stands for an IP address under `addr`. */
export function hexOfIPv4(address: string): string {
  return address.split('.').map((byte) => Number(byte).toString(16).padStart(2, '0')).join('')
}

export function hexOfIPv6(address: string): string {
  const [head = '', tail] = canonicalIPv6(address).split('::')
  const groups = (text: string) => text === '' ? [] : text.split(':')
  const [before, after] = [groups(head), groups(tail ?? '')]
  const zeros = Array.from({ length: tail === undefined ? 0 : 8 - before.length - after.length }, () => '0')
  return [...before, ...zeros, ...after].map((group) => group.padStart(4, '0')).join('')
}

/** Whether the wire can carry it: labels of 1 to 63 bytes, 255 in all (RFC 1035 §2.3.4). */
export function isWireName(name: string): boolean {
  return Buffer.byteLength(name) <= 253 && name.split('.').every((label) => label !== '' && Buffer.byteLength(label) <= 63)
}
