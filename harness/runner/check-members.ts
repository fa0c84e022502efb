import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TraceEvent } from '../../node/base/trace.ts'
import { checkRaftTraces, type MemberTrace } from '../checkers/raft-trace.ts'
import type { CheckResult } from '../checkers/verdict.ts'
import type { System } from '../systems/system.ts'

/** Judges what members left in `directory/<member>/`: their Raft traces, and whether one crashed by its own assertions. */
export async function checkMembers(directory: string, members: readonly string[]): Promise<readonly CheckResult[]> {
  return [checkRaftTraces(await Promise.all(members.map((member) => readTrace(join(directory, member), member))))]
}

async function readTrace(directory: string, member: string): Promise<MemberTrace> {
  const read = (name: string) => readFile(join(directory, name), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') throw new Error(`${member} left no ${name}`)
    throw error
  })
  return { member, events: parseTrace(await read('raft-trace.jsonl'), member), crash: crashIn(await read('member.log')) }
}

/**
 * One event a line. A kill -9 may tear the last line that was written, and the
 * restarted member then goes on behind it, on the same line, with its `start`.
 */
export function parseTrace(text: string, member: string): TraceEvent[] {
  const lines = text.split('\n')
  const last = lines.pop()!
  // All at once where nothing is torn; as many events as lines, so that each line was one.
  const whole = last === '' ? parseAll(lines) : null
  if (whole !== null && whole.length === lines.length) return whole
  const events = lines.map((line, at) => {
    const event = parseLine(untorn(line))
    if (event === null) throw new Error(`line ${at + 1} of ${member}'s trace is no event: ${line.slice(0, 200)}`)
    return event
  })
  const unended = parseLine(last)
  return unended === null ? events : [...events, unended]
}

/** What of a trace's line is whole: where a kill tore one, the `start` behind it. */
export function untorn(line: string): string {
  return line.slice(Math.max(0, line.lastIndexOf('{"event":"start"')))
}

function parseAll(lines: readonly string[]): TraceEvent[] | null {
  try {
    return JSON.parse(`[${lines.join(',')}]`) as TraceEvent[]
  } catch {
    return null
  }
}

function parseLine(line: string): TraceEvent | null {
  try {
    return JSON.parse(line) as TraceEvent
  } catch {
    return null
  }
}

/** The first broken invariant in a member's log, be it plain text or a string in JSON. */
export function crashIn(log: string): string | null {
  return /InvariantError: ([^\n"\\]+)/.exec(log)?.[1]?.trim() ?? null
}

/** Either, as the system is. */
export async function judgeMembers(
  { name, deployment }: Pick<System, 'name' | 'deployment'>, check: typeof checkMembers, directory: string, members: readonly string[],
): Promise<readonly CheckResult[]> {
  return deployment === undefined ? check(directory, members) : [await notTraced(name, directory, members)]
}

/**
 * What is said in the place of that for a system whose members leave no Raft trace. That one crashed by
 * itself stands in the sentence, and decides nothing: to crash is allowed, what was promised is judged by the history.
 */
export async function notTraced(system: string, directory: string, members: readonly string[]): Promise<CheckResult> {
  const crashes: Record<string, string> = {}
  for (const member of members) {
    const crash = goCrashIn(await readFile(join(directory, member, 'member.log'), 'utf8').catch(() => ''))
    if (crash !== null) crashes[member] = crash
  }
  const crashed = Object.entries(crashes).map(([member, crash]) => `; ${member} crashed: ${crash}`).join('')
  return {
    checker: 'members', verdict: 'unknown', notRun: true, evidence: [], details: { crashes },
    summary: `members of ${system} leave no Raft trace that could be checked; what clients saw is${crashed}`,
  }
}

/** How programs in Go end by their own assertions; the first of them. */
export function goCrashIn(log: string): string | null {
  return /(?:^|\n)(?:panic|fatal error): ([^\n]+)/.exec(log)?.[1]?.trim() ?? null
}
