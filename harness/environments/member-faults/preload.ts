/**
 * Loaded into a member's process with `--import` before the member itself, where
 * a run may trouble its clock or its disk. Obeys the harness at the other end
 * of a pipe; the member's own code knows nothing of it.
 */
import fs from 'node:fs'
import { Socket } from 'node:net'
import { join } from 'node:path'
import { installClock, LyingClock } from './lying-clock.ts'
import { noFaults, type ControlAnswer, type ControlRequest, type MemberFaultState } from './state.ts'
import { TroubledDisk } from './troubled-disk.ts'

const descriptor = Number(process.env['SPLITBRAIN_FAULT_CONTROL'])
const directory = process.env['SPLITBRAIN_DATA_DIRECTORY'] ?? ''
if (!Number.isSafeInteger(descriptor) || descriptor < 3) throw new Error('SPLITBRAIN_FAULT_CONTROL does not name a descriptor.')
if (directory === '') throw new Error('SPLITBRAIN_DATA_DIRECTORY does not name a directory.')

const clock = new LyingClock({ wallMs: Date.now, monotonicMs: performance.now.bind(performance) })
const disk = new TroubledDisk(directory)
const setState = (state: MemberFaultState) => { clock.set(state.skews); disk.set(state.troubles) }
setState(JSON.parse(process.env['SPLITBRAIN_FAULTS'] ?? 'null') as MemberFaultState | null ?? noFaults)
installClock(clock)
disk.install()

const control = new Socket({ fd: descriptor, readable: true, writable: true })
control.on('error', () => {})
// Alone it must not keep the process alive.
control.unref()
let pending = ''
control.setEncoding('utf8').on('data', (text: string) => {
  const lines = (pending + text).split('\n')
  pending = lines.pop()!
  for (const line of lines) void answer(JSON.parse(line) as ControlRequest).then((said) => control.write(`${JSON.stringify(said)}\n`))
})

async function answer(request: ControlRequest): Promise<ControlAnswer> {
  const { id } = request
  switch (request.ask) {
    case 'set':
      setState(request.state)
      return { id, kind: 'disk', ...await tryDisk() }
    case 'clock': return { id, kind: 'clock', wallMs: Date.now(), monotonicMs: performance.now() }
    case 'disk': return { id, kind: 'disk', ...await tryDisk() }
    case 'tear':
      // Loaded before this module, where it is loaded at all.
      if ('SPLITBRAIN_VOLATILE_DIRECTORY' in process.env) (await import('../volatile-disk/preload.ts')).directory.tearLast()
      process.kill(process.pid, 'SIGKILL')
      throw new Error('kill -9 has no effect on this process.')
  }
}

/** A name that begins with a dot: no file of the member's. */
const probeFile = join(directory, '.splitbrain-probe')

async function tryDisk(): Promise<{ error: string | null, syncMs: number }> {
  const startMs = performance.now()
  try {
    const opened = fs.openSync(probeFile, 'w')
    try {
      fs.writeSync(opened, 'probe')
      await new Promise<void>((resolve, reject) => fs.fdatasync(opened, (error) => error === null ? resolve() : reject(error)))
    } finally {
      fs.closeSync(opened)
      fs.rmSync(probeFile, { force: true })
    }
    return { error: null, syncMs: performance.now() - startMs }
  } catch (error) {
    return { error: (error as Error).message, syncMs: performance.now() - startMs }
  }
}
