import { closedLoop } from './closed-loop.ts'
import type { FromLoadProcess, LoadJob, LoadOutcome, ToLoadProcess } from './load-job.ts'
import { paced } from './paced.ts'

/**
 * A process that makes load and does nothing else: links between local members
 * lead through the harness's own process, whose work would else slow the load down.
 */
// A terminal sends Ctrl-C to all; the parent says when it is time.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})
process.on('disconnect', () => process.exit(0))
process.on('message', (message: ToLoadProcess) => {
  switch (message.kind) {
    case 'stop': return process.exit(0)
    case 'job': {
      const { id } = message.job
      const tell = (answer: FromLoadProcess) => { process.send!(answer) }
      return void perform(message.job).then((outcome) => tell({ kind: 'done', id, outcome }), (error: unknown) => tell({ kind: 'failed', id, error: (error as Error).stack ?? String(error) }))
    }
    default: return message satisfies never
  }
})

async function perform(job: LoadJob): Promise<LoadOutcome> {
  const before = process.cpuUsage()
  const outcome = job.ratePerS === null ? await closedLoop(job) : await paced(job, job.ratePerS)
  const { user, system } = process.cpuUsage(before)
  return { ...outcome, cpuMs: (user + system) / 1000 }
}
