/** The flags or config files of a member are wrong. The message says what to change. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}
