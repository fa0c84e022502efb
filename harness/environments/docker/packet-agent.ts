import type { Duplex } from 'node:stream'
import { PassThrough } from 'node:stream'
import { withDeadline } from './deadline.ts'
import type { Engine } from './engine.ts'

/** Where docker/Dockerfile puts docker/packet-agent.py. */
const program = '/opt/splitbrain/packet-agent.py'
const answerTimeoutMs = 10_000

interface Waiting {
  readonly resolve: (answer: unknown) => void
  readonly reject: (error: Error) => void
}

/**
 * The program that disturbs and measures packets in one network namespace
 * (docker/packet-agent.py says how); started with the first command. If it
 * dies, what it held is lost and its links are silent, and every later command rejects.
 */
export class PacketAgent {
  readonly #engine: Engine
  readonly #containerId: string
  #stream: Promise<Duplex> | undefined
  readonly #waiting: Waiting[] = []
  #ended: Error | undefined

  constructor(engine: Engine, containerId: string) {
    this.#engine = engine
    this.#containerId = containerId
  }

  /** Sends one command; its answer. Rejects with what the program says of a command that fails. */
  async command(...words: readonly (string | number)[]): Promise<unknown> {
    if (this.#ended !== undefined) throw this.#ended
    const stream = await (this.#stream ??= this.#start())
    const answer = new Promise<unknown>((resolve, reject) => {
      this.#waiting.push({ resolve, reject })
      stream.write(`${words.join(' ')}\n`)
    })
    return await withDeadline(answer, answerTimeoutMs, () => `The packet agent did not answer '${words[0]}' within ${answerTimeoutMs / 1000} s`)
  }

  close(): void {
    this.#end('the environment is disposed')
    this.#stream?.then((stream) => stream.destroy(), () => {})
  }

  async #start(): Promise<Duplex> {
    const exec = await this.#engine.docker.getContainer(this.#containerId).exec({
      Cmd: ['python3', '-u', program], AttachStdin: true, AttachStdout: true, AttachStderr: true, Tty: false,
    })
    const stream = await exec.start({ hijack: true, stdin: true })
    const [output, complaints] = [new PassThrough(), new PassThrough()]
    this.#engine.docker.modem.demuxStream(stream, output, complaints)
    let [buffered, lastWords] = ['', '']
    output.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (buffered + chunk).split('\n')
      buffered = lines.pop()!
      for (const line of lines) this.#answer(line)
    })
    complaints.setEncoding('utf8').on('data', (chunk: string) => { lastWords = (lastWords + chunk).slice(-500) })
    const ended = () => this.#end(lastWords.trim().split('\n').at(-1) || 'its output ended')
    stream.on('error', ended).on('end', ended).on('close', ended)
    return stream
  }

  #answer(line: string): void {
    const waiting = this.#waiting.shift()
    const answer = JSON.parse(line) as unknown
    const failure = answer !== null && typeof answer === 'object' && 'error' in answer ? String(answer.error) : null
    if (failure === null) waiting?.resolve(answer)
    else waiting?.reject(new Error(failure))
  }

  #end(reason: string): void {
    this.#ended ??= new Error(`The packet agent in container ${this.#containerId.slice(0, 12)} is gone: ${reason}`)
    for (const { reject } of this.#waiting.splice(0)) reject(this.#ended)
  }
}
