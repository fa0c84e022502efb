import { invariant } from '../../../node/base/assert.ts'

/** Why one transaction must come before another. Bits, so that a set of kinds is a number. */
export const edgeKinds = {
  /** It appended right before the other did. */
  ww: 1,
  /** The other read what it appended. */
  wr: 2,
  /** It read a list that the other's append was not in yet. */
  rw: 4,
  /** The other is the next transaction of the same worker. */
  process: 8,
  /** It had ended before the other began. */
  realtime: 16,
} as const
export type EdgeKindName = keyof typeof edgeKinds

/** Edges in the order of being added: typed, because there are millions. */
export class EdgeList {
  #length = 0
  #from = new Int32Array(1024)
  #to = new Int32Array(1024)
  #kind = new Uint8Array(1024)
  #element = new Int32Array(1024)

  /** `element`: whose append makes the edge; -1: none does. */
  add(from: number, to: number, kind: number, element: number): void {
    if (this.#length === this.#from.length) this.#grow()
    const at = this.#length++
    this.#from[at] = from
    this.#to[at] = to
    this.#kind[at] = kind
    this.#element[at] = element
  }

  get length(): number {
    return this.#length
  }

  /** In compressed rows: the edges of a node stand together. */
  graph(nodeCount: number): Graph {
    const starts = new Int32Array(nodeCount + 1)
    for (let i = 0; i < this.#length; i++) {
      const from = this.#from[i]!
      invariant(from >= 0 && from < nodeCount && this.#to[i]! < nodeCount, () => `an edge from ${from} to ${this.#to[i]} among ${nodeCount} nodes`)
      starts[from + 1]!++
    }
    for (let i = 0; i < nodeCount; i++) starts[i + 1]! += starts[i]!
    const next = starts.slice(0, nodeCount)
    const targets = new Int32Array(this.#length)
    const kinds = new Uint8Array(this.#length)
    const elements = new Int32Array(this.#length)
    for (let i = 0; i < this.#length; i++) {
      const at = next[this.#from[i]!]!++
      targets[at] = this.#to[i]!
      kinds[at] = this.#kind[i]!
      elements[at] = this.#element[i]!
    }
    return { nodeCount, starts, targets, kinds, elements }
  }

  #grow(): void {
    const doubled = <T extends Int32Array | Uint8Array>(old: T, fresh: T) => {
      fresh.set(old)
      return fresh
    }
    const size = this.#from.length * 2
    this.#from = doubled(this.#from, new Int32Array(size))
    this.#to = doubled(this.#to, new Int32Array(size))
    this.#kind = doubled(this.#kind, new Uint8Array(size))
    this.#element = doubled(this.#element, new Int32Array(size))
  }
}

/** The edges of node i are those from `starts[i]` up to `starts[i + 1]`. */
export interface Graph {
  readonly nodeCount: number
  readonly starts: Int32Array
  readonly targets: Int32Array
  readonly kinds: Uint8Array
  readonly elements: Int32Array
}

/**
 * Strongly connected components with at least two nodes, by edges of the kinds
 * in `mask` only: whatever is on a cycle is in one of them. Tarjan's algorithm
 * (1972) with a stack of its own, because paths are longer than a call stack.
 */
export function components({ nodeCount, starts, targets, kinds }: Graph, mask: number): number[][] {
  const unseen = -1
  const order = new Int32Array(nodeCount).fill(unseen)
  const low = new Int32Array(nodeCount)
  const onStack = new Uint8Array(nodeCount)
  const stack: number[] = []
  const callNode = new Int32Array(nodeCount)
  const callEdge = new Int32Array(nodeCount)
  const found: number[][] = []
  let counter = 0
  for (let root = 0; root < nodeCount; root++) {
    if (order[root] !== unseen) continue
    let depth = 0
    const enter = (node: number) => {
      order[node] = low[node] = counter++
      onStack[node] = 1
      stack.push(node)
      callNode[depth] = node
      callEdge[depth] = starts[node]!
    }
    enter(root)
    while (depth >= 0) {
      const node = callNode[depth]!
      const edge = callEdge[depth]!
      if (edge < starts[node + 1]!) {
        callEdge[depth] = edge + 1
        if ((kinds[edge]! & mask) === 0) continue
        const target = targets[edge]!
        if (order[target] === unseen) {
          depth += 1
          enter(target)
        } else if (onStack[target] === 1 && order[target]! < low[node]!) low[node] = order[target]!
        continue
      }
      if (low[node] === order[node]) {
        const component: number[] = []
        for (;;) {
          const member = stack.pop()!
          onStack[member] = 0
          component.push(member)
          if (member === node) break
        }
        if (component.length > 1) found.push(component)
      }
      depth -= 1
      if (depth >= 0) {
        const caller = callNode[depth]!
        if (low[node]! < low[caller]!) low[caller] = low[node]!
      }
    }
  }
  return found
}
