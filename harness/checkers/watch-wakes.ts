/**
 * Whether a query that waits is answered when something changes. One that is
 * answered only as its time runs out shows the change all the same, late: for
 * whoever watches, that is a change missed. How late is too late says the wait
 * itself, and only while the member was well: no fault was on, and it answered
 * others that came after the change.
 */
import type { PairedOperation } from '../history/operations.ts'
import { isDisturbed } from './fault-spans.ts'
import type { Observation } from './watch-history.ts'
import { describeChange, describeObservation, evidenceOf, type Objection, type WatchChecking } from './watches.ts'
import type { CheckResult } from './verdict.ts'

/** Of the wait, and at least so long. */
const lateFraction = 0.5
const lateNsMin = 500e6
/** Others that the member answered meanwhile, one after another's end or not. */
const signsOfLife = 3

export function checkWakes(checking: WatchChecking): CheckResult {
  const { observations } = checking
  const waits = observations.filter(({ since }) => since > 0)
  const changed = waits.filter(({ since, index }) => index > since)
  const states = statesByIndex(observations)
  const objections = changed.flatMap((observation) => objectionTo(observation, states, checking) ?? [])
  const quiet = waits.length - changed.length
  const details = { waits: waits.length, woken: changed.length, timedOut: quiet, late: objections.length }
  const result = (verdict: CheckResult['verdict'], summary: string): CheckResult => ({ checker: 'wakes', verdict, summary, evidence: evidenceOf(objections), details })
  if (objections.length > 0) return result('invalid', `${objections.length} of ${waits.length} waits went on though what they waited for had happened: ${objections[0]!.title}.`)
  if (waits.length === 0) return result('unknown', 'There was nothing to check: nobody waited for a change.')
  return result('valid', `${changed.length} waits ended with a change and ${quiet} without: none slept through one while its member was well.`)
}

/** Prefix and index to what was shown of it. */
function statesByIndex(observations: readonly Observation[]): ReadonlyMap<string, Observation> {
  return new Map(observations.map((observation) => [`${observation.prefix} ${observation.index}`, observation]))
}

function objectionTo(observation: Observation, states: ReadonlyMap<string, Observation>, { changes, observations, spans }: WatchChecking): Objection | null {
  const { operation, prefix, since, waitMs } = observation
  const lateNs = Math.max(lateNsMin, lateFraction * waitMs * 1e6)
  const answeredNs = operation.returnNs!
  if (answeredNs - operation.invokeNs < lateNs) return null
  const before = states.get(`${prefix} ${since}`)
  const change = changes.find((candidate) => candidate.outcome === 'ok' && candidate.key!.startsWith(prefix)
    // Begun behind the question, so that its index is above the one that was given.
    && candidate.invokePosition > operation.invokePosition && candidate.returnNs! <= answeredNs - lateNs
    // Deleting what is absent is no change. What stood there at the index given, and stands there no more, is one.
    && (candidate.f === 'write' || before?.entries.has(candidate.key!) === true))
  if (change === undefined || isDisturbed(spans, change.returnNs!, answeredNs)) return null
  const signs = [...changes, ...observations.map((other) => other.operation)].filter((other) => isSign(other, operation, change))
  if (signs.length < signsOfLife) return null
  return {
    title: `a watcher of ${prefix} slept through a change of ${change.key}`, key: prefix,
    explanation: [
      describeChange(change),
      `${describeObservation(observation)}: ${((answeredNs - change.returnNs!) / 1e9).toFixed(2)} s after that change was acknowledged, of ${waitMs / 1000} s that it was to wait.`,
      `No fault was on, and ${operation.node} answered ${signs.length} others meanwhile.`,
    ],
    operations: [change, operation],
  }
}

const isSign = (other: PairedOperation, waiting: PairedOperation, change: PairedOperation) => other !== waiting && other.outcome === 'ok'
  && other.node === waiting.node && other.invokePosition > change.returnPosition && other.returnPosition < waiting.returnPosition
