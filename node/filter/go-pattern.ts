import { RE2JS, RE2JSException } from 're2js'

/**
 * Patterns from requests are RE2's, as in Consul: other syntax than
 * JavaScript's, and matched in time linear to the text, whatever a client writes.
 */
export type GoPattern =
  | { readonly kind: 'pattern', readonly test: (text: string) => boolean }
  /** In Go's words: "error parsing regexp: missing closing ): `(`". */
  | { readonly kind: 'problem', readonly problem: string }

export function compilePattern(text: string): GoPattern {
  try {
    const compiled = RE2JS.compile(text)
    return { kind: 'pattern', test: (tested) => compiled.matcher(tested).find() }
  } catch (error) {
    if (error instanceof RE2JSException) return { kind: 'problem', problem: error.message }
    throw error
  }
}
