import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TraceEvent } from '../../node/base/trace.ts'
import { checkRaftTraces, type MemberTrace } from '../checkers/raft-trace.ts'
import type { CheckResult } from '../checkers/verdict.ts'

/** Judges what members left in `directory/<member>/`: their Raft traces, and how they ended. */
export async function checkMembers(directory: string, members: readonly string[]): Promise<readonly CheckResult[]> {
  const missing = members.filter((member) => !existsSync(join(directory, member, 'raft-trace.jsonl')))
  const result = checkRaftTraces(members.filter((member) => !missing.includes(member)).map((member) => readTrace(directory, member)))
  if (missing.length === 0 || result.verdict === 'invalid') return [result]
  return [{ ...result, verdict: 'unknown', summary: `No trace of ${missing.join(', ')} was collected. ${result.summary}` }]
}

function readTrace(directory: string, member: string): MemberTrace {
  const lines = readFileSync(join(directory, member, 'raft-trace.jsonl'), 'utf8').split('\n')
  const events = lines.flatMap((line, i): TraceEvent[] => {
    if (line === '') return []
    try {
      return [JSON.parse(line) as TraceEvent]
    } catch (error) {
      // A member killed in the middle of a line, perhaps more than once: the next start goes on behind it.
      if (i === lines.length - 1) return []
      const rest = line.indexOf('{"event":', 1)
      if (rest > 0) return [JSON.parse(line.slice(rest)) as TraceEvent]
      throw new Error(`line ${i + 1} of ${member}'s trace is no JSON: ${(error as Error).message}`)
    }
  })
  return { member, events, crash: crashOf(directory, member) }
}

/** The line in a member's log that tells of a broken invariant. */
function crashOf(directory: string, member: string): string | null {
  for (const name of globSync('*.log', { cwd: join(directory, member) })) {
    const line = /^.*\bInvariantError\b.*$/m.exec(readFileSync(join(directory, member, name), 'utf8'))
    if (line !== null) return line[0].trim().slice(0, 500)
  }
  return null
}
