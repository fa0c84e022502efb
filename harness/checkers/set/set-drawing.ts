/** The life of an element as bands in time: its add, the reads in order, and from when it is wrong. */
import type { Band, BandLane, BandMoment, BandTone, TimeBands } from '../drawing.ts'
import type { Add, Element, SetHistory, SetRead } from './set-history.ts'

/** Reads that are drawn; the others between them are told of together. */
const readsMax = 12
/** At the beginning, at the end, and around the moment that is wrong. */
const shownEach = 2

const finite = (ns: number): number | null => Number.isFinite(ns) ? ns : null
const show = (element: Element) => JSON.stringify(element)

/** What a read says of the element. */
interface Said {
  readonly label: string
  readonly tone: BandTone
}

interface DrawnElement {
  readonly about: string
  readonly adds: readonly Add[]
  /** In any order. */
  readonly reads: readonly SetRead[]
  /** Null: nothing that matters here. */
  readonly says: (read: SetRead) => Said | null
  readonly moments: readonly BandMoment[]
}

/** It was certain to be there since `knownNs`; `hadToHave`: the reads that had to show it. */
export function drawLack({ adds, reads }: SetHistory, element: Element, knownNs: number, hadToHave: (read: SetRead) => boolean): TimeBands {
  const lacking = reads.filter((read) => !read.elements.has(element) && hadToHave(read)).sort((a, b) => a.invoked - b.invoked)
  const lastSeen = Math.max(-1, ...reads.filter(({ elements }) => elements.has(element)).map(({ returned }) => returned))
  // Lost: since the first read behind the last that shows it. Missing for a while: at the first read that lacks it.
  const lost = lacking.find(({ invoked }) => invoked > lastSeen)
  const wrong = lost ?? lacking[0]!
  return drawElement({
    about: `${show(element)} was certain to be there, and a read lacks it.`,
    adds: [adds.get(element)!], reads,
    says: (read) => read.elements.has(element) ? { label: 'has it', tone: 'certain' } : hadToHave(read) ? { label: 'lacks it', tone: 'wrong' } : read.invokedNs >= knownNs ? { label: 'lacks it, and may', tone: 'perhaps' } : null,
    moments: [
      { atNs: knownNs, label: 'certain to be there', wrong: false },
      { atNs: wrong.returnedNs, label: lost === undefined ? 'missing' : 'lost by here', wrong: true },
    ],
  })
}

/** A read that shows what cannot be there, or shows it twice. */
export function drawStranger({ reads }: SetHistory, element: Element, add: Add | undefined, first: SetRead, what: string): TimeBands {
  return drawElement({
    about: `${show(element)}: ${what}.`,
    adds: add === undefined ? [] : [add], reads,
    says: (read) => read.twice.includes(element) ? { label: 'has it more than once', tone: 'wrong' } : !read.elements.has(element) ? null : { label: 'has it', tone: first.twice.includes(element) || (add !== undefined && add.outcome !== 'fail' && read.returned >= add.invoked) ? 'certain' : 'wrong' },
    moments: [{ atNs: first.returnedNs, label: what, wrong: true }],
  })
}

/** Two reads that each lack what the other has. */
export function drawSplit({ adds }: SetHistory, [one, other]: readonly [SetRead, SetRead], [inOne, inOther]: readonly [Element, Element]): TimeBands {
  return drawElement({
    about: `Of two reads one has ${show(inOne)} and the other ${show(inOther)}.`,
    adds: [inOne, inOther].flatMap((element) => adds.get(element) ?? []), reads: [one, other],
    says: (read) => ({ label: read === one ? `${show(inOne)}, not ${show(inOther)}` : `${show(inOther)}, not ${show(inOne)}`, tone: 'wrong' }),
    moments: [{ atNs: Math.max(one.returnedNs, other.returnedNs), label: 'neither can have been before the other', wrong: true }],
  })
}

/** Reads in order of their invocation, a lane each; of many those where it begins, changes, is wrong, and ends. */
function drawElement({ about, adds, reads, says, moments }: DrawnElement): TimeBands {
  const telling = reads.flatMap((read) => {
    const said = says(read)
    return said === null ? [] : [{ read, ...said }]
  }).sort((a, b) => a.read.invoked - b.read.invoked)
  const lanes: BandLane[] = adds.map(({ element, outcome, invokedNs, returnedNs, endedNs, eventIndexes }) => ({
    label: `add ${show(element)} (index ${eventIndexes[0]})`,
    bands: [{ fromNs: invokedNs, toNs: outcome === 'fail' ? endedNs : finite(returnedNs), label: outcome === 'ok' ? 'acknowledged' : outcome === 'fail' ? 'failed' : 'may have happened', tone: outcome === 'ok' ? 'certain' : 'perhaps' }],
  }))
  const shown = telling.length <= readsMax ? null : shownOf(telling, moments)
  for (let from = 0; from < telling.length;) {
    if (shown === null || shown.has(from)) {
      lanes.push(laneOf(telling[from++]!))
      continue
    }
    let to = from
    while (to < telling.length && !shown.has(to)) to++
    lanes.push(laneOfMany(telling.slice(from, to)))
    from = to
  }
  return { kind: 'bands', about, lanes, moments }
}

interface Telling extends Said { readonly read: SetRead }

function shownOf(telling: readonly Telling[], moments: readonly BandMoment[]): Set<number> {
  const wrongNs = moments.find(({ wrong }) => wrong)?.atNs
  const wrong = telling.findIndex(({ read, tone }) => tone === 'wrong' && read.returnedNs === wrongNs)
  const around = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i).filter((i) => i >= 0 && i < telling.length)
  const shown = new Set([...around(0, shownEach), ...around(telling.length - shownEach, telling.length), ...wrong < 0 ? [] : around(wrong - shownEach, wrong + shownEach)])
  for (let i = 1; i < telling.length && shown.size < readsMax; i++) {
    if (telling[i]!.label !== telling[i - 1]!.label) shown.add(i - 1).add(i)
  }
  return shown
}

/** As one, from when the first began to when all had ended. */
function laneOfMany(many: readonly Telling[]): BandLane {
  const isOne = many.every(({ label }) => label === many[0]!.label)
  const toNs = many.reduce((last, { read }) => Math.max(last, read.returnedNs), 0)
  return { label: `${many.length} more read${many.length === 1 ? '' : 's'}`, bands: [{ ...bandOf(many[0]!), toNs: finite(toNs), ...isOne ? {} : { label: 'some have it', tone: 'perhaps' } }] }
}

function laneOf(telling: Telling): BandLane {
  const { final, eventIndexes } = telling.read
  return { label: `${final ? 'final ' : ''}read (index ${eventIndexes[0]})`, bands: [bandOf(telling)] }
}

function bandOf({ read: { invokedNs, returnedNs }, label, tone }: Telling): Band {
  return { fromNs: invokedNs, toNs: finite(returnedNs), label, tone }
}
