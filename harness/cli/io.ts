/** Where a command's words go. Tests collect them. */
export interface CliIo {
  /** One line for whoever called: results. */
  print(line: string): void
  /** One line about what goes wrong. */
  error(line: string): void
}

export const terminalIo: CliIo = {
  print: (line) => void process.stdout.write(`${line}\n`),
  error: (line) => void process.stderr.write(`${line}\n`),
}
