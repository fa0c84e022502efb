import { randomBytes } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { PassThrough } from 'node:stream'
import { withDeadline } from './deadline.ts'
import type { Engine } from './engine.ts'

/**
 * A bash that stays open in a container and is fed script after script. Each
 * `docker exec` costs about 70 ms, a fault needs several in a row on each member, and
 * its probes compete with the workload for the CPU; through an open shell a script takes a few ms.
 */
export class ControlShell {
  readonly #engine: Engine
  readonly #containerId: string
  #session: Promise<Session> | undefined
  /** Scripts run one after the other: their output shares one stream. */
  #tail: Promise<unknown> = Promise.resolve()
  #closed = false

  constructor(engine: Engine, containerId: string) {
    this.#engine = engine
    this.#containerId = containerId
  }

  /**
   * Runs a bash script and returns what it printed (stdout and stderr). Rejects
   * with that output if it does not end with status 0, or after `timeoutMs`.
   */
  run(script: string, timeoutMs = 10_000): Promise<string> {
    const result = this.#tail.then(() => this.#runNow(script, timeoutMs))
    this.#tail = result.catch(() => {})
    return result
  }

  close(): void {
    this.#closed = true
    this.#dropSession()
  }

  async #runNow(script: string, timeoutMs: number): Promise<string> {
    if (this.#closed) throw new Error('The environment is disposed')
    this.#session ??= openSession(this.#engine, this.#containerId)
    try {
      const session = await this.#session
      return await withDeadline(session.run(script), timeoutMs, () => `No answer within ${timeoutMs / 1000} s from the shell in container ${this.#containerId.slice(0, 12)}`)
    } catch (error) {
      // A script that failed leaves a usable shell; anything else leaves one in an unknown state.
      if (!(error instanceof ScriptError)) this.#dropSession()
      throw error
    }
  }

  #dropSession(): void {
    this.#session?.then((session) => session.stream.destroy(), () => {})
    this.#session = undefined
  }
}

/** The script itself ended with a status other than 0. */
export class ScriptError extends Error {
  override readonly name = 'ScriptError'
}

interface Session {
  readonly stream: Duplex
  run(script: string): Promise<string>
}

async function openSession(engine: Engine, containerId: string): Promise<Session> {
  const exec = await engine.docker.getContainer(containerId).exec({
    Cmd: ['bash', '--noprofile', '--norc'], AttachStdin: true, AttachStdout: true, AttachStderr: true, Tty: false,
  })
  const stream = await exec.start({ hijack: true, stdin: true })
  const output = new PassThrough()
  engine.docker.modem.demuxStream(stream, output, output)
  let buffered = ''
  let waiting: { readonly marker: RegExp, readonly resolve: (output: string) => void, readonly reject: (error: Error) => void } | undefined

  output.setEncoding('utf8').on('data', (chunk: string) => {
    buffered += chunk
    const match = waiting?.marker.exec(buffered)
    if (waiting === undefined || match === null || match === undefined) return
    const { resolve, reject } = waiting
    const printed = buffered.slice(0, match.index)
    buffered = ''
    waiting = undefined
    if (match[1] === '0') resolve(printed)
    else reject(new ScriptError(`status ${match[1]}: ${printed.trim()}`))
  })
  const fail = (reason: string) => {
    waiting?.reject(new Error(`The shell in container ${containerId.slice(0, 12)} is gone: ${reason}`))
    waiting = undefined
  }
  stream.on('error', (error) => fail(error.message))
  stream.on('end', () => fail('its output ended')).on('close', () => fail('its connection closed'))

  return {
    stream,
    run: (script) => new Promise((resolve, reject) => {
      if (stream.destroyed || stream.writableEnded) {
        reject(new Error(`The shell in container ${containerId.slice(0, 12)} is gone`))
        return
      }
      const marker = randomBytes(8).toString('hex')
      waiting = { marker: new RegExp(`${marker} (\\d+)\\n`), resolve, reject }
      // Without its own stdin, so that no command can swallow the script that follows.
      stream.write(`{\n${script}\n} </dev/null 2>&1\nprintf '%s %d\\n' ${marker} $?\n`)
    }),
  }
}
