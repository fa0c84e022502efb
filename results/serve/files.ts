import { createReadStream, readdirSync, realpathSync, statSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { extname, join, sep } from 'node:path'
import { pipeline } from 'node:stream'

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8', '.json': 'application/json; charset=utf-8', '.jsonl': 'text/plain; charset=utf-8', '.log': 'text/plain; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8', '.edn': 'text/plain; charset=utf-8', '.md': 'text/plain; charset=utf-8', '.csv': 'text/csv; charset=utf-8',
  '.svg': 'image/svg+xml', '.png': 'image/png', '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8',
}

/**
 * A path below the store, links followed, or null: not there, or not below it
 * after all (`..`, an absolute path, a link that leads out of it).
 * @param store absolute, links followed
 */
export function placeBelow(store: string, path: string): string | null {
  if (path.includes('\0')) return null
  try {
    const place = realpathSync(join(store, path))
    return place === store || place.startsWith(store + sep) ? place : null
  } catch {
    return null
  }
}

/** Sends a file; false where there is none. */
export function sendFile(response: ServerResponse, store: string, path: string, withBody: boolean): boolean {
  const place = placeBelow(store, path)
  const stat = place === null ? undefined : statSync(place, { throwIfNoEntry: false })
  if (place === null || stat === undefined || !stat.isFile()) return false
  response.writeHead(200, { 'content-type': types[extname(place)] ?? 'application/octet-stream', 'content-length': stat.size })
  if (!withBody) {
    response.end()
    return true
  }
  // What is appended meanwhile is not part of the length that was said. A reader that goes away is no failure.
  if (stat.size === 0) response.end()
  else pipeline(createReadStream(place, { end: stat.size - 1 }), response, () => {})
  return true
}

/** Files of a run, as paths below its directory, those at the top first. */
export function filesOf(directory: string): string[] {
  const entries = readdirSync(directory, { withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile() && !entry.name.startsWith('.')).map(({ name }) => name).sort()
  const below = entries.filter((entry) => entry.isDirectory()).flatMap(({ name }) => filesOf(join(directory, name)).map((file) => `${name}/${file}`)).sort()
  return [...files, ...below]
}
