/** Standard base64 as Go's decoder takes it: line ends anywhere, padding required, nothing behind it. */
export type DecodedBase64 =
  | { readonly kind: 'bytes', readonly bytes: Uint8Array }
  /** `at`: the offset that Go's error names. */
  | { readonly kind: 'corrupt', readonly at: number }

export function decodeBase64(text: string): DecodedBase64 {
  const at = corruptAt(text)
  return at === null ? { kind: 'bytes', bytes: Buffer.from(text.replace(/[\r\n]/g, ''), 'base64') } : { kind: 'corrupt', at }
}

function corruptAt(text: string): number | null {
  let at = 0
  const skipLineEnds = () => { while (text[at] === '\n' || text[at] === '\r') at++ }
  for (;;) {
    for (let digits = 0; digits < 4; digits++) {
      skipLineEnds()
      // An unfinished group of four is blamed on its beginning.
      if (at === text.length) return digits === 0 ? null : at - digits
      const character = text[at++]!
      if (/[A-Za-z0-9+/]/.test(character)) continue
      if (character !== '=' || digits < 2) return at - 1
      if (digits === 2) {
        skipLineEnds()
        if (at === text.length) return at
        if (text[at++] !== '=') return at - 2
      }
      skipLineEnds()
      return at < text.length ? at : null
    }
  }
}
