/**
 * Programs that nobody here wrote, from Debian's packages, for tests: fetched
 * with the machine's own apt configuration, another suite in place of its own,
 * and unpacked beside the dependencies. Nothing is installed.
 */
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const cacheDirectory = fileURLToPath(new URL('../../node_modules/.cache/splitbrain/debian/', import.meta.url))

export interface DebianProgram {
  /** The package, and the suite that carries the wanted version. */
  readonly packageName: string
  readonly suite: string
  /** Inside the package: `usr/bin/consul`. */
  readonly file: string
}

/** Consul 1.8.7, the last version that Debian carries. */
export const consulProgram: DebianProgram = { packageName: 'consul', suite: 'bullseye', file: 'usr/bin/consul' }

/** Where the program is; or, in a sentence, why it cannot be had here. */
export type FoundProgram =
  | { readonly kind: 'found', readonly path: string }
  | { readonly kind: 'missing', readonly reason: string }

/** Fetches it once; the next call finds it in the cache. Two at once do no harm. */
export async function debianProgram(program: DebianProgram): Promise<FoundProgram> {
  const { packageName, suite, file } = program
  const home = join(cacheDirectory, `${packageName}-${suite}`)
  const path = join(home, file)
  if (existsSync(path)) return { kind: 'found', path }
  const work = `${home}.${randomBytes(4).toString('hex')}`
  try {
    await fetchPackage(packageName, suite, work)
    await rename(join(work, 'unpacked'), home).catch((error: NodeJS.ErrnoException) => {
      // Somebody else was first.
      if (!existsSync(path)) throw error
    })
    return existsSync(path)
      ? { kind: 'found', path }
      : { kind: 'missing', reason: `Debian's package ${packageName} (${suite}) has no ${file}` }
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string }
    return { kind: 'missing', reason: `${packageName} cannot be fetched from Debian ${suite}: ${(stderr || message).trim().split('\n').at(-1)}` }
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

async function fetchPackage(packageName: string, suite: string, work: string): Promise<void> {
  const { stdout } = await run('apt-get', ['indextargets', '--format', '$(REPO_URI)', 'Created-By: Packages'])
  const mirror = stdout.split('\n').find((line) => line !== '')
  if (mirror === undefined) throw new Error('apt knows no mirror of Debian')
  for (const directory of ['lists/partial', 'cache/archives/partial']) await mkdir(join(work, directory), { recursive: true })
  const sources = join(work, 'sources.list')
  await writeFile(sources, `deb ${mirror} ${suite} main\n`)
  const options = [
    '-q', '-o', `Dir::Etc::sourcelist=${sources}`, '-o', 'Dir::Etc::sourceparts=-', '-o', `Dir::State::lists=${join(work, 'lists')}`,
    '-o', `Dir::Cache=${join(work, 'cache')}`, '-o', 'Acquire::Retries=3', '-o', 'APT::Sandbox::User=root',
  ]
  await run('apt-get', [...options, 'update'], { cwd: work })
  await run('apt-get', [...options, 'download', packageName], { cwd: work })
  const archive = (await readdir(work)).find((name) => name.endsWith('.deb'))
  if (archive === undefined) throw new Error('apt-get download left no package')
  await run('dpkg-deb', ['-x', archive, 'unpacked'], { cwd: work })
}
