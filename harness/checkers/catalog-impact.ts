import type { FaultSpan } from './fault-times.ts'

/** What a fault means for the catalog, and for what it says of services. */
export type CatalogImpact =
  | { readonly kind: 'none' }
  /** The catalog keeps its pace; whether nodes pass is gossip's to say, and gossip is broken. */
  | { readonly kind: 'gossip' }
  /** Pushes may fail, timers may lie, members may be gone. */
  | { readonly kind: 'disturbed' }
  /** The same, and these agents may have lost all that was registered at them. */
  | { readonly kind: 'disk-lost', readonly members: readonly string[] }

/** By the family's name and what was asked of it (`nemesis/`). A family that is not known here disturbs. */
export function catalogImpact({ name, value }: Pick<FaultSpan, 'name' | 'value'>): CatalogImpact {
  const { members = [], traffic, clocks } = (value ?? {}) as { readonly members?: readonly string[], readonly traffic?: string, readonly clocks?: string }
  // Clients that cannot ask see nothing wrong.
  if (traffic === 'clients') return { kind: 'none' }
  if (traffic === 'gossip') return { kind: 'gossip' }
  switch (name) {
    // Timers go by the monotonic clock.
    case 'clock': return clocks === 'wall' ? { kind: 'none' } : { kind: 'disturbed' }
    case 'membership':
    case 'damage': return { kind: 'disk-lost', members }
    default: return { kind: 'disturbed' }
  }
}
