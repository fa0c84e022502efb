import { portsOf, type Deployment } from './deployment.ts'
import type { Environment, EnvironmentKind, Traffic } from './environment.ts'

/** The capabilities of an environment with what they can tell apart, without an environment: for the documentation. */
export type CarriedFaults = {
  readonly [Name in CapabilityName]?: Described<NonNullable<Environment[Name]>>
}

type CapabilityName = 'cutLinks' | 'cutClients' | 'disturbLinks' | 'firewall' | 'kill' | 'pause' | 'skewClock' | 'troubleDisk' | 'damageFiles' | 'limitResources' | 'spareMembers'

/** Lists stay, methods become `true`. */
type Described<Capability> = { readonly [Key in keyof Capability]?: Capability[Key] extends readonly string[] | undefined ? readonly string[] : true }

const disturbances = ['loss', 'delay', 'duplicate', 'reorder', 'corrupt', 'bandwidth', 'mtu']
const traffics = ['all', 'raft', 'gossip']
const everySkew = { kinds: ['jump', 'strobe', 'drift'], clocks: ['wall', 'all'] }
const everyTrouble = { kinds: ['full', 'slow', 'read-only'] }
const wholeKill = { kill: true, restart: true, terminate: true, cutPower: true, restartEmpty: true } as const

/** What each carries where the machine has all that it needs. Tests hold it against real environments. */
export const carriedFaults: Readonly<Record<EnvironmentKind, CarriedFaults>> = {
  simulated: {
    cutLinks: { traffics }, cutClients: {}, disturbLinks: { kinds: disturbances, traffics, disturbClients: true }, firewall: {},
    kill: wholeKill, pause: {}, skewClock: everySkew, troubleDisk: everyTrouble, damageFiles: {},
    limitResources: { kinds: ['cpu', 'memory', 'files'] }, spareMembers: { spares: ['n4', 'n5'] },
  },
  local: {
    // TCP's reader never sees duplicates, nor what comes out of order: without root there is nobody below it.
    cutLinks: { traffics }, cutClients: {}, disturbLinks: { kinds: disturbances, traffics, datagramKinds: ['duplicate', 'reorder'], disturbClients: true }, firewall: {},
    kill: wholeKill, pause: {}, skewClock: everySkew, troubleDisk: everyTrouble, damageFiles: {},
    limitResources: { kinds: ['cpu', 'memory', 'files'] }, spareMembers: { spares: ['n4', 'n5'] },
  },
  docker: {
    cutLinks: { traffics }, cutClients: {}, disturbLinks: { kinds: disturbances, traffics, disturbClients: true }, firewall: {},
    kill: wholeKill, pause: {}, skewClock: everySkew, troubleDisk: everyTrouble, damageFiles: {},
    limitResources: { kinds: ['cpu', 'memory', 'files'] }, spareMembers: { spares: ['n4', 'n5'] },
  },
}

/** The same for members of another system: what it has no conversation for cannot be broken on its own. */
export function carriedOf(kind: EnvironmentKind, deployment: Deployment | undefined): CarriedFaults {
  const carried = carriedFaults[kind]
  if (deployment === undefined) return carried
  const traffics = (all: readonly string[] | undefined) => (all ?? []).filter((traffic) => portsOf(traffic as Traffic, deployment.ports) !== undefined)
  return {
    ...carried,
    ...carried.cutLinks && { cutLinks: { ...carried.cutLinks, traffics: traffics(carried.cutLinks.traffics) } },
    ...carried.disturbLinks && { disturbLinks: { ...carried.disturbLinks, traffics: traffics(carried.disturbLinks.traffics) } },
  }
}

/** An environment that can be asked what it has, and nothing else. Every one delays all links. */
export function standIn(kind: EnvironmentKind, deployment: Deployment | undefined, members: readonly string[] = ['n1', 'n2', 'n3'], spares: readonly string[] = ['n4', 'n5']): Environment {
  return { kind, members, shapeLinks: {}, ...carriedOf(kind, deployment), spareMembers: { spares } } as unknown as Environment
}

/** The same shape, of an environment that exists; methods that only mend or start are left out. */
export function describeCarried(environment: Environment): CarriedFaults {
  const { cutLinks, cutClients, disturbLinks, firewall, kill, pause, skewClock, troubleDisk, damageFiles, limitResources, spareMembers } = environment
  const sorted = (items: readonly string[]) => [...items].sort()
  return {
    ...cutLinks && { cutLinks: cutLinks.traffics === undefined ? {} : { traffics: sorted(cutLinks.traffics) } },
    ...cutClients && { cutClients: {} },
    ...disturbLinks && { disturbLinks: {
      kinds: sorted(disturbLinks.kinds), traffics: sorted(disturbLinks.traffics),
      ...disturbLinks.datagramKinds && { datagramKinds: sorted(disturbLinks.datagramKinds) },
      ...disturbLinks.disturbClients && { disturbClients: true },
    } },
    ...firewall && { firewall: {} },
    ...kill && { kill: Object.fromEntries((['kill', 'restart', 'terminate', 'cutPower', 'restartEmpty'] as const).filter((name) => kill[name] !== undefined).map((name) => [name, true])) },
    ...pause && { pause: {} },
    ...skewClock && { skewClock: { kinds: sorted(skewClock.kinds), clocks: sorted(skewClock.clocks) } },
    ...troubleDisk && { troubleDisk: { kinds: sorted(troubleDisk.kinds) } },
    ...damageFiles && { damageFiles: {} },
    ...limitResources && { limitResources: { kinds: sorted(limitResources.kinds) } },
    ...spareMembers && { spareMembers: { spares: sorted(spareMembers.spares) } },
  }
}
