/**
 * The log on disk is damaged in a way that no crash explains: something that
 * this member promised is gone. Starting anyway could forget a vote or an
 * acknowledged write, so it does not start.
 */
export class WalCorruptError extends Error {
  override readonly name = 'WalCorruptError'
  readonly file: string
  /** Where in the file, in bytes. */
  readonly offset: number

  /** `problem`: a sentence without its full stop. */
  constructor(file: string, offset: number, problem: string) {
    super(`The write-ahead log is damaged: ${file}, byte ${offset}: ${problem}. `
      + 'Restore the data directory from a copy of this very member, or delete the whole data directory '
      + 'and let the member join again as a new one (new node id). Do not cut the file: '
      + 'acknowledged writes or a vote would be forgotten.')
    this.file = file
    this.offset = offset
  }
}
