/**
 * Judges the histories of the watch workload. What blocking queries promise
 * (Consul documentation, "Blocking Queries" and "Consistency Modes"):
 *
 * - An answer shows all below its prefix exactly as of its index. So of two
 *   answers the one with the lower index shows the same as the other wherever
 *   the other shows nothing newer: no change is missed, and all watchers see
 *   the same changes in the same order. This holds in every mode.
 * - The index never goes back, and what was acknowledged before a query began
 *   is in its answer; for `stale` reads only as far as one member goes, and
 *   while none begins anew.
 * - A query that waits is answered when something changes, not when its time is over.
 */
import type { HistoryEvent } from '../history/event.ts'
import type { PairedOperation } from '../history/operations.ts'
import type { RunPlan } from '../plan/plan.ts'
import type { RunFacts } from '../../workloads/workload.ts'
import { ClockBounds, faultSpans, restartsMembers, type FaultSpan } from './fault-spans.ts'
import { checkWatchedKeys } from './watched-keys.ts'
import { checkWakes } from './watch-wakes.ts'
import { watchHistory, type Observation, type WatchHistory } from './watch-history.ts'
import type { CheckResult, Evidence } from './verdict.ts'

const evidenceMax = 5

export interface WatchChecking extends WatchHistory {
  readonly plan: RunPlan
  readonly spans: readonly FaultSpan[]
  /** Answers that must be of a moment between question and answer. */
  readonly isStrict: (observation: Observation) => boolean
}

/** What a rule has against a history. */
export interface Objection {
  readonly title: string
  readonly explanation: readonly string[]
  readonly key: string
  readonly operations: readonly PairedOperation[]
}

export async function checkWatches(history: readonly HistoryEvent[], plan: RunPlan, facts: Pick<RunFacts, 'faults'>, nowMs: () => number = () => performance.now()): Promise<readonly CheckResult[]> {
  const spans = faultSpans(facts.faults)
  // A default read leans on the leader's lease, and so on its clock.
  const { skewed } = new ClockBounds(spans)
  const checking: WatchChecking = {
    ...watchHistory(history), plan, spans,
    isStrict: ({ consistency }) => consistency === 'consistent' || (consistency === 'default' && !skewed),
  }
  return [checkAnswers(checking), await checkWatchedKeys(checking, nowMs), checkWakes(checking)]
}

function checkAnswers(checking: WatchChecking): CheckResult {
  const { observations } = checking
  const objections = [...originsOf(checking), ...snapshotsOf(checking), ...indexesOf(checking)]
  const byPrefix = Map.groupBy(observations, ({ prefix }) => prefix)
  const watchers = new Set(observations.map(({ operation }) => operation.process)).size
  const changesSeen = [...byPrefix.values()].reduce((sum, its) => sum + new Set(its.map(({ index }) => index)).size, 0)
  const stale = observations.filter(({ consistency }) => consistency === 'stale').length
  const details = { answers: observations.length, prefixes: byPrefix.size, watchers, states: changesSeen, stale }
  const result = (verdict: CheckResult['verdict'], summary: string): CheckResult => ({ checker: 'watches', verdict, summary, evidence: evidenceOf(objections), details })
  if (objections.length > 0) return result('invalid', `${objections.length} answers to watchers contradict others: ${objections[0]!.title}.`)
  if (observations.length === 0) return result('unknown', 'There was nothing to check: no watcher was answered.')
  const note = stale === 0 ? '' : ` ${stale} were stale reads, of which no more is promised than that.`
  return result('valid', `${observations.length} answers to ${watchers} watchers on ${byPrefix.size} prefixes: each shows all exactly as of its index, no change missed, no index went back.${note}`)
}

export function evidenceOf(objections: readonly Objection[]): Evidence[] {
  return objections.slice(0, evidenceMax).map(({ title, explanation, key, operations }) => ({
    title, explanation, key,
    eventIndexes: [...new Set(operations.flatMap(({ invokeIndex, returnIndex }) => returnIndex === null ? [invokeIndex] : [invokeIndex, returnIndex]))].sort((a, b) => a - b),
  }))
}

/** Each value that is seen was written to its key, once, before it was seen; and has one version, not above the answer's index. */
function* originsOf({ changes, observations }: WatchChecking): Generator<Objection> {
  const writes = new Map(changes.filter(({ f }) => f === 'write').map((write) => [`${write.key} ${JSON.stringify(write.input)}`, write]))
  const versions = new Map<string, { readonly version: number, readonly by: Observation }>()
  const values = new Map<string, { readonly value: string | number, readonly by: Observation }>()
  for (const observation of observations) {
    for (const [key, { value, version }] of observation.entries) {
      const at = `${key} ${JSON.stringify(value)}`
      const write = writes.get(at)
      const said = `${describeObservation(observation)} shows ${key} = ${JSON.stringify(value)} of version ${version}.`
      if (write === undefined || write.invokePosition > observation.operation.returnPosition) {
        yield { title: `${key} showed a value that nobody had written`, explanation: [said], key, operations: [observation.operation] }
        continue
      }
      if (version > observation.index) {
        yield { title: `an answer showed ${key} newer than its own index`, explanation: [said], key, operations: [observation.operation] }
      }
      const other = versions.get(at)
      const twin = values.get(`${key} ${version}`)
      if (other === undefined) versions.set(at, { version, by: observation })
      else if (other.version !== version) {
        yield { title: `one write to ${key} was seen with two versions`, explanation: [describeChange(write), said, `${describeObservation(other.by)} shows it of version ${other.version}.`], key, operations: [write, observation.operation, other.by.operation] }
      }
      if (twin === undefined) values.set(`${key} ${version}`, { value, by: observation })
      else if (twin.value !== value) {
        yield { title: `${key} was seen with two values of one version`, explanation: [said, `${describeObservation(twin.by)} shows ${JSON.stringify(twin.value)}.`], key, operations: [observation.operation, twin.by.operation] }
      }
    }
  }
}

/**
 * Answers about one prefix in the order of their indexes. Neighbours suffice:
 * what the third shows of a time before the second's index the second must show,
 * and what the second shows of a time before the first's the first.
 */
function* snapshotsOf({ observations, changes }: WatchChecking): Generator<Objection> {
  const deletes = Map.groupBy(changes.filter(({ f }) => f === 'delete'), ({ key }) => key ?? '')
  for (const [prefix, its] of Map.groupBy(observations, (observation) => observation.prefix)) {
    const sorted = [...its].sort((a, b) => a.index - b.index || a.operation.returnPosition - b.operation.returnPosition)
    for (let at = 1; at < sorted.length; at++) {
      const older = sorted[at - 1]!
      const newer = sorted[at]!
      for (const key of new Set([...older.entries.keys(), ...newer.entries.keys()])) {
        const problem = contradiction(key, older, newer, deletes.get(key) ?? [])
        if (problem === null) continue
        yield {
          title: `${problem}: ${key}`, key: prefix,
          explanation: [`${describeObservation(older)} ${shows(older, key)}.`, `${describeObservation(newer)} ${shows(newer, key)}.`, reasonOf(older, newer)],
          operations: [older.operation, newer.operation],
        }
        // One for a pair is enough.
        break
      }
    }
  }
}

function contradiction(key: string, older: Observation, newer: Observation, deletes: readonly PairedOperation[]): string | null {
  const before = older.entries.get(key)
  const after = newer.entries.get(key)
  if (after !== undefined) {
    // Written behind the older one's index.
    if (after.version > older.index) return null
    if (before === undefined) return 'a watcher missed a change'
    return before.version === after.version ? null : 'a watcher missed a change'
  }
  if (before === undefined) return null
  if (older.index === newer.index) return 'two answers with one index differ'
  return deletes.some(({ invokePosition }) => invokePosition < newer.operation.returnPosition) ? null : 'a key went away though nobody deleted it'
}

const shows = ({ entries }: Observation, key: string) => {
  const entry = entries.get(key)
  return entry === undefined ? `does not show ${key}` : `shows ${key} = ${JSON.stringify(entry.value)} of version ${entry.version}`
}

const reasonOf = (older: Observation, newer: Observation) => older.index === newer.index
  ? `Both are of index ${older.index}, so both should show the same.`
  : `What is as old as index ${older.index} and still stands at index ${newer.index} should be in both.`

/** In real time: an answer to a question that was asked behind another answer has no lower index. */
function* indexesOf({ observations, spans, isStrict }: WatchChecking): Generator<Objection> {
  const beginsAnew = spans.some(restartsMembers)
  // Of stale reads nothing is promised across members, nor where one begins anew.
  const groups = Map.groupBy(observations, (observation) => isStrict(observation) ? observation.prefix
    : observation.consistency === 'stale' && !beginsAnew ? `${observation.prefix}\u0000${observation.operation.node}` : null)
  for (const [group, its] of groups) {
    if (group === null) continue
    const byReturn = [...its].sort((a, b) => a.operation.returnPosition - b.operation.returnPosition)
    let at = 0
    let highest: Observation | null = null
    for (const observation of its) {
      while (at < byReturn.length && byReturn[at]!.operation.returnPosition < observation.operation.invokePosition) {
        if (highest === null || byReturn[at]!.index > highest.index) highest = byReturn[at]!
        at++
      }
      if (highest !== null && observation.index < highest.index) {
        yield {
          title: `the index of ${observation.prefix} went back`, key: observation.prefix,
          explanation: [`${describeObservation(highest)}.`, `${describeObservation(observation)}, asked later.`, 'Nothing was restored in between, so that no index may go back.'],
          operations: [highest.operation, observation.operation],
        }
      }
    }
  }
}

const seconds = (ns: number | null) => `${((ns ?? 0) / 1e9).toFixed(3)} s`

export function describeObservation({ operation: { process, node, invokeNs, returnNs, invokeIndex, returnIndex }, prefix, since, index, consistency }: Observation): string {
  return `worker ${process}${node === null ? '' : ` at ${node}`} asked for ${prefix} beyond index ${since} at ${seconds(invokeNs)} and was told at ${seconds(returnNs)} (index ${invokeIndex}–${returnIndex}, ${consistency}) that index ${index}`
}

export function describeChange({ process, node, f, key, input, outcome, invokeNs, returnNs, invokeIndex, returnIndex }: PairedOperation): string {
  const what = f === 'delete' ? `deleted ${key}` : `wrote ${key} = ${JSON.stringify(input)}`
  const when = outcome === 'ok' ? `${seconds(invokeNs)} to ${seconds(returnNs)}` : `from ${seconds(invokeNs)} on, perhaps`
  return `worker ${process}${node === null ? '' : ` at ${node}`} ${what}, ${when} (index ${invokeIndex}${returnIndex === null ? '' : `–${returnIndex}`}).`
}
