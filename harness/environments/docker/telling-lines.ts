const lastLogLines = 15

/** The last lines of a log; where a program in Go crashed at its end, those that say why instead of all that it was doing. */
export function tellingLines(log: string): string {
  const lines = log.trimEnd().split('\n')
  const crash = lines.findLastIndex((line) => /^(panic|fatal error): /.test(line))
  return lines.slice(crash < 0 || crash > lines.length - lastLogLines ? -lastLogLines : Math.max(0, crash - 2)).slice(0, lastLogLines).join('\n')
}
