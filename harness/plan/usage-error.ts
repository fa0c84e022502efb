/** What the user asked for cannot be done as asked; the message is a sentence that says what can. Exit code 254. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}
