import type { Impact, Layer } from './nemesis.ts'
import { majorityOf } from './targets.ts'

/**
 * Which faults may be on at once. Links may be broken under anything: their
 * probes need no living member. All else is proven by asking the member, or
 * needs its process, its disk or its place in the cluster; two of those on the
 * same member would hide each other, or make it impossible to come back (a
 * restart on a full disk). What is named here has been thought through.
 */
const compatible: readonly (readonly [Layer, Layer])[] = [
  // Neither a probe of the clock nor a service's registration needs the other whole.
  ['clock', 'resources'],
  ['clock', 'registry'],
]

/** Why this fault cannot begin now, or null. */
export function conflict(wanted: Impact, running: readonly Impact[], memberCount: number): string | null {
  for (const other of running) {
    const links = (wanted.links ?? []).filter((link) => other.links?.includes(link))
    if (links.length > 0 && !(isCut(wanted) && isCut(other))) return `${links.join(', ')}: something else is done there already`
    if (mayShare(wanted.layer, other.layer)) continue
    const shared = wanted.members.filter((member) => other.members.includes(member))
    if (shared.length > 0) return `${shared.join(', ')}: ${other.layer} is broken there already`
  }
  return destroysTooMuch(wanted, running, memberCount)
}

/** Cuts hold a link together, each until it is healed; what else is done to a link is measured on it, alone. */
const isCut = ({ cut }: Impact) => cut === true

/** Layers in which a member's data, or its vote, is gone until it has been taken in again. */
const costsData = (layer: Layer) => layer === 'data' || layer === 'membership'

/**
 * Data of a minority may be gone at once, and a member that lost it counts
 * until it has caught up as a new one: beyond that acknowledged writes are
 * gone for good, and no system could be blamed. One fault that by itself takes
 * more was asked for by name, and alone it may.
 */
function destroysTooMuch(wanted: Impact, running: readonly Impact[], memberCount: number): string | null {
  if (!costsData(wanted.layer)) return null
  const gone = running.filter((impact) => costsData(impact.layer))
  if (gone.length === 0) return null
  const members = new Set([...wanted.members, ...gone.flatMap((impact) => impact.members)])
  const most = memberCount - majorityOf(memberCount)
  return members.size > most ? `the data of ${members.size} of ${memberCount} members would be gone at once` : null
}

function mayShare(a: Layer, b: Layer): boolean {
  if (a === 'links' || b === 'links') return true
  return compatible.some(([one, other]) => (one === a && other === b) || (one === b && other === a))
}
