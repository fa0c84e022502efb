/**
 * Addresses on loopback for one run's members. Where the whole of 127.0.0.0/8 is
 * loopback (Linux), a run takes a /24 of its own, so that each member has its
 * own address and the usual ports, as on a network. Elsewhere, or where another
 * program holds those ports on every address, it takes a block of ports on
 * 127.0.0.1. A listening socket is the claim: the kernel gives it to one run
 * only, and takes it back when the run dies in whatever way.
 */
import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { Server } from 'node:net'

export interface MemberAddress {
  readonly name: string
  readonly host: string
  /** Raft and what else members say to each other. Consul: "server". */
  readonly serverPort: number
  /** Of gossip, UDP and TCP. Consul: "serf_lan". */
  readonly gossipPort: number
  readonly httpPort: number
  /** UDP and TCP; null: it has no DNS. */
  readonly dnsPort: number | null
}

export interface AddressClaim extends Disposable {
  readonly members: readonly MemberAddress[]
  /** For proxies: their ports are any free ones. */
  readonly proxyHost: string
  /** The members have Consul's usual ports, each on an address of its own. */
  readonly usualPorts: boolean
}

const serverPort = 8300
const gossipPort = 8301
const httpPort = 8500
const dnsPort = 8600
/** Host numbers of a run's /24: members count from 1. */
const proxyHostNumber = 254
const claimPort = 8299
const attemptsMax = 30

/** Below the ports that systems give to outgoing connections (from 32768 on Linux, 49152 elsewhere). */
const blockPortMin = 20_000
const blockPortMax = 32_000
const blockPorts = 100
/** Of each member, whether it uses all of them or not. */
const portsEach = 4

/**
 * @param ownPrefix false: as where there is no /8 of loopback
 * @param dns whether members answer DNS: a resolver of the machine that holds its port is in the way of those only
 * Rejects with a sentence when no addresses are to be had.
 */
export async function claimAddresses(memberCount: number, { ownPrefix = true, dns = false }: { readonly ownPrefix?: boolean, readonly dns?: boolean } = {}): Promise<AddressClaim> {
  const names = Array.from({ length: memberCount }, (_, i) => `n${i + 1}`)
  let cause: unknown
  for (let attempt = 0; ownPrefix && attempt < attemptsMax; attempt++) {
    // 127.0.x.y and 127.1.x.y are in use by hand here and there.
    const prefix = `127.${randomInt(16, 240)}.${randomInt(0, 256)}`
    const proxyHost = `${prefix}.${proxyHostNumber}`
    const members = names.map((name, i) => ({ name, host: `${prefix}.${i + 1}`, serverPort, gossipPort, httpPort, dnsPort: dns ? dnsPort : null }))
    try {
      return await claim({ members, proxyHost, usualPorts: true }, proxyHost, claimPort)
    } catch (error) {
      cause = error
      if ((error as NodeJS.ErrnoException).code === 'EADDRNOTAVAIL') break // only 127.0.0.1 is loopback
    }
  }
  const host = '127.0.0.1'
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const base = blockPortMin + blockPorts * randomInt(0, (blockPortMax - blockPortMin) / blockPorts)
    const members = names.map((name, i) => {
      const first = base + 1 + portsEach * i
      return { name, host, serverPort: first, gossipPort: first + 1, httpPort: first + 2, dnsPort: dns ? first + 3 : null }
    })
    try {
      return await claim({ members, proxyHost: host, usualPorts: false }, host, base)
    } catch (error) {
      cause = error
    }
  }
  throw new Error(`No free addresses on loopback for ${memberCount} members, after ${attemptsMax} tries: ${cause instanceof Error ? cause.message : String(cause)}`)
}

async function claim(addresses: Omit<AddressClaim, typeof Symbol.dispose>, host: string, port: number): Promise<AddressClaim> {
  const claimed = await listen(host, port)
  try {
    for (const member of addresses.members) {
      for (const used of [member.serverPort, member.gossipPort, member.httpPort, ...member.dnsPort === null ? [] : [member.dnsPort]]) (await listen(member.host, used)).close()
      if (member.dnsPort !== null) await requireFreeForDatagrams(member.host, member.dnsPort)
    }
  } catch (error) {
    claimed.close()
    throw error
  }
  claimed.unref()
  return { ...addresses, [Symbol.dispose]: () => { claimed.close() } }
}

/** TCP may be free where UDP is not, and DNS is both. */
async function requireFreeForDatagrams(host: string, port: number): Promise<void> {
  const socket = createSocket('udp4')
  try {
    socket.bind({ address: host, port, exclusive: true })
    await once(socket, 'listening')
  } finally {
    socket.close()
  }
}

async function listen(host: string, port: number): Promise<Server> {
  const server = createServer((socket) => socket.destroy())
  server.listen({ host, port, exclusive: true })
  await once(server, 'listening')
  return server
}
