import type { Random } from '../../../node/base/random.ts'
import type { SystemPorts } from '../deployment.ts'
import type { Environment } from '../environment.ts'
import { messageOf } from './engine.ts'
import { LinkCutter } from './link-cutter.ts'
import { LinkDisturber } from './link-disturber.ts'
import type { LinkHolds } from './link-holds.ts'
import { MemberFirewall } from './member-firewall.ts'
import type { NamespaceContainer } from './namespace-container.ts'

export type NetworkFaults = Pick<Environment, 'cutLinks' | 'cutClients' | 'disturbLinks' | 'shapeLinks' | 'firewall'>

/**
 * What can be done to the network between these namespaces, each tried before
 * it is offered; what cannot is said, with the reason.
 */
export async function prepareNetworkFaults(
  namespaces: ReadonlyMap<string, NamespaceContainer>, holds: LinkHolds, random: Random, ports: SystemPorts, say: (line: string) => void,
): Promise<NetworkFaults> {
  const unavailable = [...namespaces.values()].find(({ linksUnavailable }) => linksUnavailable !== null)?.linksUnavailable
  if (unavailable !== undefined) {
    say(`links cannot be cut in these containers: ${unavailable}`)
    return {}
  }
  const all = [...namespaces].map(([member, { address, baseUrl, direct, shell, agent }]) => ({ member, address, baseUrl, direct, agent, run: (script: string) => shell.run(script) }))
  const cutLinks = new LinkCutter(all, holds, undefined, ports)
  await cutLinks.prepare()
  const firewall = new MemberFirewall(all, holds, ports)
  const disturbLinks = await LinkDisturber.prepare(all, holds, (count) => random.between(0, count), ports).catch((error: unknown) => {
    say(`packets cannot be disturbed in these containers: ${messageOf(error)}`)
    return null
  })
  if (disturbLinks === null) return { cutLinks, cutClients: firewall, firewall }
  for (const [feature, reason] of Object.entries(disturbLinks.missing)) {
    if (reason !== null) say(`some packet faults do not work in these containers: ${feature}: ${reason}`)
  }
  return { cutLinks, cutClients: firewall, firewall, disturbLinks, ...disturbLinks.kinds.includes('delay') ? { shapeLinks: disturbLinks } : {} }
}
