import type { Engine } from '../engine.ts'

/** One line of what the engine tells while it pulls, builds or imports. */
export interface ProgressEvent {
  readonly stream?: string
  readonly status?: string
  readonly error?: string
}

/**
 * Follows a long piece of the engine's work to its end. Rejects with the engine's
 * reason if it failed: the answer's status is 200 by then, so failure is only an
 * event in the stream, which the client library passes on like any other.
 * With `stallMs` also rejects after so long without an event.
 */
export async function followToEnd(engine: Engine, stream: NodeJS.ReadableStream, onEvent: (event: ProgressEvent) => void = () => {}, stallMs?: number): Promise<void> {
  let failure: string | undefined
  let timer: NodeJS.Timeout | undefined
  try {
    await new Promise<void>((resolve, reject) => {
      const heard = () => {
        clearTimeout(timer)
        if (stallMs === undefined) return
        timer = setTimeout(() => {
          ;(stream as unknown as { destroy(): void }).destroy()
          reject(new Error(`no progress for ${stallMs / 1000} s`))
        }, stallMs)
      }
      heard()
      engine.docker.modem.followProgress(stream, (error) => (error === null ? resolve() : reject(error)), (event: ProgressEvent) => {
        heard()
        failure ??= event.error
        onEvent(event)
      })
    })
  } finally {
    clearTimeout(timer)
  }
  if (failure !== undefined) throw new Error(failure)
}
