import { cellName, type Cell } from './matrix.ts'

/**
 * The order in which a round goes through its cells, so that a budget that ends
 * early has seen the most: what earlier nights have run least comes first, so
 * that no cell is left out night after night; among those, whatever shows the
 * most pairs (this workload with that nemesis, that nemesis with so many
 * members, …) that nothing before it in the round has shown.
 * @param runsBefore by `cellName`: runs of earlier nights
 */
export function orderCells<T>(items: readonly T[], cellOf: (item: T) => Cell, runsBefore: ReadonlyMap<string, number> = new Map()): T[] {
  const left = new Map(items.map((item) => [item, { pairs: pairsOf(cellOf(item)), runs: runsBefore.get(cellName(cellOf(item))) ?? 0 }]))
  const seen = new Set<string>()
  const ordered: T[] = []
  while (left.size > 0) {
    let best: { readonly item: T, readonly pairs: readonly string[], readonly runs: number, readonly fresh: number } | null = null
    for (const [item, { pairs, runs }] of left) {
      const fresh = pairs.reduce((sum, pair) => sum + (seen.has(pair) ? 0 : 1), 0)
      if (best === null || runs < best.runs || (runs === best.runs && fresh > best.fresh)) best = { item, pairs, runs, fresh }
    }
    ordered.push(best!.item)
    left.delete(best!.item)
    for (const pair of best!.pairs) seen.add(pair)
  }
  return ordered
}

function pairsOf({ workload, nemesis, members, system, env }: Cell): string[] {
  const values = [`workload ${workload}`, `nemesis ${nemesis.join('+')}`, `members ${members}`, `system ${system}`, `env ${env}`]
  return values.flatMap((first, at) => values.slice(at + 1).map((second) => `${first} & ${second}`))
}
