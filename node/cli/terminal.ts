/** What a command meets of the process that it runs in. Tests give their own. */
export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>
  /** One line, or several, for whoever called: results. */
  print(text: string): void
  /** One line, or several, about what goes wrong, or about what is going on. */
  error(text: string): void
  /** As they are, without a newline. */
  write(bytes: Uint8Array): void
  readStdin(): Promise<Buffer>
}

export const processTerminal: Terminal = {
  env: process.env,
  print: (text) => void process.stdout.write(`${text}\n`),
  error: (text) => void process.stderr.write(`${text}\n`),
  write: (bytes) => void process.stdout.write(bytes),
  readStdin: async () => {
    const chunks: Buffer[] = []
    for await (const chunk of process.stdin) chunks.push(chunk as Buffer)
    return Buffer.concat(chunks)
  },
}

/** A command cannot do what it was asked for. The message is for people, complete; the code is the process's. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure'
  readonly exitCode: number
  constructor(message: string, exitCode = 1) {
    super(message)
    this.exitCode = exitCode
  }
}
