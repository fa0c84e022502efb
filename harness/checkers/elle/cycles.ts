import type { CycleAnomaly, CycleName } from './anomalies.ts'
import { components, EdgeList, edgeKinds, type Graph } from './graph.ts'
import { PathFinder, type Budget, type Step, type TimedGraph } from './paths.ts'
import type { Transaction } from './transactions.ts'

export interface Cycle {
  readonly name: CycleAnomaly
  /** Between ids of transactions; the last leads back to the first. */
  readonly steps: readonly Step[]
}

export interface TimedTransactions {
  readonly transactions: readonly Transaction[]
  /** Whether it has an order in real time. */
  readonly inTime: (id: number) => boolean
}

const { ww, wr, rw, process, realtime } = edgeKinds

/** What a cycle of each class has: one edge of `start`, then a path back by edges of `path` (and of the orders). */
const searches: readonly { readonly name: CycleName, readonly start: number, readonly path: number, readonly apart: boolean }[] = [
  { name: 'G0', start: ww, path: ww, apart: false },
  { name: 'G1c', start: wr, path: ww | wr, apart: false },
  { name: 'G-single', start: rw, path: ww | wr, apart: false },
  { name: 'G-nonadjacent', start: rw, path: ww | wr | rw, apart: true },
  { name: 'G2-item', start: rw, path: ww | wr | rw, apart: false },
]
const orders = [0, process, process | realtime]

/** No shorter cycle exists. */
const shortestPossible = 2

/**
 * Of each strongly connected component the shortest cycle of each class, worst
 * class first; of a class with the order of workers or of time only where it
 * has none without. There is a cycle for every component, whatever the budget.
 */
export function findCycles(graph: Graph, timed: TimedTransactions, budget: Budget): Cycle[] {
  const all = ww | wr | rw | process | realtime
  return components(graph, all).flatMap((nodes) => {
    // The nodes that only stand for ends of transactions are of no more use.
    const members = nodes.filter((node) => node < timed.transactions.length).sort((a, b) => a - b)
    return cyclesOf(timedPart(graph, timed, members), members, budget)
  })
}

function cyclesOf(part: TimedGraph, members: readonly number[], budget: Budget): Cycle[] {
  const found = new Map<CycleName, Cycle>()
  const paths = new PathFinder(part)
  const inIds = (steps: readonly Step[]) => steps.map((step) => ({ ...step, from: members[step.from]!, to: members[step.to]! }))
  for (const order of orders) {
    for (const { name, start, path, apart } of searches) {
      if (found.has(name)) continue
      // What is a cycle of a worse class by the same orders is no news.
      if (name.startsWith('G2') && (found.has('G-single') || found.has('G-nonadjacent'))) continue
      if (name === 'G-nonadjacent' && found.has('G-single')) continue
      const steps = shortestCycle(part, paths, { start, mask: path | order, apart }, budget)
      if (steps !== null) found.set(name, { name: classify(steps), steps: inIds(steps) })
    }
  }
  if (found.size > 0) return [...found.values()]
  // The budget was used up: any cycle tells that something is wrong.
  const steps = cycleAround(part, paths, { edges: Number.POSITIVE_INFINITY })
  return [{ name: classify(steps), steps: inIds(steps) }]
}

function shortestCycle(part: TimedGraph, paths: PathFinder, { start, mask, apart }: { readonly start: number, readonly mask: number, readonly apart: boolean }, budget: Budget): Step[] | null {
  const { graph } = part
  const componentOf = new Int32Array(graph.nodeCount).fill(-1)
  // With the order of time the whole part is one component, and without it is often many small ones.
  if ((mask & realtime) === 0) components(graph, mask | start).forEach((nodes, i) => nodes.forEach((node) => { componentOf[node] = i }))
  else componentOf.fill(0)
  let best: Step[] | null = null
  for (let from = 0; from < graph.nodeCount && budget.edges > 0; from++) {
    if (componentOf[from] === -1) continue
    for (let edge = graph.starts[from]!; edge < graph.starts[from + 1]!; edge++) {
      const to = graph.targets[edge]!
      if ((graph.kinds[edge]! & start) === 0 || componentOf[from] !== componentOf[to]) continue
      const stepsMax: number = (best === null ? graph.nodeCount * 2 : best.length - 1) - 1
      const back = paths.shortest(to, from, { mask, apart }, stepsMax, budget)
      if (back === null) continue
      best = [{ from, to, kind: graph.kinds[edge]!, element: graph.elements[edge]! }, ...back]
      if (best.length <= shortestPossible) return best
    }
  }
  return best
}

/** Some cycle through the first node that has one. */
function cycleAround(part: TimedGraph, paths: PathFinder, budget: Budget): Step[] {
  const mask = ww | wr | rw | process | realtime
  const { starts, targets, kinds, elements, nodeCount } = part.graph
  for (let from = 0; from < nodeCount; from++) {
    for (let edge = starts[from]!; edge < starts[from + 1]!; edge++) {
      const back = paths.shortest(targets[edge]!, from, { mask, apart: false }, nodeCount, budget)
      if (back !== null) return [{ from, to: targets[edge]!, kind: kinds[edge]!, element: elements[edge]! }, ...back]
    }
  }
  throw new Error(`a strongly connected component of ${nodeCount} transactions has no cycle`)
}

/** The class of a cycle by its edges. */
export function classify(steps: readonly Step[]): CycleAnomaly {
  const has = (kind: number) => steps.some((step) => step.kind === kind)
  const missed = steps.filter(({ kind }) => kind === rw).length
  const adjacent = steps.some(({ kind }, i) => kind === rw && steps[(i + 1) % steps.length]!.kind === rw)
  const base: CycleName = missed === 0 ? (has(wr) ? 'G1c' : 'G0') : missed === 1 ? 'G-single' : adjacent ? 'G2-item' : 'G-nonadjacent'
  return has(realtime) ? `${base}-realtime` : has(process) ? `${base}-process` : base
}

/** The graph among `members`, which are in order of invocation. */
function timedPart(graph: Graph, { transactions, inTime }: TimedTransactions, members: readonly number[]): TimedGraph {
  const local = new Map(members.map((id, node) => [id, node]))
  const edges = new EdgeList()
  for (const [node, id] of members.entries()) {
    for (let edge = graph.starts[id]!; edge < graph.starts[id + 1]!; edge++) {
      const to = local.get(graph.targets[edge]!)
      if (to !== undefined && graph.kinds[edge] !== realtime) edges.add(node, to, graph.kinds[edge]!, graph.elements[edge]!)
    }
  }
  return {
    graph: edges.graph(members.length),
    invokePositions: Float64Array.from(members, (id) => transactions[id]!.invokePosition),
    returnPositions: Float64Array.from(members, (id) => inTime(id) ? transactions[id]!.returnPosition : Number.POSITIVE_INFINITY),
    inTime: Uint8Array.from(members, (id) => inTime(id) ? 1 : 0),
  }
}
