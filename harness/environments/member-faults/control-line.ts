import type { Duplex } from 'node:stream'
import type { ControlAnswer, ControlRequest } from './state.ts'

/** Each of ControlRequest without its number. */
type Unnumbered = ControlRequest extends infer Request ? Request extends ControlRequest ? Omit<Request, 'id'> : never : never

/** The process was there when it was asked, and ended before it answered. */
export class MemberEndedError extends Error {
  override readonly name = 'MemberEndedError'
}

/** The harness's end of the pipe to one member's preload. */
export class ControlLine {
  readonly #pipe: Duplex
  readonly #waiting = new Map<number, (answer: ControlAnswer | Error) => void>()
  #nextId = 1
  #pending = ''

  constructor(pipe: Duplex) {
    this.#pipe = pipe
    pipe.setEncoding('utf8')
    pipe.on('error', () => {}).on('close', () => this.#fail())
    pipe.on('data', (text: string) => {
      const lines = (this.#pending + text).split('\n')
      this.#pending = lines.pop()!
      for (const line of lines) {
        const answer = JSON.parse(line) as ControlAnswer
        this.#waiting.get(answer.id)?.(answer)
      }
    })
  }

  /** Rejects when the process ends first, or does not answer within the time (it stands still). */
  async ask(request: Unnumbered, timeoutMs: number): Promise<ControlAnswer> {
    const id = this.#nextId++
    const { promise, resolve } = Promise.withResolvers<ControlAnswer | Error>()
    this.#waiting.set(id, resolve)
    const timer = setTimeout(() => resolve(new Error(`the member's process did not answer within ${timeoutMs} ms`)), timeoutMs)
    try {
      if (this.#pipe.destroyed) throw new MemberEndedError('the member does not run')
      this.#pipe.write(`${JSON.stringify({ ...request, id })}\n`)
      const answer = await promise
      if (answer instanceof Error) throw answer
      return answer
    } finally {
      clearTimeout(timer)
      this.#waiting.delete(id)
    }
  }

  #fail(): void {
    for (const tell of this.#waiting.values()) tell(new MemberEndedError('the member\'s process ended'))
  }
}
