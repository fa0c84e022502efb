import type { FaultSpan } from './fault-times.ts'

/** What a fault means for gossip, as far as its promises hold while it is on. */
export type GossipImpact =
  /** Gossip does not feel it. */
  | { readonly kind: 'none' }
  /** These members say and hear nothing; all others are whole. */
  | { readonly kind: 'silent', readonly members: readonly string[] }
  /** These members and all others can say nothing to each other; both sides are whole in themselves. */
  | { readonly kind: 'apart', readonly members: readonly string[] }
  /** This member left by its own will, and is gone. */
  | { readonly kind: 'left', readonly members: readonly string[] }
  /** Anything may be slow, lost, or go one way only: nothing is promised. */
  | { readonly kind: 'disturbed' }

interface FaultValue {
  readonly members?: readonly string[]
  readonly links?: readonly string[]
  readonly traffic?: string
  readonly kind?: string
  readonly clocks?: string
}

const none: GossipImpact = { kind: 'none' }
const disturbed: GossipImpact = { kind: 'disturbed' }

/**
 * By the family's name and what was asked of it (`nemesis/`). A family that is
 * not known here disturbs: the checker then judges less, and never wrongly.
 */
export function gossipImpact({ name, value, observed }: Pick<FaultSpan, 'name' | 'value' | 'observed'>, all: readonly string[]): GossipImpact {
  const { members = [], links, traffic, kind, clocks } = (value ?? {}) as FaultValue
  // Neither what Raft says nor what clients say is gossip.
  if (traffic === 'raft' || traffic === 'clients') return none
  switch (name) {
    case 'kill':
    case 'terminate':
    case 'power':
    case 'pause': return { kind: 'silent', members }
    case 'partition': {
      const side = wholeCut(links ?? [], all)
      return side === null ? disturbed : { kind: 'apart', members: side }
    }
    // Gossip goes by the monotonic clock.
    case 'clock': return clocks === 'wall' ? none : disturbed
    case 'registry': return kind === 'agent-death' ? { kind: 'silent', members } : none
    case 'membership': {
      const left = Array.isArray(observed) && observed.length > 0 && observed.every((one) => typeof (one as { left?: unknown } | null)?.left === 'string')
      return kind === 'leave-rejoin' && left ? { kind: 'left', members } : disturbed
    }
    default: return disturbed
  }
}

/** The smaller side, where the links that are cut are exactly those between two sides, both ways; else null. */
function wholeCut(links: readonly string[], all: readonly string[]): readonly string[] | null {
  const cut = new Set(links)
  const [first] = all
  if (first === undefined) return null
  const near = all.filter((member) => member === first || !cut.has(`${first}>${member}`))
  const far = all.filter((member) => !near.includes(member))
  if (far.length === 0) return null
  const wanted = near.flatMap((a) => far.flatMap((b) => [`${a}>${b}`, `${b}>${a}`]))
  if (wanted.length !== cut.size || !wanted.every((link) => cut.has(link))) return null
  return far.length < near.length ? far : near
}
