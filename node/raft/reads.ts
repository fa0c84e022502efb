import type { Outbox } from './outbox.ts'

/** Reads that share one heartbeat round. */
interface ReadBatch {
  readonly round: number
  readonly readIndex: number
  readonly readIds: readonly number[]
}

/**
 * Reads that a leader has not confirmed yet (thesis §6.4, ReadIndex). Those
 * that arrive while a round is under way wait for the next one, which begins
 * as soon as that round is answered: however many they are, they cost one
 * round together.
 */
export class ReadQueue {
  #waiting: number[] = []
  /** At most a few: one that a read began, and later regular heartbeats. */
  #batches: ReadBatch[] = []

  add(readId: number): void {
    this.#waiting.push(readId)
  }

  get hasWaiting(): boolean {
    return this.#waiting.length > 0
  }

  /** Whether reads depend on a round that is not answered. */
  get roundUnderWay(): boolean {
    return this.#batches.length > 0
  }

  /** A round begins now: all waiting reads join it. They arrived before it, so `readIndex`, the commit index of now, covers every write acknowledged before them. */
  joinRound(round: number, readIndex: number): void {
    if (this.#waiting.length === 0) return
    this.#batches.push({ round, readIndex, readIds: this.#waiting })
    this.#waiting = []
  }

  /** Rounds up to `round` are confirmed. */
  confirmUpTo(round: number, outbox: Outbox): void {
    let done = 0
    while (done < this.#batches.length && this.#batches[done]!.round <= round) {
      const { readIds, readIndex } = this.#batches[done]!
      for (const readId of readIds) outbox.read({ kind: 'confirmed', readId, readIndex })
      done++
    }
    if (done > 0) this.#batches.splice(0, done)
  }

  /** Leadership is over. */
  abortAll(outbox: Outbox): void {
    for (const batch of this.#batches) {
      for (const readId of batch.readIds) outbox.read({ kind: 'aborted', readId })
    }
    for (const readId of this.#waiting) outbox.read({ kind: 'aborted', readId })
    this.#batches = []
    this.#waiting = []
  }
}
