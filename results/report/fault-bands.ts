import type { NemesisEvent } from '../../harness/history/event.ts'

export interface FaultBand {
  readonly name: string
  readonly label: string
  /** Whom it names; empty where it names nobody. */
  readonly members: readonly string[]
  readonly startMs: number
  readonly endMs: number
}

interface OpenBand extends Omit<FaultBand, 'endMs'> {
  /** Of its value, which tells it from others of its family that are on at the same time. */
  readonly key: string
  /** Null while it is on. */
  endMs: number | null
}

/** A step that was asked for and is not done yet. */
interface AskedStep {
  readonly f: string
  /** Undefined: a stop of nothing. */
  readonly band: OpenBand | undefined
}

/**
 * A fault is four events: start asked, start done, stop asked, stop done; one
 * fault's step is done before the next is asked for. The band runs from "start
 * asked" to the last stop event, so that no operation that could have felt the
 * fault lies outside it. A start that failed was taken back; a stop that failed
 * leaves the fault on.
 */
export function faultBands(events: readonly NemesisEvent[], endMs: number): FaultBand[] {
  const bands: OpenBand[] = []
  let asked = null as AskedStep | null
  for (const { f, value, error, time } of events) {
    const [, verb, name] = /^(start|stop)-(.+)$/.exec(f) ?? []
    if (verb === undefined || name === undefined) continue
    const atMs = time / 1e6
    if (asked?.f === f) {
      const { band } = asked
      if (band !== undefined && verb === 'stop') band.endMs = error === undefined ? atMs : null
      else if (band !== undefined && error !== undefined) band.endMs = atMs
      asked = null
      continue
    }
    const band = verb === 'stop' ? bandOf(bands, name, JSON.stringify(value))
      : { name, label: bandLabel(name, value), members: membersIn(value), key: JSON.stringify(value), startMs: atMs, endMs: null }
    if (verb === 'start') bands.push(band!)
    else if (band !== undefined) band.endMs = atMs
    asked = { f, band }
  }
  return bands.map((band) => ({ name: band.name, label: band.label, members: band.members, startMs: round(band.startMs), endMs: round(band.endMs ?? endMs) }))
    .sort((a, b) => a.startMs - b.startMs)
}

/** Which one a stop is about: other harnesses' need not repeat the value. */
function bandOf(bands: readonly OpenBand[], name: string, key: string): OpenBand | undefined {
  const own = bands.filter((band) => band.name === name)
  const on = own.filter((band) => band.endMs === null)
  return on.find((band) => band.key === key) ?? on[0] ?? own.findLast((band) => band.key === key) ?? own.at(-1)
}

const round = (ms: number) => Math.round(ms * 1e3) / 1e3

function membersIn(value: unknown): string[] {
  const members = (value as { members?: unknown } | null | undefined)?.members
  return Array.isArray(members) ? members.filter((member) => typeof member === 'string') : []
}

/** `partition isolate-leader n2`: what the fault asked for, short enough for a band. */
function bandLabel(name: string, value: unknown): string {
  if (typeof value !== 'object' || value === null) return name
  const fields = value as { target?: unknown, members?: unknown }
  const parts = [name]
  if (typeof fields.target === 'string') parts.push(fields.target)
  if (Array.isArray(fields.members)) parts.push(fields.members.join(' '))
  return parts.join(' ')
}
