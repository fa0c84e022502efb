import type { HistoryEvent } from '../../history/event.ts'
import { withPicture } from '../bands-text.ts'
import type { TimeBands } from '../drawing.ts'
import { quantilesOf } from '../quantiles.ts'
import type { CheckResult, Evidence } from '../verdict.ts'
import { drawLack, drawSplit, drawStranger } from './set-drawing.ts'
import { readSets, type Add, type Element, type SetHistory, type SetRead } from './set-history.ts'

export interface SetOptions {
  /** Reads may show the past, but for final ones. What they show must still have been there at one moment. */
  readonly staleReads: boolean
}

/** Of one kind. */
const evidenceOfKindMax = 3

const kinds = {
  lost: 'was added, and no later read has it',
  stale: 'was missing in a read that had to have it, and was seen later',
  unexpected: 'was read, though it cannot be there',
  duplicated: 'is in one answer more than once',
  split: 'two reads each lack an element that the other has',
} as const
type Kind = keyof typeof kinds

interface Finding {
  readonly kind: Kind
  readonly element: Element
  readonly key: string | null
  readonly explanation: readonly string[]
  readonly eventIndexes: readonly number[]
  /** Asked of those that are told. */
  readonly draw: () => TimeBands
}

/** What was seen of one element from when it was certainly there. */
interface Fate {
  /** Position and time since when it is certain: its add was acknowledged, or a read that has it ended. */
  readonly known: number
  readonly knownNs: number
  /** The last read that had to have it and lacked it. */
  lacking: SetRead | null
  /** The last read that was begun after it was certain and lacks it, whether it had to have it or not. */
  lackingAtAll: SetRead | null
  /** A read that may not be stale was begun since. */
  judged: boolean
}

/**
 * Whether sets that only grow behaved as one set each (linearizable). An
 * element is certain to be there once its add was acknowledged or a read had
 * it. A read must have what was certain before it began, and before the add of
 * anything that it has began. Of any two reads one has all that the other has.
 * Throws MalformedHistoryError.
 */
export function checkSets(history: readonly HistoryEvent[], options: SetOptions): CheckResult {
  const sets = readSets(history)
  const findings: Finding[] = []
  const lagsMs: number[] = []
  const neverRead: string[] = []
  for (const set of sets) {
    findings.push(...strangers(set), ...splits(set))
    for (const [element, fate] of fates(set, options)) {
      // One that was never acknowledged was seen: that is enough of it.
      if (!fate.judged && set.adds.get(element)!.outcome === 'ok') neverRead.push(`${JSON.stringify(element)}${set.key === null ? '' : ` of ${set.key}`}`)
      if (fate.judged) lagsMs.push(fate.lackingAtAll === null ? 0 : Math.max(0, fate.lackingAtAll.invokedNs - fate.knownNs) / 1e6)
      if (fate.lacking !== null) findings.push(lackOf(set, element, fate, fate.lacking, options))
    }
  }
  return result(sets, findings, { lagsMs, neverRead }, options)
}

/** Position such that what was certain before it must be in the read. */
function hasToHave({ adds }: SetHistory, read: SetRead, { staleReads }: SetOptions): number {
  let since = staleReads && !read.final ? -1 : read.invoked
  for (const element of read.elements) since = Math.max(since, adds.get(element)?.invoked ?? -1)
  return since
}

function fates(set: SetHistory, options: SetOptions): Map<Element, Fate> {
  const { adds, reads } = set
  const found = new Map<Element, Fate>()
  for (const { element, outcome, returned, returnedNs } of adds.values()) {
    if (outcome === 'ok') found.set(element, { known: returned, knownNs: returnedNs, lacking: null, lackingAtAll: null, judged: false })
  }
  for (const read of reads) {
    for (const element of read.elements) {
      // What nobody can have added is told elsewhere, and need not be there again.
      if ((adds.get(element)?.outcome ?? 'fail') === 'fail' || (found.get(element)?.known ?? Number.POSITIVE_INFINITY) <= read.returned) continue
      found.set(element, { known: read.returned, knownNs: read.returnedNs, lacking: null, lackingAtAll: null, judged: false })
    }
  }
  for (const read of reads) {
    const mayBeStale = options.staleReads && !read.final
    const since = hasToHave(set, read, options)
    for (const [element, fate] of found) {
      if (fate.known < read.invoked && !mayBeStale) fate.judged = true
      if (read.elements.has(element)) continue
      if (fate.known < read.invoked && (fate.lackingAtAll === null || fate.lackingAtAll.invoked < read.invoked)) fate.lackingAtAll = read
      if (fate.known < since && (fate.lacking === null || fate.lacking.invoked < read.invoked)) fate.lacking = read
    }
  }
  return found
}

function lackOf(set: SetHistory, element: Element, { known, knownNs }: Fate, lacking: SetRead, options: SetOptions): Finding {
  const { key, adds, reads } = set
  const seenLater = reads.find((read) => read.elements.has(element) && read.returned > lacking.invoked)
  const add = adds.get(element)!
  return {
    kind: seenLater === undefined ? 'lost' : 'stale', element, key,
    explanation: [
      `${addText(add)}; certain to be there since ${seconds(knownNs)}`,
      `${readText(lacking)} does not have it`,
      ...seenLater === undefined ? ['No read that ended later has it.'] : [`but ${readText(seenLater)} has it: it was there.`],
    ],
    eventIndexes: [...add.eventIndexes, ...lacking.eventIndexes, ...seenLater?.eventIndexes ?? []],
    draw: () => drawLack(set, element, knownNs, (read) => known < hasToHave(set, read, options)),
  }
}

/** What cannot be there, and what is there twice: each element once. */
function strangers(set: SetHistory): Finding[] {
  const { key, adds, reads } = set
  const findings = new Map<string, Finding>()
  const report = (kind: Kind, element: Element, explanation: string[], what: string, read: SetRead, add?: Add) => {
    const name = `${kind} ${typeof element} ${element}`
    if (!findings.has(name)) findings.set(name, {
      kind, element, key, explanation, eventIndexes: [...add?.eventIndexes ?? [], ...read.eventIndexes],
      draw: () => drawStranger(set, element, add, read, what),
    })
  }
  for (const read of reads) {
    for (const element of read.elements) {
      const add = adds.get(element)
      if (add === undefined) report('unexpected', element, ['nobody added it', `${readText(read)} has it`], 'nobody added it', read)
      else if (add.outcome === 'fail') report('unexpected', element, [`${addText(add)}: it did not happen`, `${readText(read)} has it`], 'its add had failed', read, add)
      else if (read.returned < add.invoked) report('unexpected', element, [`${readText(read)} has it`, `${addText(add)}, later than that`], 'before it was added', read, add)
    }
    for (const element of read.twice) report('duplicated', element, ['it was added once at most', `${readText(read)} has it more than once`], 'more than once', read, adds.get(element))
  }
  return [...findings.values()]
}

/** Of reads in order of size each must have all that the one before it has. */
function splits(set: SetHistory): Finding[] {
  const { key, reads } = set
  const bySize = [...reads].sort((a, b) => a.elements.size - b.elements.size)
  for (const [i, larger] of bySize.entries()) {
    const smaller = bySize[i - 1]
    const lacks = smaller === undefined ? undefined : [...smaller.elements].find((element) => !larger.elements.has(element))
    if (smaller === undefined || lacks === undefined) continue
    const other = [...larger.elements].find((element) => !smaller.elements.has(element))
    // Of reads of one size each lacks something; of others the larger has more.
    return [{
      kind: 'split', element: lacks, key,
      explanation: [`${readText(smaller)} has ${JSON.stringify(lacks)} and not ${JSON.stringify(other)}`, `${readText(larger)} has ${JSON.stringify(other)} and not ${JSON.stringify(lacks)}: neither can have been before the other`],
      eventIndexes: [...smaller.eventIndexes, ...larger.eventIndexes],
      draw: () => drawSplit(set, [smaller, larger], [lacks, other!]),
    }]
  }
  return []
}

const seconds = (ns: number) => `${(ns / 1e9).toFixed(3)} s`
const addText = ({ outcome, invokedNs, eventIndexes }: Add) => `its add (index ${eventIndexes[0]}, ${outcome}) began at ${seconds(invokedNs)}`
const readText = ({ final, invokedNs, returnedNs, eventIndexes, elements }: SetRead) => `the ${final ? 'final ' : ''}read from ${seconds(invokedNs)} to ${seconds(returnedNs)} (index ${eventIndexes[0]}, ${elements.size} elements)`

function result(sets: readonly SetHistory[], findings: readonly Finding[], { lagsMs, neverRead }: { readonly lagsMs: readonly number[], readonly neverRead: readonly string[] }, { staleReads }: SetOptions): CheckResult {
  const countOf = (outcome: Add['outcome']) => sets.reduce((sum, { adds }) => sum + [...adds.values()].filter((add) => add.outcome === outcome).length, 0)
  const counts = Object.fromEntries((Object.keys(kinds) as Kind[]).map((kind) => [kind, findings.filter((finding) => finding.kind === kind).length])) as Record<Kind, number>
  const late = lagsMs.filter((lag) => lag > 0).length
  const details = {
    sets: sets.length, acknowledged: countOf('ok'), mayHaveHappened: countOf('info'), failed: countOf('fail'),
    reads: sets.reduce((sum, { reads }) => sum + reads.length, 0),
    ...counts, neverRead: neverRead.length, seenLate: late, visibleAfterMs: quantilesOf(lagsMs),
  }
  const evidence = (Object.keys(kinds) as Kind[]).flatMap((kind) => findings.filter((finding) => finding.kind === kind).slice(0, evidenceOfKindMax)
    .map(({ element, key, explanation, eventIndexes, draw }): Evidence => {
      const drawing = draw()
      return { title: `${kind}: ${JSON.stringify(element)}${key === null ? '' : ` of ${key}`} ${kinds[kind]}`, explanation: withPicture(explanation, drawing), key, eventIndexes, drawing }
    }))
  const as = (verdict: CheckResult['verdict'], summary: string): CheckResult => ({ checker: 'set', verdict, summary, evidence, details })
  if (findings.length > 0) return as('invalid', `${(Object.keys(kinds) as Kind[]).filter((kind) => counts[kind] > 0).map((kind) => `${counts[kind]} ${kind}`).join(', ')}, of ${details.acknowledged} acknowledged elements.`)
  if (details.acknowledged === 0) return as('unknown', 'There was nothing to check: no add was acknowledged.')
  if (neverRead.length > 0) return as('unknown', `${neverRead.length} elements were never read after they were certain to be there: ${neverRead.slice(0, 3).join(', ')}.`)
  const { p50, p99, max } = details.visibleAfterMs
  const visible = late === 0 ? 'each visible at once' : `${late} seen late: visible after ${p50.toFixed(0)} ms (median), ${p99.toFixed(0)} ms (99 %), ${max.toFixed(0)} ms at most`
  return as('valid', `${details.acknowledged} elements were added to ${sets.length} sets and none was lost; ${visible}.${staleReads ? ' The reads were stale reads: that they show the past was not held against them.' : ''}`)
}
