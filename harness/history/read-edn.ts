// The reader behind the package's own stream, which takes a text piece by piece; its index has only what reads whole texts.
import { EDNListParser } from 'edn-data/dist/parse.js'
import { HistoryFormatError } from './format-error.ts'
import type { HistoryEvent } from './event.ts'
import { collectHistory, tellContext, toEvent, type HistoryListener, type ReadHistory } from './read-jsonl.ts'
import { linesOf, type TextChunks } from './text-chunks.ts'

/**
 * The first line of EDN that `splitbrain export` wrote begins so, and goes on
 * with JSON. To everybody else it is a comment.
 */
export const ednHeader = ';; splitbrain '

export interface EdnOptions {
  /** Values are independent tuples (jepsen.independent), `[key value]`: nothing in the text tells them from other pairs. */
  readonly independent?: boolean
}

/** Jepsen's EDN: one vector or list of maps, or one map after another. */
export function readEdn(text: TextChunks, options: EdnOptions = {}): ReadHistory {
  return collectHistory((listener) => eventsOfEdn(text, listener, options))
}

/** One event at a time, however long the file is. Throws HistoryFormatError. */
export function* eventsOfEdn(text: TextChunks, listener: HistoryListener, { independent = false }: EdnOptions = {}): Generator<HistoryEvent> {
  const { chunks, tuples } = withoutHeader(text, listener)
  const unwrap = tuples ? unwrapOwn : independent ? unwrapJepsens : (fields: Fields) => fields
  let count = 0
  for (const value of valuesOf(chunks)) {
    yield toEvent(unwrap(asEvent(value, count)), count, `event ${count + 1}`)
    count++
  }
}

/** Reads the header; what follows it is as it was. */
function withoutHeader(text: TextChunks, listener: HistoryListener): { readonly chunks: Iterable<string>, readonly tuples: boolean } {
  if (typeof text === 'string' && !text.startsWith(ednHeader)) return { chunks: [text], tuples: false }
  const lines = linesOf(text)
  const first = lines.next().value ?? ''
  const chunks = function* (begin: string) {
    yield begin
    for (const line of lines) yield `\n${line}`
  }
  if (!first.startsWith(ednHeader)) return { chunks: chunks(first), tuples: false }
  let said: { readonly tuples?: unknown, readonly context?: unknown }
  try {
    said = JSON.parse(first.slice(ednHeader.length)) as typeof said
  } catch {
    listener.note('its first line is a comment of splitbrain that cannot be read')
    said = {}
  }
  if (said.context !== undefined) tellContext(said.context, listener)
  return { chunks: chunks(''), tuples: said.tuples === true }
}

/** The elements of the one vector or list that there is, or what stands beside each other. */
function* valuesOf(chunks: Iterable<string>): Generator<unknown> {
  const parser = new EDNListParser({ mapAs: 'object', keywordAs: 'string', listAs: 'array', setAs: 'array', charAs: 'string' })
  const feed = (piece: string) => {
    try {
      return parser.next(piece)
    } catch (error) {
      throw new HistoryFormatError(`not EDN: ${(error as Error).message}.`)
    }
  }
  feed('(')
  // The outermost bracket is taken away, for else nothing would come out before its end.
  let bracket: string | null | undefined
  let ended = false
  let held = ''
  for (const chunk of chunks) {
    if (ended) break
    let piece = held + chunk
    held = ''
    if (bracket === undefined) {
      const begin = /^(?:\s|,|;[^\n]*\n)*/.exec(piece)![0].length
      if (begin === piece.length || piece[begin] === ';') {
        held = piece
        continue
      }
      bracket = piece[begin] === '[' ? ']' : piece[begin] === '(' ? ')' : null
      piece = piece.slice(bracket === null ? begin : begin + 1)
    }
    if (bracket === null) {
      yield* feed(piece)
      continue
    }
    for (const [at, part] of piece.split(bracket).entries()) {
      if (at > 0) {
        // In no text, comment or element: the one that was taken away.
        if (Number(parser.mode) === idle && parser.stack.length === 0) {
          ended = true
          break
        }
        yield* feed(bracket)
      }
      yield* feed(part)
    }
  }
  if (bracket === undefined) return
  if (bracket !== null && !ended) throw new HistoryFormatError(`not EDN: the list of events does not end with ${bracket}.`)
  yield* feed('\n)')
  if (!parser.isDone()) throw new HistoryFormatError('not EDN: the text ends within an event.')
}

/** The parser's mode in which a bracket is one. */
const idle = 0

type Fields = Readonly<Record<string, unknown>>

/** Jepsen's fields are ours, but for a process that is a keyword (`:nemesis`) and for numbers as keys. */
function asEvent(map: unknown, position: number): Fields {
  if (typeof map !== 'object' || map === null || Array.isArray(map)) {
    throw new HistoryFormatError(`event ${position + 1}: not a map: ${JSON.stringify(map)?.slice(0, 100)}.`)
  }
  const { key, ...fields } = map as Record<string, unknown>
  return {
    ...fields,
    ...key === null || key === undefined ? {} : { key: typeof key === 'number' ? key : String(key) },
    process: typeof fields['process'] === 'string' ? 'nemesis' : fields['process'],
  }
}

/** What we wrote has a tuple wherever it has a key. */
function unwrapOwn(event: Fields): Fields {
  const { key, value } = event
  return key !== undefined && Array.isArray(value) && value.length === 2 ? { ...event, value: value[1] as unknown } : event
}

/** What Jepsen wrote has the key in the tuple alone. */
function unwrapJepsens(event: Fields): Fields {
  const { key, value, process } = event
  if (process === 'nemesis' || key !== undefined || !Array.isArray(value) || value.length !== 2) return event
  const [itsKey, itsValue] = value as unknown[]
  return { ...event, key: typeof itsKey === 'string' ? itsKey : JSON.stringify(itsKey), value: itsValue }
}
