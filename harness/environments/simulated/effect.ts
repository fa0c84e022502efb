import type { Effect } from '../environment.ts'

/** An effect whose mending may be asked for again after it failed, and does nothing once it succeeded. */
export function effect(observed: unknown, mend: () => Promise<unknown>): Effect {
  let mended: { readonly saw: unknown } | null = null
  return {
    observed,
    heal: async () => {
      mended ??= { saw: await mend() }
      return mended.saw
    },
  }
}
