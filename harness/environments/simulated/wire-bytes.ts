/** About what a message takes on the wire: its texts and bytes, and a little for each value. */
export function wireBytes(value: unknown): number {
  if (typeof value === 'string') return value.length + 2
  if (value instanceof Uint8Array) return value.length + 4
  if (Array.isArray(value)) return value.reduce<number>((sum, item) => sum + wireBytes(item), 4)
  if (typeof value === 'object' && value !== null) {
    let sum = 4
    for (const name in value) sum += name.length + wireBytes((value as Record<string, unknown>)[name])
    return sum
  }
  return 5
}
