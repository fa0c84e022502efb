import { parentPort } from 'node:worker_threads'
import { models, type ModelName } from './model.ts'
import type { Problem } from './problem.ts'
import { search, type SearchResult } from './search.ts'

/** A thread that searches one problem after the other. */
export interface SearchTask {
  readonly model: ModelName
  readonly problem: Problem
  readonly remainingMs: number
  readonly bytesMax: number
  readonly nodesMax: number
}

export type SearchReply = { readonly result: SearchResult } | { readonly error: string }

parentPort?.on('message', ({ model, problem, remainingMs, bytesMax, nodesMax }: SearchTask) => {
  const deadlineMs = performance.now() + remainingMs
  let reply: SearchReply
  try {
    reply = { result: search(models[model], problem, { expired: () => performance.now() > deadlineMs, bytesMax, nodesMax }) }
  } catch (error) {
    reply = { error: (error as Error)?.stack ?? String(error) }
  }
  parentPort!.postMessage(reply)
})
