import { edgeKinds, type Graph } from './graph.ts'

/** One step of a cycle: why `from` must come before `to`. */
export interface Step {
  readonly from: number
  readonly to: number
  /** One of `edgeKinds`. */
  readonly kind: number
  /** -1: the order of a worker, or of time. */
  readonly element: number
}

/**
 * A part of the graph whose nodes stand in order of invocation, so that those
 * that begin after a transaction's end are a tail of them: real time needs no
 * edges here.
 */
export interface TimedGraph {
  readonly graph: Graph
  /** By node. */
  readonly invokePositions: Float64Array
  /** Infinity: nothing begins after it. */
  readonly returnPositions: Float64Array
  /** 1: it comes after what ended before it began. */
  readonly inTime: Uint8Array
}

export interface PathRules {
  /** Kinds that may be used. */
  readonly mask: number
  /** No two `rw` in a row, and neither a first nor a last one. */
  readonly apart: boolean
}

/** Edges that may still be looked at; a search that has used them up ends without an answer. */
export interface Budget {
  edges: number
}

/** Searches one part many times, in the same memory. */
export class PathFinder {
  readonly #part: TimedGraph
  /** A state is a node, plus nodeCount where the step that led there was an rw (told apart only where that matters). */
  readonly #reached: Int32Array
  readonly #parents: Int32Array
  readonly #kinds: Uint8Array
  readonly #elements: Int32Array
  #search = 0

  constructor(part: TimedGraph) {
    this.#part = part
    const states = part.graph.nodeCount * 2
    this.#reached = new Int32Array(states)
    this.#parents = new Int32Array(states)
    this.#kinds = new Uint8Array(states)
    this.#elements = new Int32Array(states)
  }

  /**
   * The fewest steps from `source` to `target` by breadth-first search, no more
   * than `stepsMax`, or null. Each node is met at most twice (behind an `rw`,
   * and not), each tail of the order of time once.
   */
  shortest(source: number, target: number, { mask, apart }: PathRules, stepsMax: number, budget: Budget): Step[] | null {
    const { graph: { nodeCount, starts, targets, kinds, elements }, invokePositions, returnPositions, inTime } = this.#part
    const search = ++this.#search
    const first = apart ? source + nodeCount : source
    this.#reached[first] = search
    let frontier = [first]
    let covered = nodeCount
    for (let steps = 0; frontier.length > 0 && steps < stepsMax; steps++) {
      const next: number[] = []
      const visit = (state: number, to: number, kind: number, element: number): boolean => {
        const toState = apart && kind === edgeKinds.rw ? to + nodeCount : to
        if (this.#reached[toState] === search) return false
        this.#reached[toState] = search
        this.#parents[toState] = state
        this.#kinds[toState] = kind
        this.#elements[toState] = element
        next.push(toState)
        return toState === target
      }
      for (const state of frontier) {
        const node = state >= nodeCount ? state - nodeCount : state
        const edgeMask = apart && state >= nodeCount ? mask & ~edgeKinds.rw : mask
        const end = starts[node + 1]!
        if ((budget.edges -= end - starts[node]! + 1) < 0) return null
        for (let edge = starts[node]!; edge < end; edge++) {
          if ((kinds[edge]! & edgeMask) !== 0 && visit(state, targets[edge]!, kinds[edge]!, elements[edge]!)) return this.#stepsFrom(first, target)
        }
        if ((mask & edgeKinds.realtime) === 0) continue
        const tail = firstAfter(invokePositions, returnPositions[node]!)
        budget.edges -= Math.max(0, covered - tail)
        for (let later = tail; later < covered; later++) if (inTime[later] === 1 && visit(state, later, edgeKinds.realtime, -1)) return this.#stepsFrom(first, target)
        covered = Math.min(covered, tail)
      }
      frontier = next
    }
    return null
  }

  #stepsFrom(first: number, end: number): Step[] {
    const { nodeCount } = this.#part.graph
    const node = (state: number) => state >= nodeCount ? state - nodeCount : state
    const steps: Step[] = []
    for (let state = end; state !== first; state = this.#parents[state]!) {
      steps.push({ from: node(this.#parents[state]!), to: node(state), kind: this.#kinds[state]!, element: this.#elements[state]! })
    }
    return steps.reverse()
  }
}

/** The first node that was invoked after `position`. */
function firstAfter(invokePositions: Float64Array, position: number): number {
  let low = 0
  let high = invokePositions.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (invokePositions[middle]! > position) high = middle
    else low = middle + 1
  }
  return low
}
