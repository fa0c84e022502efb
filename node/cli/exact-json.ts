/** JSON with Consul's 64-bit numbers: what a double cannot hold comes as a bigint and leaves as it came. */

type Reviver = (this: unknown, key: string, value: unknown, context: { readonly source?: string }) => unknown
/** Newer than TypeScript's library: the source of a primitive, and text that goes out as it is. */
const json = JSON as unknown as { parse(text: string, reviver: Reviver): unknown, rawJSON(text: string): unknown }

/** Throws SyntaxError. */
export function parseExact(text: string): unknown {
  return json.parse(text, (_key, value, { source }) =>
    typeof value === 'number' && !Number.isSafeInteger(value) && source !== undefined && /^-?\d+$/.test(source) ? BigInt(source) : value)
}

export function stringifyExact(value: unknown, indent?: string): string {
  return JSON.stringify(value, (_key, member: unknown) => typeof member === 'bigint' ? json.rawJSON(String(member)) : member, indent)
}
