import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import type { Endpoint } from './tcp-relay.ts'

const established = '01'

/**
 * Of these endpoints, those that some other process than this one has dialled
 * itself: a member that goes round its proxies cannot be cut off. Null where the
 * system does not tell (only Linux does, in /proc).
 */
export function directlyDialled(endpoints: readonly Endpoint[]): Endpoint[] | null {
  let rows: string[]
  let own: Set<string>
  try {
    rows = readFileSync('/proc/self/net/tcp', 'latin1').split('\n').slice(1)
    own = new Set(ownSockets())
  } catch {
    return null
  }
  const foreign = new Set<string>()
  for (const row of rows) {
    // sl, local address, remote address, state, queues, timer, retransmits, user, timeout, inode. The dialling side has the endpoint as remote.
    const [, , remote, state, , , , , , inode] = row.trim().split(/\s+/)
    if (remote !== undefined && inode !== undefined && state === established && inode !== '0' && !own.has(inode)) foreign.add(remote)
  }
  return endpoints.filter((endpoint) => foreign.has(kernelText(endpoint)))
}

/** Inodes of this process's sockets. */
function ownSockets(): string[] {
  return readdirSync('/proc/self/fd').flatMap((descriptor) => {
    try {
      return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${descriptor}`))?.[1] ?? []
    } catch {
      return [] // closed since it was listed
    }
  })
}

/** `127.0.0.1:8300` as the kernel prints it: the address as a word of the machine's byte order, `0100007F:206C`. */
function kernelText({ host, port }: Endpoint): string {
  const bytes = host.split('.').map(Number)
  const inOrder = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? bytes.reverse() : bytes
  const hex = (value: number, digits: number) => value.toString(16).toUpperCase().padStart(digits, '0')
  return `${inOrder.map((byte) => hex(byte, 2)).join('')}:${hex(port, 4)}`
}
