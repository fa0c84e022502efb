import { invariant } from '../base/assert.ts'
import type { Configuration, MemberId, Server } from './entry.ts'

/**
 * The bytes of a configuration entry: JSON, voters in order of id, keys in a
 * fixed order, so that the same members give the same bytes wherever and in
 * whatever order they were discovered. `bootstrap` relies on that.
 */
export function encodeConfiguration(configuration: Configuration): Uint8Array {
  const plain = (servers: readonly Server[]) => sortedVoters(servers).map(({ id, name, address }) => ({ id, name, address }))
  const voters = plain(configuration.voters)
  const nonVoters = plain(configuration.nonVoters ?? [])
  checkVoters(voters, nonVoters)
  return new TextEncoder().encode(JSON.stringify(nonVoters.length === 0 ? { voters } : { voters, nonVoters }))
}

/** The inverse. Entries come checksummed from disk or through `parseMessage`, so bad bytes are a bug: throws InvariantError. */
export function decodeConfiguration(data: Uint8Array): Configuration {
  const parsed = parseServers(data)
  invariant(parsed !== null, () => `not a configuration: ${new TextDecoder().decode(data.subarray(0, 200))}`)
  const { voters, nonVoters } = parsed
  checkVoters(voters, nonVoters)
  return nonVoters.length === 0 ? { voters: sortedVoters(voters) } : { voters: sortedVoters(voters), nonVoters: sortedVoters(nonVoters) }
}

/** Whether `decodeConfiguration` would take these bytes. */
export function isConfiguration(data: Uint8Array): boolean {
  const parsed = parseServers(data)
  if (parsed === null || parsed.voters.length === 0) return false
  const servers = [...parsed.voters, ...parsed.nonVoters]
  return new Set(servers.map((server) => server.id)).size === servers.length
}

/** Null if the bytes are not JSON or hold no list of servers. */
function parseServers(data: Uint8Array): { voters: Server[], nonVoters: Server[] } | null {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder().decode(data))
  } catch {
    return null
  }
  const { voters, nonVoters = [] } = (value ?? {}) as { voters?: unknown, nonVoters?: unknown }
  const isList = (list: unknown): list is Server[] => Array.isArray(list) && list.every(isServer)
  return isList(voters) && isList(nonVoters) ? { voters, nonVoters } : null
}

function sortedVoters(voters: readonly Server[]): Server[] {
  return [...voters].sort((a, b) => a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
}

function checkVoters(voters: readonly Server[], nonVoters: readonly Server[]): void {
  invariant(voters.length > 0, () => 'a configuration needs at least one voter')
  const ids = [...voters, ...nonVoters].map((server) => server.id)
  invariant(new Set(ids).size === ids.length, () => `a configuration names a voter twice: ${ids.join(', ')}`)
}

function isServer(value: unknown): value is Server {
  const server = value as Server | null
  return typeof server === 'object' && server !== null && typeof server.id === 'string' && server.id !== ''
    && typeof server.name === 'string' && typeof server.address === 'string'
}

const noConfiguration: Configuration = { voters: [] }

/**
 * The configurations in a log, newest last. One takes effect when it is
 * appended, committed or not, and stops when it is cut off (thesis §4.1).
 */
export class ConfigurationHistory {
  #steps: { readonly index: number, readonly configuration: Configuration }[] = []

  /** What counts now; no voters before the first. */
  get current(): Configuration {
    return this.#steps.length === 0 ? noConfiguration : this.#steps[this.#steps.length - 1]!.configuration
  }

  /** Of the entry that brought what counts now; 0 before the first. */
  get latestIndex(): number {
    return this.#steps[this.#steps.length - 1]?.index ?? 0
  }

  isVoter(id: MemberId): boolean {
    return this.current.voters.some((voter) => voter.id === id)
  }

  /** What counted at `index`, and the entry that brought it; index 0 without one. */
  at(index: number): { readonly index: number, readonly configuration: Configuration } {
    return this.#steps.findLast((step) => step.index <= index) ?? { index: 0, configuration: noConfiguration }
  }

  /** As the newest configuration that names it has it: a server that is being removed is no longer in the current one. */
  find(id: MemberId): Server | null {
    for (let at = this.#steps.length - 1; at >= 0; at--) {
      const { voters, nonVoters = [] } = this.#steps[at]!.configuration
      const server = voters.find((one) => one.id === id) ?? nonVoters.find((one) => one.id === id)
      if (server !== undefined) return server
    }
    return null
  }

  /** All that is known comes from a snapshot. */
  reset(index: number, configuration: Configuration): void {
    this.#steps = [{ index, configuration }]
  }

  append(index: number, data: Uint8Array): void {
    this.#steps.push({ index, configuration: decodeConfiguration(data) })
  }

  truncateFrom(index: number): void {
    while (this.#steps.length > 0 && this.#steps[this.#steps.length - 1]!.index >= index) this.#steps.pop()
  }
}
