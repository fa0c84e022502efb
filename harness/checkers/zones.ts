/**
 * Linearizability of a register when it is known which write each operation
 * saw: near-linear (Gibbons and Korach, "Testing shared memories", 1997,
 * section 4; here with compare-and-set). A write and all that saw it stand
 * together in every order, and a cas stands right between what it saw and what
 * it wrote: so the operations fall into chains, each one piece of time.
 *
 * A chain must hold all of the time from its first return to its last
 * invocation (a forward zone). Where its last invocation comes before its
 * first return all of it fits into one moment between them (a backward zone).
 * An order exists if and only if each chain is in order inside, no two forward
 * zones overlap and no backward zone lies inside a forward one.
 */
export interface MappedOperations {
  readonly invoke: Float64Array
  /** Infinity: it need not have happened. */
  readonly return: Float64Array
  /** Number of the write that each operation is, from 1; 0 is the initial value, -1: it writes nothing. */
  readonly writes: Int32Array
  /** Number of the write that each operation saw, -1: it looks at nothing. */
  readonly observes: Int32Array
  /** Writes, with the initial value. */
  readonly writeCount: number
}

/** `conflict`: operations that cannot be ordered, whatever else there is; with all that belongs to their chains. */
export type ZoneResult = { readonly kind: 'linearizable' } | { readonly kind: 'not-linearizable', readonly conflict: readonly number[] }

interface Zone {
  /** The write that the chain begins with. */
  readonly root: number
  readonly firstReturn: number
  readonly lastInvoke: number
}

/** Which order there is, or which chains contradict each other. */
export function checkZones(operations: MappedOperations): ZoneResult {
  const { invoke, observes, writes, writeCount } = operations
  const count = invoke.length
  const writer = new Int32Array(writeCount).fill(-1)
  for (let op = 0; op < count; op++) if (writes[op]! > 0) writer[writes[op]!] = op
  const certain = certainReturns(operations, writer)
  // Certain operations by the write that they saw; the cas among them apart.
  const start = new Int32Array(writeCount + 1)
  const swap = new Int32Array(writeCount).fill(-1)
  for (let op = 0; op < count; op++) {
    const seen = observes[op]!
    if (seen < 0 || certain[op] === Infinity) continue
    if (seen > 0 && writer[seen]! < 0) return conflict(operations, certain, [op])
    if (writes[op]! < 0) start[seen + 1]!++
    else if (swap[seen]! >= 0) return conflict(operations, certain, [swap[seen]!, op])
    else swap[seen] = op
  }
  for (let write = 0; write < writeCount; write++) start[write + 1]! += start[write]!
  const readers = new Int32Array(start[writeCount]!)
  const filled = start.slice()
  for (let op = 0; op < count; op++) {
    if (observes[op]! >= 0 && writes[op]! < 0 && certain[op] !== Infinity) readers[filled[observes[op]!]!++] = op
  }
  const zones: Zone[] = []
  const inChain = new Uint8Array(writeCount)
  /** All operations of the chain that begins with a write. */
  const members = (root: number): number[] => {
    const found: number[] = []
    for (let write = root, op = writer[root]!; ; write = writes[op]!) {
      if (op >= 0) found.push(op)
      for (let i = start[write]!; i < start[write + 1]!; i++) found.push(readers[i]!)
      op = swap[write]!
      if (op < 0) return found
    }
  }
  for (let root = 0; root < writeCount; root++) {
    const begin = writer[root]!
    if (root > 0 && (begin < 0 || certain[begin] === Infinity || observes[begin]! >= 0)) continue
    let firstReturn = root === 0 ? -Infinity : Infinity
    let lastInvoke = -Infinity
    let broken = false
    for (let write = root, op = begin; ; write = writes[op]!) {
      inChain[write] = 1
      if (op >= 0) {
        if (certain[op]! < lastInvoke) broken = true
        lastInvoke = Math.max(lastInvoke, invoke[op]!)
        firstReturn = Math.min(firstReturn, certain[op]!)
      }
      const before = lastInvoke
      for (let i = start[write]!; i < start[write + 1]!; i++) {
        const reader = readers[i]!
        if (certain[reader]! < before) broken = true
        lastInvoke = Math.max(lastInvoke, invoke[reader]!)
        firstReturn = Math.min(firstReturn, certain[reader]!)
      }
      op = swap[write]!
      if (op < 0) break
    }
    if (broken) return conflict(operations, certain, [...members(root)])
    if (lastInvoke > -Infinity) zones.push({ root, firstReturn, lastInvoke })
  }
  // Swaps that see each other in a ring have no beginning.
  for (let op = 0; op < count; op++) {
    if (certain[op] !== Infinity && writes[op]! > 0 && inChain[writes[op]!] === 0) return conflict(operations, certain, [op])
  }
  const clash = overlap(zones)
  return clash === null ? { kind: 'linearizable' } : conflict(operations, certain, [...members(clash[0].root), ...members(clash[1].root)])
}

/** With all that certainly happened in the same chains: what one saw, and what saw it. */
function conflict({ observes, writes, writeCount }: MappedOperations, certain: Float64Array, found: readonly number[]): ZoneResult {
  const ofWrite: number[][] = Array.from({ length: writeCount }, () => [])
  for (let op = 0; op < certain.length; op++) {
    if (certain[op] === Infinity) continue
    if (observes[op]! > 0) ofWrite[observes[op]!]!.push(op)
    if (writes[op]! > 0) ofWrite[writes[op]!]!.push(op)
  }
  const all = new Set(found)
  for (const op of all) {
    for (const write of [observes[op]!, writes[op]!]) {
      if (write > 0) for (const other of ofWrite[write]!) all.add(other)
    }
  }
  return { kind: 'not-linearizable', conflict: [...all].sort((a, b) => a - b) }
}

/**
 * When each operation has happened at the latest; Infinity: it need not have.
 * What need not have happened, but was seen by something that did, has
 * happened before that returned. The rest can be left out: whatever follows in
 * an order either saw something else or does not look.
 */
function certainReturns({ return: returns, observes }: MappedOperations, writer: Int32Array): Float64Array {
  const certain = Float64Array.from(returns)
  for (let op = 0; op < certain.length; op++) {
    // Along the swaps, as long as they are made more certain.
    for (let at = op; certain[at] !== Infinity && observes[at]! > 0;) {
      const seen = writer[observes[at]!]!
      if (seen < 0 || certain[seen]! <= certain[at]! || returns[seen] !== Infinity) break
      certain[seen] = certain[at]!
      at = seen
    }
  }
  return certain
}

function overlap(zones: readonly Zone[]): readonly [Zone, Zone] | null {
  const forward = zones.filter((zone) => zone.firstReturn < zone.lastInvoke).sort((a, b) => a.firstReturn - b.firstReturn)
  for (let i = 1; i < forward.length; i++) {
    if (forward[i]!.firstReturn < forward[i - 1]!.lastInvoke) return [forward[i - 1]!, forward[i]!]
  }
  for (const zone of zones) {
    if (zone.firstReturn < zone.lastInvoke) continue
    // The last forward zone that begins before this one.
    let low = 0
    let high = forward.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (forward[middle]!.firstReturn < zone.lastInvoke) low = middle + 1
      else high = middle
    }
    if (low > 0 && zone.firstReturn < forward[low - 1]!.lastInvoke) return [forward[low - 1]!, zone]
  }
  return null
}
