import { closeSync, existsSync, fsyncSync, ftruncateSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { FileDamage } from './capabilities.ts'

/** Where a system keeps what a fault may damage, below a member's data directory. */
export interface DamageableFiles {
  readonly log: RegExp
  readonly snapshot: RegExp
}

/** Of this project's member. */
export const registryFiles: DamageableFiles = { log: /(^|\/)wal-[^/]*$/, snapshot: /(^|\/)snapshot-[^/]*$/ }

/**
 * Damages the newest log or snapshot file below a directory of a member that
 * does not run. What is reserved and not yet written (zeros at the end) is left alone.
 *
 * @param fraction where in the file a bit is flipped, from 0 to 1
 * @returns what was done; null where there is no such file with anything in it
 */
export function damageFile(directory: string, damage: FileDamage, fraction: number, files = registryFiles): Record<string, unknown> | null {
  if (!existsSync(directory)) return null
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((name) => files[damage.in].test(name)).sort()
  for (const name of names.reverse()) {
    const path = join(directory, name)
    const bytes = readFileSync(path)
    let used = bytes.length
    while (used > 0 && bytes[used - 1] === 0) used--
    if (used === 0) continue
    const opened = openSync(path, 'r+')
    try {
      switch (damage.kind) {
        case 'bit-flip': {
          const offset = Math.min(used - 1, Math.floor(fraction * used))
          const bit = Math.floor(fraction * used * 8) & 7
          writeSync(opened, Buffer.of(bytes[offset]! ^ (1 << bit)), 0, 1, offset)
          fsyncSync(opened)
          return { file: name, kind: damage.kind, offset, bit, usedBytes: used }
        }
        case 'truncate': {
          const sizeBytes = Math.max(0, used - damage.bytes)
          ftruncateSync(opened, sizeBytes)
          fsyncSync(opened)
          return { file: name, kind: damage.kind, fromBytes: used, toBytes: sizeBytes }
        }
      }
    } finally {
      closeSync(opened)
    }
  }
  return null
}
