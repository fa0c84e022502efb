import type { PairedOperation } from '../history/operations.ts'
import { isRead, type VersionOrder } from './version-order.ts'

/** Nodes of a cycle from which a shorter one is looked for. */
const startsMax = 100

/**
 * Sequential consistency (Lamport 1979) over all keys, as far as versions tell:
 * is there one order of the operations that keeps each worker's order and each
 * key's versions? Versions fix the order of a key's writes, so it is a
 * question of cycles. Returns the operations of a short cycle, in its order,
 * or null. Operations whose version nobody knows are left out.
 */
export function sequentialCycle(operations: readonly PairedOperation[], order: VersionOrder): PairedOperation[] | null {
  const nodes = operations.filter((operation) => order.versionOf(operation) !== null && (!isRead(operation) || operation.outcome === 'ok'))
  const edges: number[][] = nodes.map(() => [])
  const workers = new Map<number, number>()
  const byKey = new Map<string | null, number[]>()
  nodes.forEach((operation, node) => {
    const before = workers.get(operation.process)
    if (before !== undefined) edges[before]!.push(node)
    workers.set(operation.process, node)
    const key = byKey.get(operation.key)
    if (key === undefined) byKey.set(operation.key, [node])
    else key.push(node)
  })
  for (const ofKey of byKey.values()) orderVersions(nodes, ofKey, order, edges)
  const left = withoutAcyclic(edges)
  const shortest = shortestCycle(edges, left)
  return shortest === null ? null : shortest.filter((node) => node < nodes.length).map((node) => nodes[node]!)
}

/** Edges from each version's operations to the next one's, through a node between them; a version's write comes before its reads. */
function orderVersions(nodes: readonly PairedOperation[], ofKey: readonly number[], order: VersionOrder, edges: number[][]): void {
  const groups = new Map<number, number[]>()
  for (const node of ofKey) {
    const version = order.versionOf(nodes[node]!)!
    const group = groups.get(version)
    if (group === undefined) groups.set(version, [node])
    else group.push(node)
  }
  let barrier: number | null = null
  for (const version of [...groups.keys()].sort((a, b) => a - b)) {
    const group = groups.get(version)!
    const writer = group.find((node) => !isRead(nodes[node]!))
    for (const node of group) {
      if (barrier !== null) edges[barrier]!.push(node)
      if (writer !== undefined && node !== writer) edges[writer]!.push(node)
    }
    barrier = edges.length
    edges.push([])
    for (const node of group) edges[node]!.push(barrier)
  }
}

/** What lies on cycles and between them: nodes that nothing comes before, and those that nothing follows, are taken away again and again. */
function withoutAcyclic(edges: readonly (readonly number[])[]): Set<number> {
  const reversed: number[][] = edges.map(() => [])
  edges.forEach((targets, node) => {
    for (const target of targets) reversed[target]!.push(node)
  })
  const left = new Set(edges.keys())
  const peel = (towards: readonly (readonly number[])[], from: readonly (readonly number[])[]) => {
    const degree = from.map((sources) => sources.filter((node) => left.has(node)).length)
    const free = [...left].filter((node) => degree[node] === 0)
    for (let node = free.pop(); node !== undefined; node = free.pop()) {
      left.delete(node)
      for (const target of towards[node]!) if (left.has(target) && --degree[target]! === 0) free.push(target)
    }
  }
  peel(edges, reversed)
  peel(reversed, edges)
  return left
}

function shortestCycle(edges: readonly (readonly number[])[], left: ReadonlySet<number>): number[] | null {
  let shortest: number[] | null = null
  let starts = 0
  for (const start of left) {
    if (shortest !== null && ++starts > startsMax) break
    const cycle = cycleThrough(edges, left, start)
    if (cycle !== null && (shortest === null || cycle.length < shortest.length)) shortest = cycle
  }
  return shortest
}

/** The shortest cycle through a node, breadth first; null where there is none. */
function cycleThrough(edges: readonly (readonly number[])[], left: ReadonlySet<number>, start: number): number[] | null {
  const cameFrom = new Map<number, number>()
  const queue = [start]
  for (let at = 0; at < queue.length; at++) {
    const node = queue[at]!
    for (const target of edges[node]!) {
      if (target === start) {
        const cycle = [node]
        for (let back = node; back !== start;) cycle.push(back = cameFrom.get(back)!)
        return cycle.reverse()
      }
      if (!left.has(target) || cameFrom.has(target)) continue
      cameFrom.set(target, node)
      queue.push(target)
    }
  }
  return null
}
