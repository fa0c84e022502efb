import type { HistoryEvent } from '../history/event.ts'
import { pairOperations, type PairedOperation } from '../history/operations.ts'
import { shortText } from './evidence.ts'
import { sequentialCycle } from './sequential-order.ts'
import type { CheckResult, Evidence } from './verdict.ts'
import { isRead, valueWritten, versionOrder, type VersionOrder } from './version-order.ts'

/** What reads may be held to, strongest first. `committed`: what is read was once written. */
export type GuaranteeName = 'linearizable' | 'sequential' | 'bounded staleness' | 'read your writes' | 'monotonic reads' | 'committed'

/** Whether a guarantee held in this history, as far as it can be seen. */
export interface Guarantee {
  readonly name: GuaranteeName
  /** `unknown`: the history does not tell, for lack of versions or of time. */
  readonly held: 'held' | 'broken' | 'unknown'
  /** In words; where it is broken, with the first counterexample. */
  readonly explanation: string
  /** History indexes of the counterexample. */
  readonly eventIndexes: readonly number[]
}

export interface ConsistencyModesOptions {
  /** How the reads were asked for. */
  readonly mode: 'stale' | 'default'
  /** The verdict on the whole history, these reads included. */
  readonly linearizability: CheckResult
}

/**
 * Labels the reads of a register history with what held for them: the exact
 * guarantees, the measured staleness, and the first counterexample of each
 * guarantee that did not hold. Needs versions that grow with each change, and
 * keys that are never deleted.
 *
 * The verdict is about the promise alone. A stale read (Consul: `?stale`, any
 * server answers, however old its state) promises that what is read was once
 * committed, and nothing else: an old value is a label, a value that nobody
 * wrote is invalid. valid: the promise held. unknown: no read completed.
 */
export function checkConsistencyModes(history: readonly HistoryEvent[], { mode, linearizability }: ConsistencyModesOptions): CheckResult {
  const operations = pairOperations(history)
  const reads = operations.filter((operation) => isRead(operation) && operation.outcome === 'ok' && (operation.consistency ?? mode) === mode)
  const order = versionOrder(operations)
  const tellsVersions = reads.some((read) => read.version !== null)
  const staleness = tellsVersions ? measureStaleness(reads, order) : null
  const committed = checkCommitted(history, operations, reads)
  const readYourWrites = tellsVersions ? checkReadYourWrites(operations, order) : untold('read your writes')
  const guarantees: Guarantee[] = [
    fromLinearizability(linearizability),
    tellsVersions ? checkSequential(operations, order, readYourWrites) : untold('sequential'),
    staleness === null ? untold('bounded staleness') : staleness.guarantee,
    readYourWrites,
    tellsVersions ? checkMonotonicReads(reads, order) : untold('monotonic reads'),
    committed,
  ]
  const label = (held: Guarantee['held']) => guarantees.filter((guarantee) => guarantee.held === held).map(({ name }) => name).join(', ') || 'nothing'
  const verdict = reads.length === 0 ? 'unknown' : committed.held === 'broken' ? 'invalid' : 'valid'
  const bound = staleness === null ? '' : ` Staleness: ${staleness.staleReads} of ${reads.length} reads were certainly old, by up to ${staleness.boundMs} ms.`
  const summary = reads.length === 0 ? `There was nothing to label: no ${mode} read completed.`
    : committed.held === 'broken' ? `${mode} reads promise what was once committed, and that did not hold: ${committed.explanation}`
      : `${reads.length} ${mode} reads gave what was once committed, as they promise. Seen to hold: ${label('held')}; not to hold: ${label('broken')}; not known: ${label('unknown')}.${bound}`
  const evidence: Evidence[] = committed.held !== 'broken' ? []
    : [{ title: 'a value that was never committed', explanation: [committed.explanation], key: null, eventIndexes: committed.eventIndexes }]
  return {
    checker: 'consistency-modes', verdict, summary, evidence,
    details: { mode, reads: reads.length, guarantees, stalenessMs: staleness?.boundMs ?? null, staleReads: staleness?.staleReads ?? null },
  }
}

/** The history without its stale reads: what must be linearizable whatever they gave. */
export function withoutStaleReads(history: readonly HistoryEvent[], mode: ConsistencyModesOptions['mode']): HistoryEvent[] {
  const open = new Map<number, boolean>()
  return history.filter((event) => {
    if (event.process === 'nemesis') return true
    if (event.type === 'invoke') open.set(event.process, event.f === 'read' && (event.consistency ?? mode) === 'stale')
    return open.get(event.process) !== true
  })
}

const held = (name: GuaranteeName, explanation: string): Guarantee => ({ name, held: 'held', explanation, eventIndexes: [] })
const untold = (name: GuaranteeName): Guarantee => ({ name, held: 'unknown', explanation: 'No read tells a version.', eventIndexes: [] })

function broken(name: GuaranteeName, explanation: string, operations: readonly PairedOperation[]): Guarantee {
  const eventIndexes = [...new Set(operations.flatMap(({ invokeIndex, returnIndex }) => returnIndex === null ? [invokeIndex] : [invokeIndex, returnIndex]))]
  return { name, held: 'broken', explanation, eventIndexes: eventIndexes.sort((a, b) => a - b) }
}

function describe(operation: PairedOperation): string {
  const key = operation.key === null ? '' : ` of ${operation.key}`
  const version = operation.version === null ? '' : `, version ${operation.version}`
  return `worker ${operation.process}'s ${shortText(operation)}${key} (index ${operation.invokeIndex}${version})`
}

function fromLinearizability({ verdict, summary, evidence }: CheckResult): Guarantee {
  return {
    name: 'linearizable',
    held: verdict === 'valid' ? 'held' : verdict === 'invalid' ? 'broken' : 'unknown',
    explanation: [summary, ...evidence[0]?.explanation ?? []].join('\n'),
    eventIndexes: evidence[0]?.eventIndexes ?? [],
  }
}

/** Each value that was read was written by an operation that had begun by then and did not certainly fail; one version has one value. */
function checkCommitted(history: readonly HistoryEvent[], operations: readonly PairedOperation[], reads: readonly PairedOperation[]): Guarantee {
  const place = (key: string | null, value: unknown) => `${key ?? ''}\u0000${JSON.stringify(value ?? null)}`
  const firstWrite = new Map<string, number>()
  for (const operation of operations) {
    const at = place(operation.key, valueWritten(operation))
    // In order of invocation: the first one stays.
    if (!isRead(operation) && !firstWrite.has(at)) firstWrite.set(at, operation.invokePosition)
  }
  const readOf = new Map<string, PairedOperation>()
  for (const read of reads) {
    if (read.output === null) continue
    const written = firstWrite.get(place(read.key, read.output))
    if (written === undefined || written > read.returnPosition) {
      const failed = history.find((event) => event.process !== 'nemesis' && event.type === 'fail' && event.f !== 'read'
        && (event.key ?? null) === read.key && JSON.stringify(event.f === 'cas' && Array.isArray(event.value) ? event.value[1] : event.value) === JSON.stringify(read.output))
      const why = written !== undefined ? 'it was written only later' : failed === undefined ? 'nobody ever wrote that' : `only an operation that failed would have written that (index ${failed.index})`
      return broken('committed', `${describe(read)}: ${why}.`, [read])
    }
    if (read.version === null) continue
    const version = `${read.key ?? ''}\u0000${read.version}`
    const other = readOf.get(version)
    if (other === undefined) readOf.set(version, read)
    else if (JSON.stringify(other.output) !== JSON.stringify(read.output)) {
      return broken('committed', `${describe(other)} and ${describe(read)}: one version has two values.`, [other, read])
    }
  }
  return held('committed', 'Each value that was read was written by an operation that had begun and did not fail.')
}

/**
 * How old what was read was at least: from the moment when somebody had been
 * told a newer version until the read began. What was newer and nobody had
 * been told yet does not count.
 */
function measureStaleness(reads: readonly PairedOperation[], order: VersionOrder) {
  let worst: { readonly ms: number, readonly read: PairedOperation, readonly newer: PairedOperation } | null = null
  let staleReads = 0
  for (const read of reads) {
    const version = order.versionOf(read)
    const newer = version === null ? null : order.firstNewer(read.key, version)
    if (newer === null || newer.by.returnPosition > read.invokePosition) continue
    const ms = Math.round((read.invokeNs - newer.by.returnNs!) / 1e3) / 1e3
    staleReads++
    if (worst === null || ms > worst.ms) worst = { ms, read, newer: newer.by }
  }
  const boundMs = worst?.ms ?? 0
  const guarantee = worst === null
    ? held('bounded staleness', 'No read gave a version when a newer one was known already: at most 0 ms, as far as can be seen.')
    : {
        ...held('bounded staleness', `At most ${boundMs} ms, as far as can be seen: ${describe(worst.read)} began ${boundMs} ms after ${describe(worst.newer)} had returned.`),
        eventIndexes: broken('bounded staleness', '', [worst.read, worst.newer]).eventIndexes,
      }
  return { guarantee, boundMs, staleReads }
}

const valueOf = (operation: PairedOperation) => isRead(operation) ? operation.output : valueWritten(operation)

/** A worker's reads never go back behind its own last write of the key. */
function checkReadYourWrites(operations: readonly PairedOperation[], order: VersionOrder): Guarantee {
  const lastWrite = new Map<string, PairedOperation>()
  for (const operation of operations) {
    const at = `${operation.process}\u0000${operation.key ?? ''}`
    if (!isRead(operation)) {
      if (operation.outcome === 'ok') lastWrite.set(at, operation)
      continue
    }
    const write = lastWrite.get(at)
    const read = order.versionOf(operation)
    if (write === undefined || read === null) continue
    const own = order.versionOf(write)
    // A write whose version nobody knows came at least after all that was known when it began.
    const before = own === null ? order.knownAt(write.key, write.invokePosition) : null
    if (own !== null && read < own) {
      return broken('read your writes', `${describe(operation)} gave a version older than that of its own write before, ${describe(write)}: version ${own}.`, [write, operation])
    }
    // Where nothing changes there is no new version (Consul, a write of the same value).
    if (before !== null && read <= before.version && JSON.stringify(valueOf(before.by)) !== JSON.stringify(valueOf(write))) {
      return broken('read your writes', `${describe(operation)} does not show its own write before, ${describe(write)}: ${describe(before.by)} had shown that version, or a newer one, before that write began.`, [before.by, write, operation])
    }
  }
  return held('read your writes', 'No worker read a version older than its own last write.')
}

/** A worker's reads of a key never go back. */
function checkMonotonicReads(reads: readonly PairedOperation[], order: VersionOrder): Guarantee {
  const newest = new Map<string, PairedOperation>()
  for (const read of reads) {
    const version = order.versionOf(read)
    if (version === null) continue
    const at = `${read.process}\u0000${read.key ?? ''}`
    const before = newest.get(at)
    if (before !== undefined && version < order.versionOf(before)!) {
      return broken('monotonic reads', `${describe(read)} went back behind ${describe(before)}.`, [before, read])
    }
    newest.set(at, read)
  }
  return held('monotonic reads', 'No worker read a version older than one that it had read before.')
}

function checkSequential(operations: readonly PairedOperation[], order: VersionOrder, readYourWrites: Guarantee): Guarantee {
  const cycle = sequentialCycle(operations, order)
  // Also by writes whose version nobody knows, which the cycles leave out.
  if (cycle === null && readYourWrites.held === 'broken') return { ...readYourWrites, name: 'sequential' }
  if (cycle === null) return held('sequential', 'There is one order of all operations whose version is known, on all keys, that keeps each worker\'s order.')
  return broken('sequential', `Each of these must come before the next, by its worker's order or by the versions, and the last before the first: ${cycle.map(describe).join('; ')}.`, cycle)
}
