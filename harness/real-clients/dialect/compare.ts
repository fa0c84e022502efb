/**
 * Two servers' answers to the same requests, side by side: ids, indexes, times
 * and addresses are replaced by words, since no two servers have the same.
 */
import { isDeepStrictEqual } from 'node:util'
import type { Answer } from './exchange.ts'

/** What is compared of an answer. */
export interface Comparable {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** Parsed where it is JSON. */
  readonly body: unknown
  /** What parsing loses of JSON: the spaces and the order of the fields. Empty for other bodies. */
  readonly layout: string
}

const comparedHeaders = [
  'content-type', 'x-consul-index', 'x-consul-knownleader', 'x-consul-lastcontact', 'x-consul-effective-consistency', 'x-cache', 'x-consul-reason', 'allow', 'location',
  'x-content-type-options', 'content-security-policy', 'vary',
]
const indexFields = new Set(['CreateIndex', 'ModifyIndex', 'Index'])
const uuidPattern = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g

/**
 * Words for the ids of one server, and perhaps its indexes, in the order in
 * which it first showed them: what is the same twice at one server has to be the
 * same at the other.
 */
export class Names {
  readonly #words = new Map<string, string>()
  readonly #indexWords = new Map<number, string>()
  readonly #host: string
  readonly #tellsIndexesApart: boolean

  constructor(host: string, tellsIndexesApart = false) {
    this.#host = host
    this.#tellsIndexesApart = tellsIndexesApart
  }

  /** 0 stays 0: it means something. */
  index(index: number): string | number {
    if (index <= 0) return index
    if (!this.#tellsIndexesApart) return '<index>'
    const word = this.#indexWords.get(index) ?? `<index ${this.#indexWords.size + 1}>`
    this.#indexWords.set(index, word)
    return word
  }

  text(text: string): string {
    return text
      .replace(uuidPattern, (id) => {
        // Ids that the requests themselves chose are the same on both sides.
        if (/^(.)\1{7}-/.test(id)) return id
        const word = this.#words.get(id) ?? `<id ${this.#words.size + 1}>`
        this.#words.set(id, word)
        return word
      })
      .replaceAll(this.#host, '<host>')
      .replaceAll(addressBytes(this.#host), '<host bytes>')
      .replace(/(modify index|to index) (\d+)/g, (_text, before: string, index: string) => `${before} ${this.index(Number(index))}`)
  }

  value(value: unknown, field = ''): unknown {
    // A hash of the service as Go holds it in memory: nobody else can come to the same.
    if (field === 'ContentHash' && typeof value === 'string' && /^[0-9a-f]{16}$/.test(value)) return '<hash>'
    if (typeof value === 'string') return this.text(value)
    if (typeof value === 'number') return indexFields.has(field) ? this.index(value) : value
    if (Array.isArray(value)) return value.map((item) => this.value(item))
    if (value === null || typeof value !== 'object') return value
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [this.text(name), this.value(inner, name)]))
  }
}

export function comparable(answer: Answer, names: Names): Comparable {
  const headers: Record<string, string> = {}
  for (const name of comparedHeaders) {
    const value = answer.headers[name]
    if (value === undefined) continue
    if (name === 'x-consul-index') headers[name] = String(names.index(Number(value)))
    else headers[name] = name === 'x-consul-lastcontact' ? '<number>' : names.text(value)
  }
  const body = parsed(answer)
  return { status: answer.status, headers, body: names.value(body), layout: body === answer.body ? '' : layoutOf(names.text(answer.body)) }
}

/** The text without its values. */
function layoutOf(json: string): string {
  return json.replace(/("(?:[^"\\]|\\.)*")(\s*:)?|-?\d[\d.eE+-]*|true|false|null/g, (_value, text: string | undefined, colon: string | undefined) => colon === undefined ? '' : text! + colon)
}

function parsed({ headers, body }: Answer): unknown {
  if (!headers['content-type']?.startsWith('application/json')) return body
  try {
    // Numbers beyond 2^53 (flags) must not be made equal by rounding.
    return JSON.parse(body.replace(/([:[,])(\d{16,})(?=[,}\]])/g, '$1"$2"'))
  } catch {
    return body
  }
}

/** Where they differ, a line each: `body[0].Value: "a" against "b"`. Empty: they are the same. */
export function differences(real: Comparable, ours: Comparable): string[] {
  const found: string[] = []
  walk('status', real.status, ours.status, found)
  for (const name of comparedHeaders) walk(name, real.headers[name], ours.headers[name], found)
  walk('body', real.body, ours.body, found)
  // Between bodies that differ, the layout says nothing new.
  if (isDeepStrictEqual(real.body, ours.body)) walk('layout', real.layout, ours.layout, found)
  return found
}

function walk(path: string, real: unknown, ours: unknown, found: string[]): void {
  if (isDeepStrictEqual(real, ours)) return
  if (Array.isArray(real) && Array.isArray(ours) && real.length === ours.length) {
    for (const [i, item] of real.entries()) walk(`${path}[${i}]`, item, ours[i], found)
    return
  }
  if (isRecord(real) && isRecord(ours)) {
    for (const name of new Set([...Object.keys(real), ...Object.keys(ours)])) walk(`${path}.${name}`, real[name], ours[name], found)
    return
  }
  found.push(`${path}: ${shown(real)} against ${shown(ours)}`)
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function shown(value: unknown): string {
  const text = value === undefined ? 'nothing' : JSON.stringify(value)
  return text.length > 300 ? `${text.slice(0, 300)}…` : text
}

/** `127.0.0.1` as DNS names for addresses write it. */
function addressBytes(host: string): string {
  return host.split('.').map((part) => Number(part).toString(16).padStart(2, '0')).join('')
}
