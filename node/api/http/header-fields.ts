/** A request's headers, and what they say of its body and its connection. */
export interface Fields {
  /** Names in lower case; repeated ones joined by a comma. */
  readonly headers: Readonly<Record<string, string>>
  /** Bytes of the body; 0 if not said. */
  readonly contentLength: number
  readonly transferEncoding: string | null
  readonly expect: string | null
  /** How many Host headers there were. */
  readonly hosts: number
  /** `Connection` says so. */
  readonly close: boolean
  readonly keepAlive: boolean
}

const fieldName = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
const fieldValue = /^[\t\x20-\x7e\x80-\xff]*$/

/** Header lines, without the empty one at the end. Null where they are malformed, or say two things about the body's length. */
export function parseFields(text: string): Fields | null {
  const headers: Record<string, string> = Object.create(null) as Record<string, string>
  let hosts = 0
  for (const line of text === '' ? [] : text.split('\r\n')) {
    const colon = line.indexOf(':')
    // A name with a space at its end, or a line that begins with one (a folded header), fails here too.
    const name = line.slice(0, Math.max(0, colon)).toLowerCase()
    const value = line.slice(colon + 1).replace(/^[\t ]+|[\t ]+$/g, '')
    if (!fieldName.test(name) || !fieldValue.test(value)) return null
    if (name === 'host') hosts++
    const before = headers[name]
    headers[name] = before === undefined ? value : `${before}, ${value}`
  }
  const length = headers['content-length']
  const transferEncoding = headers['transfer-encoding']?.toLowerCase() ?? null
  // Repeated lengths are joined by a comma and fail here, even equal ones.
  if (length !== undefined && (!/^\d{1,15}$/.test(length) || transferEncoding !== null)) return null
  const connection = headers['connection']?.toLowerCase().split(',').map((option) => option.trim()) ?? []
  return {
    headers, hosts, transferEncoding,
    contentLength: Number(length ?? 0),
    expect: headers['expect']?.toLowerCase() ?? null,
    close: connection.includes('close'),
    keepAlive: connection.includes('keep-alive'),
  }
}
