/**
 * Loaded into a member's process with `--import` before the member itself. Holds
 * one end of a pipe whose other end only the harness has. When the harness ends,
 * in whatever way, the kernel closes it, and the member ends at once: no orphan
 * keeps ports, memory and time. The member's own code knows nothing of it.
 */
import { Socket } from 'node:net'

const descriptor = Number(process.env['SPLITBRAIN_LIFELINE'])
if (!Number.isSafeInteger(descriptor) || descriptor < 3) throw new Error('SPLITBRAIN_LIFELINE does not name a descriptor.')

// kill -9, not a clean end: a member that is shutting down slowly is an orphan too.
const end = () => process.kill(process.pid, 'SIGKILL')
const lifeline = new Socket({ fd: descriptor, readable: true, writable: false })
lifeline.on('end', end).on('error', end).on('close', end).resume()
// Alone it must not keep the process alive.
lifeline.unref()
