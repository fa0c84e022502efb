/** A broken invariant: a bug in this program, never a consequence of bad input. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError'
}

/** Crashes with `message`, which quotes the numbers that contradict each other. Stays on in production. */
export function invariant(condition: boolean, message: () => string): asserts condition {
  if (!condition) throw new InvariantError(message())
}

/** Ends an exhaustive switch: `default: return unreachable(value)`. */
export function unreachable(value: never): never {
  throw new InvariantError(`unreachable: ${JSON.stringify(value)}`)
}
