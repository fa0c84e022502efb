import { closeSync, openSync, readSync } from 'node:fs'
import { StringDecoder } from 'node:string_decoder'

const chunkBytes = 1 << 18

/** A text that may be longer than a string can be, piece by piece. */
export type TextChunks = string | Iterable<string>

/** The file, piece by piece, as UTF-8. Throws what the file system throws. */
export function* chunksOfFile(file: string): Generator<string> {
  const descriptor = openSync(file, 'r')
  try {
    const buffer = Buffer.allocUnsafe(chunkBytes)
    const decoder = new StringDecoder('utf8')
    for (;;) {
      const length = readSync(descriptor, buffer)
      if (length === 0) break
      yield decoder.write(buffer.subarray(0, length))
    }
    yield decoder.end()
  } finally {
    closeSync(descriptor)
  }
}

export function iterate(chunks: TextChunks): Iterable<string> {
  return typeof chunks === 'string' ? [chunks] : chunks
}

/** What stands between line feeds; the last is what follows the last of them, '' where the text ends with one. */
export function* linesOf(chunks: TextChunks): Generator<string> {
  let rest = ''
  for (const chunk of iterate(chunks)) {
    const lines = chunk.split('\n')
    lines[0] = rest + lines[0]!
    rest = lines.pop()!
    yield* lines
  }
  yield rest
}
