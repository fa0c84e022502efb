import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { currentOwner, isOwnerDead, type Owner } from '../environments/owner.ts'

const planSchema = z.looseObject({ owner: z.object({ pid: z.int(), startTime: z.string(), host: z.string(), boot: z.string() }) })

/** Who makes a run, for its `plan.json`, which may be shown to anybody: the machine's name is not in it, only what tells it from another. */
export function planOwner(owner: Owner = currentOwner()): Owner {
  const masked = (text: string) => text === 'unknown' ? text : createHash('sha256').update(text).digest('hex').slice(0, 16)
  return { ...owner, host: masked(owner.host), boot: masked(owner.boot) }
}

/**
 * Whether the run of this directory may be going on: it has no verdict yet, and
 * the process that makes it is not certainly gone. A run whose plan does not
 * say who makes it was killed.
 */
export function isStillGoing(directory: string): boolean {
  if (existsSync(join(directory, 'verdict.json'))) return false
  try {
    return !isOwnerDead(planSchema.parse(JSON.parse(readFileSync(join(directory, 'plan.json'), 'utf8'))).owner, planOwner())
  } catch {
    return false
  }
}
