/** Planted bugs with members that are processes of their own, and in containers: see `planted-bugs.test.ts`. */
import { dockerRequirement } from '../testing/requirements.ts'
import { caughtIn, walkedBugs } from './catch-planted-bug.ts'

/** In containers too: one bug that the history shows, so that the whole path is walked there. */
const dockerToo = new Set(['ack-before-quorum'])

for (const { name, runs: { local } } of walkedBugs) {
  if (local === null) continue
  caughtIn('local', name, local)
  if (dockerToo.has(name)) caughtIn('docker', name, local, await dockerRequirement())
}
