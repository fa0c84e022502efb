import type { HistoryEvent } from '../history/event.ts'
import { pairOperations } from '../history/operations.ts'

/** What one member said of all at one moment between `askedNs` and `answeredNs`. */
export interface Poll {
  readonly observer: string
  readonly askedNs: number
  readonly answeredNs: number
  /** By name: `alive`, `suspect`, `leaving`, `left`, `failed`. Who is not there is not known to the observer. */
  readonly view: Readonly<Record<string, string>>
  /** In the history. */
  readonly eventIndexes: readonly number[]
}

/**
 * The answered polls, in the order of their answers. `view` is one look, whose
 * value is the view; `settle` looked until it saw what it waited for, and its
 * value is the last look: `{ askedNs, view }`.
 */
export function pollsOf(history: readonly HistoryEvent[]): Poll[] {
  const polls: Poll[] = []
  for (const { f, outcome, node, output, invokeNs, returnNs, invokeIndex, returnIndex } of pairOperations(history)) {
    if (outcome !== 'ok' || node === null || returnNs === null || returnIndex === null) continue
    const base = { observer: node, answeredNs: returnNs, eventIndexes: [invokeIndex, returnIndex] }
    if (f === 'view') polls.push({ ...base, askedNs: invokeNs, view: output as Poll['view'] })
    else if (f === 'settle') polls.push({ ...base, ...output as { askedNs: number, view: Poll['view'] } })
  }
  return polls.sort((a, b) => a.answeredNs - b.answeredNs)
}

/** Not given up: a suspicion is no verdict yet, and who is leaving is still there. */
export const isUp = (status: string | undefined): boolean => status === 'alive' || status === 'suspect' || status === 'leaving'

/** Those of `members` whom the view does not show alive, with what it shows: `n2 failed`. */
export function troubleIn(view: Poll['view'], members: readonly string[]): { readonly member: string, readonly status: string }[] {
  return members.filter((member) => view[member] !== 'alive' && view[member] !== 'suspect').map((member) => ({ member, status: view[member] ?? 'unknown' }))
}

/** Where a member took longer than this to answer, or did not, it stood still. */
export interface Stall {
  readonly member: string
  readonly mayBeginNs: number
  readonly overNs: number
}

/** With real schedulers, what starves a member starves its answers too: so its silence shows. Any operation at the member counts. */
export function stallsOf(history: readonly HistoryEvent[], longerThanMs: number): Stall[] {
  const begun = new Map<number, { readonly time: number, readonly f: string }>()
  const stalls: Stall[] = []
  for (const event of history) {
    if (event.process === 'nemesis') continue
    if (event.type === 'invoke') begun.set(event.process, event)
    else {
      const invocation = begun.get(event.process)
      begun.delete(event.process)
      if (invocation === undefined || event.node === undefined || invocation.f === 'settle') continue
      if (event.type !== 'ok' || event.time - invocation.time > longerThanMs * 1e6) stalls.push({ member: event.node, mayBeginNs: invocation.time, overNs: event.time })
    }
  }
  return stalls
}
