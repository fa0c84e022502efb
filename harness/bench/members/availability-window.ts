/** One operation at one member, as its client saw it. */
export interface SeenOperation {
  readonly member: string
  readonly kind: 'write' | 'read'
  readonly begunNs: number
  readonly endedNs: number
  /** It was answered, and with what was asked for. */
  readonly ok: boolean
}

/** Shares in per cent of what was begun in the window. */
export interface WindowAvailability {
  readonly writesByLargestPercent: number
  readonly writesByAllPercent: number
  readonly readsByLargestPercent: number
  readonly readsByAllPercent: number
  /** Of writes in the window's second half: an election, if one can be won, lies before it. */
  readonly writesSettledPercent: number
  /** Between two acknowledgements of any member, or one and an end of the window. */
  readonly longestWithoutAckMs: number
}

export interface Window {
  readonly fromNs: number
  readonly toNs: number
  /** The members of the largest group, those who could still have a quorum; of all groups that are as large. */
  readonly largest: ReadonlySet<string>
}

/** Null where nothing of a kind was begun: then there is no share. */
export function windowAvailability(operations: readonly SeenOperation[], { fromNs, toNs, largest }: Window): WindowAvailability | null {
  const begun = operations.filter(({ begunNs }) => begunNs >= fromNs && begunNs < toNs)
  const of = (kind: SeenOperation['kind'], sinceNs = fromNs) => begun.filter((one) => one.kind === kind && one.begunNs >= sinceNs)
  const byLargest = ({ member }: SeenOperation) => largest.has(member)
  const shares = [of('write').filter(byLargest), of('write'), of('read').filter(byLargest), of('read'), of('write', (fromNs + toNs) / 2).filter(byLargest)].map(percentOk)
  if (shares.includes(null)) return null
  const [writesByLargestPercent, writesByAllPercent, readsByLargestPercent, readsByAllPercent, writesSettledPercent] = shares as number[]
  return {
    writesByLargestPercent: writesByLargestPercent!, writesByAllPercent: writesByAllPercent!,
    readsByLargestPercent: readsByLargestPercent!, readsByAllPercent: readsByAllPercent!,
    writesSettledPercent: writesSettledPercent!,
    longestWithoutAckMs: longestGapMs(operations, fromNs, toNs),
  }
}

function percentOk(operations: readonly SeenOperation[]): number | null {
  return operations.length === 0 ? null : operations.filter(({ ok }) => ok).length / operations.length * 100
}

function longestGapMs(operations: readonly SeenOperation[], fromNs: number, toNs: number): number {
  const acks = operations.filter(({ kind, ok, endedNs }) => kind === 'write' && ok && endedNs > fromNs && endedNs < toNs).map(({ endedNs }) => endedNs).sort((a, b) => a - b)
  const edges = [fromNs, ...acks, toNs]
  return Math.max(...edges.slice(1).map((at, i) => at - edges[i]!)) / 1e6
}
