import type { ClockSkew, Clocks, DiskTrouble } from '../capabilities.ts'

/** What is wrong with a member from inside its process. Always sent whole. */
export interface MemberFaultState {
  readonly skews: readonly ActiveSkew[]
  readonly troubles: readonly DiskTrouble[]
}

export interface ActiveSkew {
  readonly skew: ClockSkew
  readonly clocks: Clocks
  /** The machine's own time at which it began, ms since the epoch. */
  readonly sinceMs: number
}

export const noFaults: MemberFaultState = { skews: [], troubles: [] }

/** What the harness asks of a member's process, a line of JSON each. */
export type ControlRequest =
  /** Also tries the disk, in the same turn: before the member can stumble over it and end. */
  | { readonly id: number, readonly ask: 'set', readonly state: MemberFaultState }
  | { readonly id: number, readonly ask: 'clock' }
  | { readonly id: number, readonly ask: 'disk' }
  /** Writes a part of what was written last and not synced, and dies at once. Is not answered. */
  | { readonly id: number, readonly ask: 'tear' }

export type ControlAnswer = { readonly id: number } & (
  /** As any code in that process reads its clocks. */
  | { readonly kind: 'clock', readonly wallMs: number, readonly monotonicMs: number }
  /** What became of a small write and its sync in the data directory, by the functions that the member uses. */
  | { readonly kind: 'disk', readonly error: string | null, readonly syncMs: number }
)
