/**
 * `raft/peers.json`: an operator says which servers there are, after a majority
 * was lost for ever (Consul documentation, "Outage Recovery"). Both of Consul's
 * forms:
 *
 *     ["10.1.0.1:8300", …]
 *     [{"id": "<node id>", "address": "10.1.0.1:8300", "non_voter": false}, …]
 */
import type { Configuration, Server } from '../raft/entry.ts'
import { parseAddress } from '../transport/address.ts'

export const peersFileName = 'peers.json'

/** The file cannot be followed. Nothing was changed, the file is still there. */
export class PeersFileError extends Error {
  override readonly name = 'PeersFileError'

  /** `problem`: a sentence without its full stop. */
  constructor(problem: string) {
    super(`raft/${peersFileName} cannot be used: ${problem}. Nothing was changed. Correct the file, or remove it to start with the servers that this member knew.`)
  }
}

/**
 * What the file says. `known`: the servers of the configuration before, by
 * whom addresses without ids and names are told. Throws PeersFileError.
 */
export function parsePeers(text: string, known: readonly Server[], self: Server): Configuration {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new PeersFileError(`it is no JSON: ${(error as Error).message}`)
  }
  if (!Array.isArray(value)) throw new PeersFileError('it is no list')
  if (value.length === 0) throw new PeersFileError('it names no server')
  const peers = value.map((peer: unknown, i) => typeof peer === 'string' ? byAddress(peer, i, known, self) : byId(peer, i, known, self))
  for (const [i, { server }] of peers.entries()) {
    const twin = peers.findIndex((other) => other.server.id === server.id || other.server.address === server.address)
    if (twin !== i) throw new PeersFileError(`servers ${twin + 1} and ${i + 1} have the same id or address: ${server.id}, ${server.address}`)
  }
  const [voters, nonVoters] = [true, false].map((isVoter) => peers.filter((peer) => peer.isVoter === isVoter).map(({ server }) => server))
  if (voters!.length === 0) throw new PeersFileError('it names no voter, so that nobody could lead')
  if (!peers.some(({ server }) => server.id === self.id)) {
    throw new PeersFileError(`this server is not in it (id ${self.id}, address ${self.address}), and would never be heard`)
  }
  return nonVoters!.length === 0 ? { voters: voters! } : { voters: voters!, nonVoters: nonVoters! }
}

interface Peer {
  readonly server: Server
  readonly isVoter: boolean
}

function byAddress(address: string, i: number, known: readonly Server[], self: Server): Peer {
  checkAddress(address, i)
  const server = [self, ...known].find((one) => one.address === address)
  if (server === undefined) {
    throw new PeersFileError(`server ${i + 1}, ${address}, is none that this member knew (${known.map((one) => one.address).join(', ') || 'none'}); write {"id": …, "address": …} with its node id`)
  }
  return { server, isVoter: true }
}

function byId(peer: unknown, i: number, known: readonly Server[], self: Server): Peer {
  if (typeof peer !== 'object' || peer === null) throw new PeersFileError(`server ${i + 1} is neither an address nor an object`)
  const { id, address, non_voter: nonVoter = false } = peer as Record<string, unknown>
  if (typeof id !== 'string' || id === '') throw new PeersFileError(`server ${i + 1} has no id`)
  if (typeof address !== 'string') throw new PeersFileError(`server ${i + 1} has no address`)
  checkAddress(address, i)
  if (typeof nonVoter !== 'boolean') throw new PeersFileError(`non_voter of server ${i + 1} is neither true nor false`)
  const name = [self, ...known].find((one) => one.id === id)?.name ?? id
  return { server: { id, name, address }, isVoter: !nonVoter }
}

function checkAddress(address: string, i: number): void {
  if (parseAddress(address) === null) throw new PeersFileError(`the address ${JSON.stringify(address)} of server ${i + 1} is not host:port`)
}
