import { setTimeout as sleep } from 'node:timers/promises'

/** Rejects after a minute. `pending`: what there is instead, asked for then. */
export async function until(what: string, condition: () => boolean | Promise<boolean>, pending: () => unknown = () => ''): Promise<void> {
  const endMs = performance.now() + 60_000
  while (!await condition()) {
    if (performance.now() > endMs) throw new Error(`waited 60 s in vain until ${what} ${String(await pending())}`)
    await sleep(50)
  }
}
