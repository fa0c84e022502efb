import { existsSync, readFileSync } from 'node:fs'
import type { MemberUsage } from '../environment.ts'

/** `/proc` counts time in hundredths of a second on every architecture that Node.js runs on (`USER_HZ`; proc(5)). */
const tickMs = 10

/** Whether this system tells what a process uses. */
export const tellsUsage = existsSync('/proc/self/stat')

/** Of a process and all its threads. Throws the system's error where it has ended. */
export function processUsage(pid: number): MemberUsage {
  return parseUsage(readFileSync(`/proc/${pid}/stat`, 'latin1'), readFileSync(`/proc/${pid}/status`, 'latin1'))
}

/** @param stat and @param status the texts of these files below `/proc/PID` */
export function parseUsage(stat: string, status: string): MemberUsage {
  // The name, in brackets, may hold anything, also brackets and spaces; the state is the third field.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [user, system] = [Number(fields[14 - 3]), Number(fields[15 - 3])]
  // Linux tells it since 4.5.
  const residentKiB = /^RssAnon:\s+(\d+) kB/m.exec(status)?.[1]
  if (!Number.isInteger(user) || !Number.isInteger(system)) throw new Error(`No CPU time in ${JSON.stringify(stat)}`)
  // A process that is ending has no memory any more.
  return { cpuMs: (user + system) * tickMs, residentBytes: Number(residentKiB ?? 0) * 1024 }
}
