import type { Answer } from './answer.ts'

/** To take keys away again. */
export interface DeleteClient {
  /** Also succeeds where the key is absent. */
  delete(key: string): Promise<Answer<object>>
}
