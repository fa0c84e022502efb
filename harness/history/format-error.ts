/** A stored history cannot be read. The message names the place and what is wrong. */
export class HistoryFormatError extends Error {
  override readonly name = 'HistoryFormatError'
}
