import { invariant } from '../../base/assert.ts'
import type { RaftCore } from '../core.ts'
import { HashState } from './hash-state.ts'
import type { Entry, MemberId } from '../entry.ts'

/**
 * Sees everything that happens in a simulated cluster and holds it against
 * Raft's promises (thesis figure 3.2) and linearizability of reads (§6.4).
 * Throws at the first breach.
 */
export class SafetyOracle {
  readonly #leaders = new Map<number, MemberId>()
  /** `index:term` -> the term before it and its bytes: by induction, equal entries have equal prefixes. */
  readonly #known = new Map<string, string>()
  /** What was applied first at each index, and the applier's term then: the commit happened in that term or before. */
  readonly #applied: { readonly term: number, readonly bytes: string, readonly byTerm: number }[] = []
  /** The hash of the one history, after each index. */
  readonly #history = new HashState()
  readonly #hashes: number[] = [0]
  readonly #pendingReads = new Map<number, number>()
  confirmedReads = 0

  /** The highest index that any member has applied. */
  get committedIndex(): number {
    return this.#applied.length
  }

  becameLeader(core: RaftCore, id: MemberId): void {
    const other = this.#leaders.get(core.term)
    invariant(other === undefined || other === id, () => `election safety: ${other} and ${id} lead term ${core.term}`)
    if (other === id) return
    this.#leaders.set(core.term, id)
    for (let i = 0; i < this.#applied.length; i++) {
      // A leader may be elected late, when a higher term has committed already.
      if (i + 1 < core.baseIndex) continue
      invariant(core.termAt(i + 1) === this.#applied[i]!.term || this.#applied[i]!.byTerm > core.term,
        () => `leader completeness: ${id}, leader of term ${core.term}, has term ${core.termAt(i + 1)} at committed index ${i + 1} of term ${this.#applied[i]!.term}`)
    }
  }

  /** Entries that a member is about to write, after `previousTerm`. */
  logged(id: MemberId, entries: readonly Entry[], previousTerm: number): void {
    let before = previousTerm
    for (const entry of entries) {
      const key = `${entry.index}:${entry.term}`
      const value = `${before}:${bytesOf(entry)}`
      const known = this.#known.get(key)
      invariant(known === undefined || known === value, () => `log matching: ${id} has ${value} at ${key}, another has ${known}`)
      if (known === undefined) this.#known.set(key, value)
      before = entry.term
    }
  }

  applied(id: MemberId, term: number, entry: Entry, holdersOnDisk: () => number, quorum: number): void {
    const bytes = bytesOf(entry)
    if (entry.index === this.#applied.length + 1) {
      invariant(holdersOnDisk() >= quorum, () => `${id} applies ${entry.index} of term ${entry.term}, which ${holdersOnDisk()} disks have of ${quorum} needed`)
      this.#history.apply(entry)
      this.#hashes.push(this.#history.hash)
      this.#applied.push({ term: entry.term, bytes, byTerm: term })
      return
    }
    const first = this.#applied[entry.index - 1]
    invariant(first !== undefined && first.bytes === bytes && first.term === entry.term,
      () => `state machine safety: ${id} applies ${bytes} of term ${entry.term} at ${entry.index}, another applied ${first?.bytes} of term ${first?.term}`)
  }

  /** A member's state came from a snapshot: it must be the one that applying gives. */
  restored(id: MemberId, index: number, hash: number): void {
    invariant(this.#hashes[index] === hash, () => `${id} restored a state of ${index} with hash ${hash}, where applying gives ${this.#hashes[index]}`)
  }

  readStarted(readId: number): void {
    this.#pendingReads.set(readId, this.committedIndex)
  }

  readConfirmed(id: MemberId, readId: number, readIndex: number): void {
    const floor = this.#pendingReads.get(readId)
    invariant(floor !== undefined, () => `${id} confirms read ${readId} twice`)
    invariant(readIndex >= floor, () => `stale read: ${id} confirms read ${readId} at ${readIndex}, but ${floor} was committed before it began`)
    this.#pendingReads.delete(readId)
    this.confirmedReads++
  }

  readAborted(readId: number): void {
    invariant(this.#pendingReads.delete(readId), () => `read ${readId} ended twice`)
  }
}

function bytesOf(entry: Entry): string {
  return entry.kind + Buffer.from(entry.data).toString('hex')
}
