import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { InterruptedCommand } from '../../harness/cli/exit-codes.ts'
import type { TestCommandPorts } from '../../harness/cli/test-command.ts'
import { UsageError } from '../../harness/plan/usage-error.ts'
import { Stop } from '../../harness/runner/stop.ts'
import { makeWorkDirectory } from '../../harness/runner/work-directory.ts'
import { filesBelow, manifestName, manifestSchema, mutantName, runFolder, sha256OfFile } from './manifest.ts'
import { unpackArchive } from './unpack.ts'

/** A run that can be read; disposal removes what was unpacked for it. */
export interface OpenedRun extends Disposable {
  /** Of the run itself. */
  readonly directory: string
  /** A bug of somebody's own that came along, as `--mutant` takes it; null: the plan names what there is everywhere. */
  readonly mutant: string | null
}

/**
 * What `check` and `replay` were given: the directory of a run, a bundle, or a
 * folder that a bundle was unpacked to. A bundle is unpacked to a temporary
 * directory, which is removed by disposal, or by a later run where this process
 * is killed; its files must be those of its manifest. Rejects with UsageError
 * and InterruptedCommand.
 * @param exit for who does not listen for signals while the run is open: is called once what was unpacked is removed
 */
export async function openRun(named: string, { workingDirectory, listenForSignals }: Pick<TestCommandPorts, 'workingDirectory' | 'listenForSignals'>, exit: ((code: number) => void) | null = null): Promise<OpenedRun> {
  const place = resolve(workingDirectory, named)
  if (!isArchive(place)) return { ...existsSync(join(place, manifestName)) ? await bundleIn(place, named) : { directory: place, mutant: null }, [Symbol.dispose]() {} }
  const work = makeWorkDirectory(`bundle-${randomBytes(6).toString('hex')}`)
  try {
    const interrupt = new Stop()
    using _signals = listenForSignals(interrupt, () => {})
    const into = join(work.path, 'unpacked')
    mkdirSync(into)
    const opened = unpackArchive(place, into).then((folder) => bundleIn(folder, named))
    const stopped = await interrupt.cutShort(opened)
    if (stopped) throw new InterruptedCommand(interrupt.reason!)
    const signals = exit === null ? null : listenToLeave(listenForSignals, work, exit)
    return {
      ...await opened,
      [Symbol.dispose]() {
        signals?.[Symbol.dispose]()
        work[Symbol.dispose]()
      },
    }
  } catch (error) {
    work[Symbol.dispose]()
    throw error
  }
}

function listenToLeave(listenForSignals: TestCommandPorts['listenForSignals'], work: Disposable, exit: (code: number) => void): Disposable {
  const interrupt = new Stop()
  interrupt.whenStopped(() => {
    work[Symbol.dispose]()
    exit(new InterruptedCommand(interrupt.reason!).exitCode)
  })
  return listenForSignals(interrupt, () => {})
}

/** By its ending: a run is a directory. */
export function isArchive(place: string): boolean {
  return /\.(tar\.gz|tgz)$/.test(place) && statSync(place, { throwIfNoEntry: false })?.isFile() === true
}

async function bundleIn(folder: string, named: string): Promise<Pick<OpenedRun, 'directory' | 'mutant'>> {
  const refuse = (why: string): never => { throw new UsageError(`${named} is no whole bundle of splitbrain: ${why}.`) }
  const manifest = readManifest(join(folder, manifestName)) ?? refuse(`it has no ${manifestName} of a version that is known here`)
  const there = new Set(filesBelow(folder))
  for (const { name, sizeBytes, sha256 } of manifest.files) {
    if (!there.has(name)) refuse(`${name} is missing`)
    if (statSync(join(folder, name)).size !== sizeBytes || await sha256OfFile(join(folder, name)) !== sha256) refuse(`${name} is not what it was when it was packed`)
  }
  const listed = new Set(manifest.files.map(({ name }) => name))
  // Whoever unpacked it by hand may have put something beside it; within the run nothing may be added.
  const added = [...there].find((name) => name.startsWith(`${runFolder}/`) && !listed.has(name))
  if (added !== undefined) refuse(`${added} was not packed with it`)
  return {
    directory: join(folder, runFolder),
    mutant: listed.has(mutantName) ? JSON.stringify(JSON.parse(readFileSync(join(folder, mutantName), 'utf8'))) : null,
  }
}

function readManifest(file: string) {
  try {
    return manifestSchema.safeParse(JSON.parse(readFileSync(file, 'utf8'))).data ?? null
  } catch {
    return null
  }
}
