/** So many in a row that are taken for one protocol alone are no chance any more. */
const attemptsMax = 20

/**
 * For who wants any port (0) for TCP *and* UDP: the system looks for one that is
 * free for the first of them, and the second may find it taken (EADDRINUSE).
 *
 * @param open opens both; it must have closed what it opened when it rejects
 * Rejects with the last error of `open`, or at once with one that has another cause.
 */
export async function onAnyPort<T>(open: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await open()
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || attempt === attemptsMax) throw error
    }
  }
}
