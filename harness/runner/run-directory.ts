import { appendFileSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'

/**
 * One run's directory under `results/store/<workload>/<start>/`. Files are
 * written beside their place and renamed into it, so that each is either whole
 * or absent; `.jsonl` files are appended to, a line at a time.
 */
export interface RunDirectory {
  /** Absolute. */
  readonly path: string
  /** For logs and traces of members. */
  readonly members: string
  readonly historyFile: string
  writeJson(name: 'plan.json' | 'verdict.json', value: unknown): void
  writeText(name: string, text: string): void
  appendLine(name: 'faults.jsonl' | 'leaders.jsonl', value: unknown): void
}

/** Makes the directory and points the `latest` links of the store and of the workload at it. */
export function makeRunDirectory(store: string, workload: string, startedAt: Date): RunDirectory {
  const path = makeStartedDirectory(join(resolve(store), workload), startedAt)
  pointLatest(join(resolve(store), 'latest'), path)
  const writeText = (name: string, text: string) => writeWhole(path, name, text)
  return {
    path,
    members: join(path, 'members'),
    historyFile: join(path, 'history.jsonl'),
    writeText,
    writeJson: (name, value) => writeText(name, `${JSON.stringify(value, null, 2)}\n`),
    appendLine: (name, value) => appendFileSync(join(path, name), `${JSON.stringify(value)}\n`),
  }
}

/** A directory of its own for what began then, and the `latest` link beside it. Returns its path. */
export function makeStartedDirectory(parent: string, startedAt: Date): string {
  const path = makeUnique(parent, startName(startedAt))
  pointLatest(join(parent, 'latest'), path)
  return path
}

/** Beside its place, and renamed into it: the file is whole or absent. */
export function writeWhole(directory: string, name: string, text: string): void {
  const draft = join(directory, `.${name}.draft`)
  writeFileSync(draft, text)
  renameSync(draft, join(directory, name))
}

/** `20261121T063412.123Z`: sorts by time, and needs no quoting anywhere. */
export function startName(startedAt: Date): string {
  return startedAt.toISOString().replaceAll(/[-:]/g, '')
}

/** Two runs may start in the same millisecond. */
function makeUnique(parent: string, name: string): string {
  mkdirSync(parent, { recursive: true })
  for (let attempt = 1; ; attempt++) {
    const path = join(parent, attempt === 1 ? name : `${name}-${attempt}`)
    try {
      mkdirSync(path)
      return path
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
  }
}

/** Replaced by a rename, so that two runs at once leave one of the two links, never none. */
function pointLatest(link: string, path: string): void {
  const draft = `${link}.${process.pid}.${basename(path)}`
  try {
    symlinkSync(relative(dirname(link), path), draft)
    renameSync(draft, link)
  } catch {
    // A file system without links, or a `latest` that is a directory: the run is worth more than the link.
    rmSync(draft, { force: true })
  }
}
