/** What a picture of evidence is made of. Plain JSON: it is kept with the verdict. */

export type Drawing = TransactionGraph | TimeBands

/** Transactions, and why one must have come before another. */
export interface TransactionGraph {
  readonly kind: 'transactions'
  readonly transactions: readonly DrawnTransaction[]
  /** From and to: places in `transactions`. Of a cycle: step by step, the last one back to the first transaction. */
  readonly links: readonly DrawnLink[]
}

export interface DrawnTransaction {
  readonly name: string
  /** `worker 3, ok, index 120–125`. */
  readonly about: string
  /** History index of the invocation. */
  readonly index: number
  /** Each as pieces of text; those that matter are marked. */
  readonly operations: readonly (readonly TextPiece[])[]
}

export interface TextPiece {
  readonly text: string
  readonly marked: boolean
}

export interface DrawnLink {
  readonly from: number
  readonly to: number
  /** `rw`, `realtime`, … */
  readonly kind: string
  /** The key and the value that prove it, or the events: `y without 2`. */
  readonly proof: string
  /** A sentence without its end. */
  readonly sentence: string
}

/** What lasted from when to when, lane by lane, on one axis of time. */
export interface TimeBands {
  readonly kind: 'bands'
  /** One sentence: what is to be seen. */
  readonly about: string
  readonly lanes: readonly BandLane[]
  readonly moments: readonly BandMoment[]
}

export interface BandLane {
  readonly label: string
  readonly bands: readonly Band[]
}

/** Certain; may be; what was promised or ruled something out; what cannot have been. */
export type BandTone = 'certain' | 'perhaps' | 'rule' | 'wrong'

export interface Band {
  readonly fromNs: number
  /** Null: no end is known. */
  readonly toNs: number | null
  readonly label: string
  readonly tone: BandTone
}

export interface BandMoment {
  readonly atNs: number
  readonly label: string
  /** Where it contradicts itself. */
  readonly wrong: boolean
}

export const piecesText = (pieces: readonly TextPiece[], mark = (text: string) => text): string => pieces.map(({ text, marked }) => marked ? mark(text) : text).join('')
