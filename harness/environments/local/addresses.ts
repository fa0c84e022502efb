/**
 * Addresses on loopback for one run's members. Where the whole of 127.0.0.0/8 is
 * loopback (Linux), a run takes a /24 of its own, so that each member has its
 * own address and the usual ports, as on a network. Elsewhere, or where another
 * program holds those ports on every address, it takes a block of ports on
 * 127.0.0.1. A listening socket is the claim: the kernel gives it to one run
 * only, and takes it back when the run dies in whatever way.
 */
import { randomInt } from 'node:crypto'
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
/** Host numbers of a run's /24: members count from 1. */
const proxyHostNumber = 254
const claimPort = 8299
const attemptsMax = 30

/** Below the ports that systems give to outgoing connections (from 32768 on Linux, 49152 elsewhere). */
const blockPortMin = 20_000
const blockPortMax = 32_000
const blockPorts = 100

/**
 * @param ownPrefix false: as where there is no /8 of loopback
 * Rejects with a sentence when no addresses are to be had.
 */
export async function claimAddresses(memberCount: number, ownPrefix = true): Promise<AddressClaim> {
  const names = Array.from({ length: memberCount }, (_, i) => `n${i + 1}`)
  let cause: unknown
  for (let attempt = 0; ownPrefix && attempt < attemptsMax; attempt++) {
    // 127.0.x.y and 127.1.x.y are in use by hand here and there.
    const prefix = `127.${randomInt(16, 240)}.${randomInt(0, 256)}`
    const proxyHost = `${prefix}.${proxyHostNumber}`
    const members = names.map((name, i) => ({ name, host: `${prefix}.${i + 1}`, serverPort, gossipPort, httpPort }))
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
    const members = names.map((name, i) => ({ name, host, serverPort: base + 1 + 3 * i, gossipPort: base + 2 + 3 * i, httpPort: base + 3 + 3 * i }))
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
      for (const used of [member.serverPort, member.gossipPort, member.httpPort]) (await listen(member.host, used)).close()
    }
  } catch (error) {
    claimed.close()
    throw error
  }
  claimed.unref()
  return { ...addresses, [Symbol.dispose]: () => { claimed.close() } }
}

async function listen(host: string, port: number): Promise<Server> {
  const server = createServer((socket) => socket.destroy())
  server.listen({ host, port, exclusive: true })
  await once(server, 'listening')
  return server
}
