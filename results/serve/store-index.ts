import { existsSync, readdirSync, realpathSync, statSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { readBenchRecord } from '../bench/bench-record.ts'
import { readNightRecord } from '../nights/night-record.ts'
import { readRunSummary, type RunSummary } from '../run-summary.ts'
import { placeBelow } from './files.ts'

export interface IndexedRun {
  /** Its directory below the store, with slashes. */
  readonly id: string
  readonly summary: RunSummary
  /** Without a verdict, and something was written not long ago. */
  readonly running: boolean
}

/** A night or a benchmark. */
export interface Record {
  readonly kind: 'night' | 'bench'
  /** Of its page, below the store; null where it has none. */
  readonly page: string | null
  readonly name: string
  readonly told: string
}

export interface StoreContent {
  readonly runs: readonly IndexedRun[]
  readonly records: readonly Record[]
  /** The page of all nights, below the store; null where there is none. */
  readonly nightsPage: string | null
}

/** Deeper than any command makes its runs' directories. */
const depthMax = 6
const nightsPage = 'nights/index.html'
/** A run that writes nothing for so long is taken for one that was killed: the longest silence is that of a cluster which does not recover. */
const silentMsMax = 180_000

/**
 * The runs of a store, as often as somebody asks: what was read stays until the
 * file it came from changes, so that thousands of runs cost a look at each
 * directory and no more.
 */
export class StoreIndex {
  readonly store: string
  readonly #cache = new Map<string, { readonly stamp: number | null, readonly summary: RunSummary | null }>()
  #reading: Promise<StoreContent> | null = null

  /** Throws where there is no such directory. */
  constructor(store: string) {
    this.store = realpathSync(store)
  }

  /** Whoever asks while it is being read gets the same answer. */
  read(nowMs: number): Promise<StoreContent> {
    this.#reading ??= this.#read(nowMs).finally(() => { this.#reading = null })
    return this.#reading
  }

  /** One run, without a look at the others. Null: there is none. */
  find(id: string, nowMs: number): IndexedRun | null {
    const directory = placeBelow(this.store, id)
    if (directory === null || id !== this.#idOf(directory)) return null
    return this.#indexed(directory, nowMs)
  }

  async #read(nowMs: number): Promise<StoreContent> {
    const directories = runDirectories(this.store, depthMax, (directory) => this.#cache.get(directory)?.summary != null && existsSync(join(directory, 'plan.json')))
    const runs: IndexedRun[] = []
    const known = new Set(directories)
    for (const directory of this.#cache.keys()) if (!known.has(directory)) this.#cache.delete(directory)
    let sinceMs = performance.now()
    for (const directory of directories) {
      const run = this.#indexed(directory, nowMs)
      if (run !== null) runs.push(run)
      if (performance.now() - sinceMs < 20) continue
      await nextTurn()
      sinceMs = performance.now()
    }
    return { runs, records: [...records(this.store, 'nights'), ...records(this.store, 'bench')], nightsPage: existsSync(join(this.store, nightsPage)) ? nightsPage : null }
  }

  #idOf(directory: string): string {
    return relative(this.store, directory).split(sep).join('/')
  }

  #indexed(directory: string, nowMs: number): IndexedRun | null {
    const summary = this.#summary(directory)
    return summary === null ? null : { id: this.#idOf(directory), summary, running: isRunning(directory, summary, nowMs) }
  }

  #summary(directory: string): RunSummary | null {
    const cached = this.#cache.get(directory)
    // The plan is written once, before anything else; the verdict is what comes, and may be written anew.
    const stamp = modifiedMs(join(directory, 'verdict.json'))
    if (cached !== undefined && cached.summary !== null && cached.stamp === stamp) return cached.summary
    const summary = readIfThere(directory)
    this.#cache.set(directory, { stamp, summary })
    return summary
  }
}

/** Null also where it is removed while it is read. */
function readIfThere(directory: string): RunSummary | null {
  try {
    return readRunSummary(directory)
  } catch {
    return null
  }
}

/** Directories with a `plan.json`; links (`latest`) are not followed, and nothing is looked for inside a run. `isKnown`: it is one, without looking. */
function runDirectories(directory: string, depth: number, isKnown: (directory: string) => boolean): string[] {
  if (isKnown(directory)) return [directory]
  let entries
  try {
    entries = readdirSync(directory, { withFileTypes: true })
  } catch {
    // Removed meanwhile.
    return []
  }
  if (entries.some((entry) => entry.name === 'plan.json')) return [directory]
  return depth === 0 ? [] : entries.flatMap((entry) => entry.isDirectory() ? runDirectories(join(directory, entry.name), depth - 1, isKnown) : [])
}

function isRunning(directory: string, summary: RunSummary, nowMs: number): boolean {
  if (summary.ended !== null) return false
  const lastMs = Math.max(...['plan.json', 'history.jsonl', 'faults.jsonl', 'leaders.jsonl'].map((name) => modifiedMs(join(directory, name)) ?? 0))
  return nowMs - lastMs < silentMsMax
}

/** Null: there is no such file. */
function modifiedMs(file: string): number | null {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? null
}

/** What there may be to read of a night or a benchmark, the best first. */
const recordPages = ['index.html', 'bench.html', 'summary.txt', 'night.json', 'bench.json']

function records(store: string, folder: 'nights' | 'bench'): Record[] {
  let names: string[]
  try {
    names = readdirSync(join(store, folder), { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) => name).sort().reverse()
  } catch {
    return []
  }
  return names.map((name) => {
    const page = recordPages.map((file) => `${folder}/${name}/${file}`).find((file) => existsSync(join(store, file))) ?? null
    return { kind: folder === 'nights' ? 'night' : 'bench', name, told: tell(folder, join(store, folder, name)), page }
  })
}

function tell(folder: 'nights' | 'bench', directory: string): string {
  try {
    if (folder === 'bench') {
      const { bench, env, system, tookS } = readBenchRecord(join(directory, 'bench.json'))
      return `${bench}, ${env}, ${system}, ${Math.round(tookS)} s`
    }
    const { runs, tookS } = readNightRecord(join(directory, 'night.json'))
    const count = (outcome: string) => runs.filter((run) => run.outcome === outcome).length
    return `${runs.length} runs in ${Math.round(tookS / 60)} min: ${count('valid')} valid, ${count('invalid')} invalid, ${count('unknown')} unknown, ${count('failed')} failed, ${count('skipped')} skipped`
  } catch {
    return 'its record cannot be read'
  }
}
