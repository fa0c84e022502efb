/**
 * Loaded into a member's process with `--import` before the member itself. What
 * the member writes below SPLITBRAIN_VOLATILE_DIRECTORY and does not sync is
 * lost when it is killed with kill -9, as in a power cut. A process that ends by
 * itself loses nothing: then the operating system goes on and writes it.
 */
import { writeSync } from 'node:fs'
import { makeVolatile } from './patched-fs.ts'
import { VolatileDirectory } from './volatile-directory.ts'

const path = process.env['SPLITBRAIN_VOLATILE_DIRECTORY']
if (path === undefined || path === '') {
  writeSync(2, 'splitbrain: SPLITBRAIN_VOLATILE_DIRECTORY does not name a directory.\n')
  process.exit(1)
}
export const directory = new VolatileDirectory(path)
makeVolatile(directory)
process.on('exit', () => directory.flushAll())
writeSync(2, 'splitbrain: volatile disk: what is not synced is lost on kill\n')
