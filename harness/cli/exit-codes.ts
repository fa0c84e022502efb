/** What the command's exit code means; documented in `--help`. */
export const exitCodes = {
  valid: 0,
  invalid: 1,
  unknown: 2,
  /** Bad arguments, with a sentence. */
  usage: 254,
  /** The run itself failed: the cause, and where the logs are. */
  crashed: 255,
} as const

/** Told to stop before there was a verdict: as shells say it of a signal's victim. */
export const exitCodeOfSignal = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const

/** Told to stop before the command had come to anything: nothing is left of it. */
export class InterruptedCommand extends Error {
  override readonly name = 'InterruptedCommand'
  readonly exitCode: number

  constructor(signal: string) {
    super(`interrupted by ${signal}`)
    this.exitCode = exitCodeOfSignal[signal as keyof typeof exitCodeOfSignal] ?? exitCodes.crashed
  }
}
