/** Settles as `work` does, or rejects with the sentence of `reason` after `timeoutMs`. The work itself is not stopped. */
export function withDeadline<T>(work: Promise<T>, timeoutMs: number, reason: () => string): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(reason())), timeoutMs)
    work.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}

/**
 * Asks `attempt` again and again until it gives something else than null.
 * After `timeoutMs` rejects with the sentence of `reason`.
 */
export async function pollUntil<T>(attempt: () => Promise<T | null>, intervalMs: number, timeoutMs: number, reason: () => string): Promise<T> {
  const deadlineMs = performance.now() + timeoutMs
  for (;;) {
    const result = await attempt()
    if (result !== null) return result
    if (performance.now() >= deadlineMs) throw new Error(reason())
    await new Promise((resolve) => setTimeout(resolve, intervalMs))
  }
}
