import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { currentOwner, isOwnerDead, type Owner } from '../environments/owner.ts'

/** Data and sockets of members while a run lasts; disposal removes it. */
export interface WorkDirectory extends Disposable {
  readonly path: string
}

const prefix = 'splitbrain-run-'
const ownerFile = 'owner.json'

/** A new directory below the system's temporary one, marked with its owner so that a later run can tell when that is gone. */
export function makeWorkDirectory(runId: string, parent = tmpdir()): WorkDirectory {
  const path = join(parent, `${prefix}${runId}`)
  mkdirSync(path, { recursive: false, mode: 0o755 })
  writeFileSync(join(path, ownerFile), JSON.stringify(currentOwner()))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }) }
}

/** Removes what runs left whose process is certainly gone. Never one that might be alive. */
export function reapWorkDirectories(say: (line: string) => void, parent = tmpdir()): void {
  for (const name of readdirSync(parent)) {
    if (!name.startsWith(prefix)) continue
    const path = join(parent, name)
    let owner: Owner
    try {
      owner = JSON.parse(readFileSync(join(path, ownerFile), 'utf8')) as Owner
    } catch {
      continue // Just being made, or not ours.
    }
    if (!isOwnerDead(owner)) continue
    rmSync(path, { recursive: true, force: true })
    say(`removed ${path}, left by a run that is gone`)
  }
}
