import { execFileSync } from 'node:child_process'
import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'

/**
 * Who a resource belongs to, as labels on it. A process is known by its number
 * together with its start time, because numbers come back; and by the machine
 * and its boot, because an engine may be shared.
 */
export interface Owner {
  readonly pid: number
  /** As the system tells it; only ever compared for equality. */
  readonly startTime: string
  /** Machine and process-number space: another one's processes cannot be seen from here. */
  readonly host: string
  readonly boot: string
}

export const runLabel = 'splitbrain.run'
const labelNames = {
  pid: 'splitbrain.owner.pid',
  startTime: 'splitbrain.owner.start',
  host: 'splitbrain.owner.host',
  boot: 'splitbrain.owner.boot',
} as const

let self: Owner | undefined

/** This process. */
export function currentOwner(): Owner {
  self ??= {
    pid: process.pid,
    startTime: processStartTime(process.pid) ?? 'unknown',
    host: [hostname(), readOr('', () => readlinkSync('/proc/self/ns/pid'))].join(' ').trim(),
    boot: readOr('unknown', () => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()),
  }
  return self
}

/** Labels for everything that a run makes. */
export function ownerLabels(runId: string, owner: Owner = currentOwner()): Record<string, string> {
  return {
    [runLabel]: runId,
    [labelNames.pid]: String(owner.pid),
    [labelNames.startTime]: owner.startTime,
    [labelNames.host]: owner.host,
    [labelNames.boot]: owner.boot,
  }
}

/** The owner that labels name, or null where they name none. */
export function ownerOf(labels: Readonly<Record<string, string>>): Owner | null {
  const pid = Number(labels[labelNames.pid])
  const startTime = labels[labelNames.startTime]
  const host = labels[labelNames.host]
  const boot = labels[labelNames.boot]
  if (!Number.isSafeInteger(pid) || pid <= 0 || startTime === undefined || host === undefined || boot === undefined) return null
  return { pid, startTime, host, boot }
}

/**
 * Whether an owner is certainly gone. In doubt it is not: another machine's
 * processes cannot be seen from here, so its runs are never touched.
 */
export function isOwnerDead(owner: Owner, here: Owner = currentOwner(), startTimeOf: (pid: number) => string | null = processStartTime): boolean {
  if (owner.host !== here.host) return false
  if (owner.boot !== here.boot) return owner.boot !== 'unknown' && here.boot !== 'unknown'
  const startTime = startTimeOf(owner.pid)
  return startTime === null || (owner.startTime !== 'unknown' && startTime !== owner.startTime)
}

/** When the process with this number began, or null where there is none. */
export function processStartTime(pid: number): string | null {
  if (process.platform === 'linux') {
    const stat = readOr('', () => readFileSync(`/proc/${pid}/stat`, 'utf8'))
    // `pid (command) state …`: a command may hold spaces and brackets. Field 3 follows the last `)`.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    // A zombie has ended: only its parent has not looked yet.
    return stat === '' || fields[0] === 'Z' ? null : fields[19] ?? 'unknown'
  }
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return null
  }
  return readOr('unknown', () => execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim())
}

function readOr(fallback: string, read: () => string): string {
  try {
    return read()
  } catch {
    return fallback
  }
}
