import { Worker } from 'node:worker_threads'
import { models, type Model, type ModelName } from './model.ts'
import type { Problem } from './problem.ts'
import type { SearchResult } from './search.ts'
import type { SearchReply, SearchTask } from './search-worker.ts'

/** Operations below which starting threads costs more than it saves. */
export const threadedOperationsMin = 20_000

export interface ThreadedLimits {
  /** Until the time is up, asked when a search begins. */
  readonly remainingMs: () => number
  /** For all threads together. */
  readonly bytesMax: number
  readonly nodesMax: number
}

/** The name under which a thread finds a model; null for one that only this thread knows. */
export function threadModel(model: Model): ModelName | null {
  return (Object.keys(models) as ModelName[]).find((name) => models[name] === model) ?? null
}

/**
 * Searches each problem, several at a time, each in a thread. The answers are
 * in the order of the problems. A problem that needs more memory than a
 * thread's share is `unknown`; alone it may have all. Rejects when a thread
 * cannot be started or dies.
 */
export async function searchInThreads(model: ModelName, problems: readonly Problem[], threads: number, limits: ThreadedLimits): Promise<SearchResult[]> {
  const results: SearchResult[] = []
  const count = Math.min(threads, problems.length)
  // Large ones first: the last one to end decides how long it takes.
  const waiting = problems.map((_, i) => i).sort((a, b) => problems[a]!.kinds.length - problems[b]!.kinds.length)
  const workers = Array.from({ length: count }, () => new Worker(workerFile))
  try {
    await Promise.all(workers.map(async (worker) => {
      for (let i = waiting.pop(); i !== undefined; i = waiting.pop()) {
        const task: SearchTask = { model, problem: problems[i]!, remainingMs: limits.remainingMs(), bytesMax: limits.bytesMax / count, nodesMax: limits.nodesMax }
        const reply = await ask(worker, task)
        if ('error' in reply) throw new Error(`a search failed in its thread: ${reply.error}`)
        results[i] = reply.result
      }
    }))
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()))
  }
  return results
}

/** Beside this file, in TypeScript as in the built package. */
const workerFile = new URL(import.meta.url.endsWith('.ts') ? './search-worker.ts' : './search-worker.js', import.meta.url)

function ask(worker: Worker, task: SearchTask): Promise<SearchReply> {
  return new Promise((resolve, reject) => {
    const settle = (then: () => void) => {
      worker.off('message', onMessage).off('error', onError).off('exit', onExit)
      then()
    }
    const onMessage = (reply: SearchReply) => settle(() => resolve(reply))
    const onError = (error: unknown) => settle(() => reject(error instanceof Error ? error : new Error(String(error))))
    const onExit = (code: number) => settle(() => reject(new Error(`a search thread ended with code ${code}`)))
    worker.on('message', onMessage).on('error', onError).on('exit', onExit)
    worker.postMessage(task)
  })
}
