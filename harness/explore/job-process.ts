import { rmSync } from 'node:fs'
import type { CheckResult } from '../checkers/verdict.ts'
import { readCoverage } from './coverage.ts'
import { prepareRun, conductRun } from '../runner/prepared-run.ts'
import { UsageError } from '../plan/usage-error.ts'
import { realHost } from '../runner/host.ts'
import { freshStatus } from '../runner/run-context.ts'
import { digestOf } from './recorded-run.ts'
import { InterruptedError, Stop } from '../runner/stop.ts'
import type { Job, JobEnd, ToProcess } from './job.ts'

/**
 * A process that does runs, one after another, for the one that started it.
 * One process each core: a simulation is one thread, and a planted bug is
 * loaded once for a process.
 */
const interrupt = new Stop()
// A terminal sends Ctrl-C to all; the parent says when it is time.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})
process.on('disconnect', () => leave())
process.on('message', (message: ToProcess) => {
  switch (message.kind) {
    case 'stop': return leave()
    case 'job': return void perform(message.job).then((end) => process.send!(end), (error: unknown) => {
      // Interrupted: nobody waits for it any more.
      if (error instanceof InterruptedError) return
      if (error instanceof UsageError) return process.send!({ kind: 'failed', id: message.job.id, error: error.message, directory: null, refused: true } satisfies JobEnd)
      process.send!({ kind: 'failed', id: message.job.id, error: (error as Error).stack ?? String(error), directory: null } satisfies JobEnd)
    })
    default: return message satisfies never
  }
})

/** What a run has made goes with it; then the process ends by itself. */
function leave(): void {
  interrupt.stop('told to end')
  if (busy === 0) process.exit(0)
}

let busy = 0

async function perform({ id, options, keep }: Job): Promise<JobEnd> {
  busy += 1
  try {
    const began = performance.now()
    const prepared = await prepareRun(options, realHost)
    const { end, directory } = await conductRun(prepared, realHost, { status: freshStatus(), interrupt, say: () => {} }, options.store!)
    switch (end.kind) {
      case 'interrupted': throw new InterruptedError(end.signal)
      case 'failed': return { kind: 'failed', id, error: end.error.message, directory: directory.path }
      case 'judged': {
        const { verdict, results } = end.outcome
        const job = {
          kind: 'judged', id, verdict,
          findings: results.filter((result) => result.verdict !== 'valid').map(({ checker, verdict, summary }) => ({ checker, verdict, summary })),
          rerun: prepared.rerun,
          digest: digestOf(directory.path),
          coverage: readCoverage(directory.path),
          recoveredMs: recoveredMs(results),
          simulatedS: prepared.plan.timeLimitS,
          tookS: (performance.now() - began) / 1000,
        } as const
        const removed = keep === 'failures' && verdict === 'valid'
        if (removed) rmSync(directory.path, { recursive: true, force: true })
        return { ...job, directory: removed ? null : directory.path }
      }
      default: return end satisfies never
    }
  } finally {
    busy -= 1
    if (interrupt.stopped) process.exit(0)
  }
}

function recoveredMs(results: readonly CheckResult[]): number | null {
  const tookMs = results.find(({ checker }) => checker === 'recovery')?.details['tookMs']
  return typeof tookMs === 'number' ? tookMs : null
}
