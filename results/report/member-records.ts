import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { StringDecoder } from 'node:string_decoder'

/** What a report tells of a member beside what clients saw of it. Times in ms of the run. */
export interface MemberRecord {
  readonly member: string
  /** In order of time; a gap: it was not running, or nobody knows. Empty where the system leaves no Raft trace. */
  readonly roles: readonly RoleSpan[]
  readonly log: readonly LogLine[]
}

export interface RoleSpan {
  readonly role: 'follower' | 'candidate' | 'leader'
  readonly term: number
  readonly fromMs: number
  readonly toMs: number
}

export interface LogLine {
  /** Null: the line does not say, and none before it did. */
  readonly atMs: number | null
  readonly text: string
}

/** Of a longer log the end is read. */
const logBytesMax = 32 * 1024 * 1024
const lineCharsMax = 400

/**
 * Reads `directory/<member>/`. What is missing is empty.
 * @param zeroWallMs Unix ms at which the run's time was 0. Members write by their own wall clocks, so what they
 * wrote while a fault made these lie stands where they believed to be.
 * @param endMs where what lasts to the end ends, in ms of the run
 */
export function readMemberRecords(directory: string, members: readonly string[], zeroWallMs: number, endMs: number): MemberRecord[] {
  return members.map((member) => ({
    member,
    roles: roleSpans(readWhole(join(directory, member, 'raft-trace.jsonl')), zeroWallMs, endMs),
    log: logLines(readEnd(join(directory, member, 'member.log')), zeroWallMs),
  }))
}

const startMark = '{"event":"start"'

interface Point { readonly event: 'start' | 'transition', readonly timeMs: number, readonly term: number, readonly role?: string }

/** From the lines of a Raft trace. A role lasts until the next one, or the last sign of life before a new start. */
export function roleSpans(trace: string, zeroWallMs: number, endMs: number): RoleSpan[] {
  const spans: RoleSpan[] = []
  let open: Omit<RoleSpan, 'toMs'> | null = null
  const lines = trace.split('\n')
  /** Behind the line of the last point. */
  let from = 0
  let lastPointMs = 0
  const signOfLifeMs = (before: number) => {
    for (let at = before - 1; at >= from; at--) {
      const seen = /"timeMs":([\d.]+)/.exec(lines[at]!)
      if (seen !== null) return Number(seen[1]) - zeroWallMs
    }
    return lastPointMs
  }
  const close = (toMs: number) => {
    if (open === null) return
    const before = spans.at(-1)
    const span = { ...open, toMs: Math.max(open.fromMs, Math.min(toMs, endMs)) }
    if (before !== undefined && before.role === span.role && before.term === span.term && before.toMs === span.fromMs) spans[spans.length - 1] = { ...span, fromMs: before.fromMs }
    else if (span.toMs > span.fromMs) spans.push(span)
    open = null
  }
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at]!
    // A kill may tear a line, and the next life goes on behind it.
    const point = line.includes(startMark) ? parsePoint(line.slice(line.lastIndexOf(startMark))) : line.startsWith('{"event":"transition"') ? parsePoint(line) : null
    if (point === null) continue
    const atMs = Math.max(0, point.timeMs - zeroWallMs)
    close(point.event === 'start' ? signOfLifeMs(at) : atMs)
    from = at + 1
    lastPointMs = atMs
    const role = point.role === 'leader' ? 'leader' : point.role === 'candidate' || point.role === 'pre-candidate' ? 'candidate' : 'follower'
    open = { role, term: point.term, fromMs: atMs }
  }
  close(endMs)
  return spans
}

function parsePoint(line: string): Point | null {
  try {
    return JSON.parse(line) as Point
  } catch {
    return null
  }
}

/** Lines of any member's log: this project's, Consul's and etcd's say the time in their own ways. */
export function logLines(text: string, zeroWallMs: number): LogLine[] {
  let atMs: number | null = null
  return text.split('\n').flatMap((line) => {
    if (line.trim() === '') return []
    atMs = timeOf(line, zeroWallMs) ?? atMs
    return [{ atMs, text: line.length > lineCharsMax ? `${line.slice(0, lineCharsMax)}…` : line }]
  })
}

function timeOf(line: string, zeroWallMs: number): number | null {
  // Simulated members write the run's time itself.
  const virtual = /^\{"timeMs":([\d.]+)/.exec(line)
  if (virtual !== null) return Number(virtual[1])
  const stamp = /^(?:\s*|\{.{0,80}?")(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?)/.exec(line)
  if (stamp === null) return null
  const unixMs = Date.parse(/(?:Z|[+-]\d\d:?\d\d)$/.test(stamp[1]!) ? stamp[1]! : `${stamp[1]!.replace(' ', 'T')}Z`)
  return Number.isNaN(unixMs) ? null : Math.round((unixMs - zeroWallMs) * 1e3) / 1e3
}

function readWhole(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

function readEnd(file: string): string {
  let descriptor: number
  try {
    descriptor = openSync(file, 'r')
  } catch {
    return ''
  }
  try {
    const { size } = fstatSync(descriptor)
    const bytes = Buffer.alloc(Math.min(size, logBytesMax))
    const read = readSync(descriptor, bytes, 0, bytes.length, size - bytes.length)
    return new StringDecoder('utf8').write(bytes.subarray(0, read))
  } finally {
    closeSync(descriptor)
  }
}
