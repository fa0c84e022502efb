/**
 * The text of a container's log as the engine sends it: frames of a byte for
 * the stream, three zeros, the length (uint32, big-endian) and so many bytes.
 * stdout and stderr stay in the order in which they were written.
 */
export function plainLog(framed: Buffer): string {
  const parts: Buffer[] = []
  let position = 0
  while (position + 8 <= framed.length) {
    const length = framed.readUInt32BE(position + 4)
    parts.push(framed.subarray(position + 8, position + 8 + length))
    position += 8 + length
  }
  return Buffer.concat(parts).toString('utf8')
}
