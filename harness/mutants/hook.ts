/**
 * Plants source edits into modules as they are loaded, so that the product's
 * code knows nothing of them. Loaded into a member's own process by
 * `preload.ts`; a simulation registers them in its own. Imports nothing but
 * types: it runs wherever a member runs.
 *
 * An edit is written against the source in `node/**.ts`. A published package
 * holds the same statements compiled to `.js`: other indentation, semicolons at
 * line ends, no blank lines. So white space is compared as white space, whatever
 * and how much it is; an edit must be free of types.
 */
import { registerHooks } from 'node:module'
import type { SourceEdit } from '../environments/environment.ts'

/** An edit does not fit the source any more. The message names the file and says how often the text was found. */
export class SourceEditError extends Error {
  override readonly name = 'SourceEditError'
}

export interface RegisteredEdits {
  /** Edits whose file has been loaded, and so changed, until now. */
  applied(): readonly SourceEdit[]
  /** Edits whose file has not been loaded. Once the program is up, one that stands here changes nothing. */
  missing(): readonly SourceEdit[]
  /** Modules loaded from now on are left as they are. */
  deregister(): void
}

/**
 * Edits each file of `edits` when it is loaded from below `rootUrl`, as `.ts` or
 * as compiled `.js`. A file whose text does not fit makes its import throw
 * SourceEditError. Modules that are loaded already are not changed.
 *
 * @param rootUrl folder that the edits' paths begin at; ends in `/`
 * @param onApplied told of each edit as it takes effect
 */
export function registerEdits(edits: readonly SourceEdit[], rootUrl: URL, onApplied: (edit: SourceEdit) => void = () => {}): RegisteredEdits {
  const byUrl = new Map<string, SourceEdit[]>()
  for (const edit of edits) {
    for (const file of new Set([edit.file, edit.file.replace(/\.ts$/, '.js')])) {
      const url = new URL(file, rootUrl).href
      const there = byUrl.get(url)
      if (there === undefined) byUrl.set(url, [edit])
      else there.push(edit)
    }
  }
  const applied = new Set<SourceEdit>()
  const hooks = registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context)
      // A query string makes another instance of the same module.
      const here = byUrl.get(url.replace(/[?#].*$/, ''))
      if (here === undefined) return loaded
      if (loaded.source === undefined || loaded.source === null) {
        throw new SourceEditError(`${url} was loaded without its source (as ${loaded.format}), so it cannot be edited.`)
      }
      let source = typeof loaded.source === 'string' ? loaded.source : Buffer.from(loaded.source as Uint8Array).toString('utf8')
      for (const edit of here) source = applyEdit(source, edit)
      for (const edit of here) {
        if (applied.has(edit)) continue
        applied.add(edit)
        onApplied(edit)
      }
      return { ...loaded, source }
    },
  })
  return {
    applied: () => edits.filter((edit) => applied.has(edit)),
    missing: () => edits.filter((edit) => !applied.has(edit)),
    deregister: () => hooks.deregister(),
  }
}

/**
 * The source with the edit made. Throws SourceEditError unless the text occurs
 * exactly once. Lines after the edit keep their numbers where the replacement
 * has no more lines than what it replaces.
 */
export function applyEdit(source: string, edit: SourceEdit): string {
  const words = edit.find.trim().split(/\s+/)
  if (words[0] === '') throw new SourceEditError(`An edit of ${edit.file} has nothing to find.`)
  const pattern = words.map((word) => word.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join(';?\\s+')
  // A look-ahead, so that occurrences that overlap are counted too.
  const found = [...source.matchAll(new RegExp(`(?=(${pattern}))`, 'g'))]
  if (found.length !== 1) {
    throw new SourceEditError(
      `A source edit of ${edit.file} does not fit: its text must occur exactly once, and it occurs ${found.length} times: `
      + `${JSON.stringify(edit.find)}. The file has changed since the edit was written; write the edit anew.`)
  }
  const start = found[0]!.index
  const replaced = found[0]![1]!
  const linesLost = countLines(replaced) - countLines(edit.replace.trim())
  return source.slice(0, start) + edit.replace.trim() + '\n'.repeat(Math.max(0, linesLost)) + source.slice(start + replaced.length)
}

/** What a member says, on its standard error, when an edit has taken effect. Environments wait for it. */
export function appliedLine(edit: SourceEdit): string {
  return `splitbrain: source edit applied: ${editId(edit)}`
}

/** Tells the edits of a run apart in a line of a log: the file and a short hash of what is changed. */
function editId(edit: SourceEdit): string {
  let hash = 0x811c9dc5 // FNV-1a, 32 bit
  for (const char of `${edit.find}\0${edit.replace}`) hash = Math.imul(hash ^ char.codePointAt(0)!, 0x01000193)
  return `${edit.file} ${(hash >>> 0).toString(16).padStart(8, '0')}`
}

const countLines = (text: string) => text.split('\n').length
