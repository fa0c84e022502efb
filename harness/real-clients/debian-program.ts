/**
 * Programs that nobody here wrote, from Debian's packages, for tests and for `--system`: fetched
 * with the machine's own apt configuration and unpacked beside the dependencies,
 * where later runs find them. Nothing is installed.
 *
 * With SPLITBRAIN_REQUIRE_PROGRAMS=1 a program that cannot be had is an error
 * instead of a skip, so that a CI job cannot pass without what it is to prove.
 */
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { projectRoot } from '../plan/provenance.ts'

const run = promisify(execFile)
const cacheDirectory = join(projectRoot, 'node_modules/.cache/splitbrain/debian')

export interface DebianProgram {
  readonly packageName: string
  /**
   * The suite that carries the wanted version, and then the package alone; null:
   * the machine's own suites, and with it the libraries that the machine lacks.
   */
  readonly suite: string | null
  /** Inside the package: `usr/bin/consul`. */
  readonly file: string
}

/** Consul 1.8.7, the last version that Debian carries; it needs the C library alone. */
export const consulProgram: DebianProgram = { packageName: 'consul', suite: 'bullseye', file: 'usr/bin/consul' }
/** etcd 3.4.23; the same. */
export const etcdProgram: DebianProgram = { packageName: 'etcd-server', suite: 'bookworm', file: 'usr/bin/etcd' }
export const digProgram: DebianProgram = { packageName: 'bind9-dnsutils', suite: null, file: 'usr/bin/dig' }
export const haproxyProgram: DebianProgram = { packageName: 'haproxy', suite: null, file: 'usr/sbin/haproxy' }
/**
 * 2.24, the last that Debian built with `consul_sd_configs` in it. Its package
 * alone is enough: the many that it wants besides are for its pages.
 */
export const prometheusProgram: DebianProgram = { packageName: 'prometheus', suite: 'bullseye', file: 'usr/bin/prometheus' }
/** For whoever wants them all beforehand. */
export const debianPrograms = [consulProgram, etcdProgram, digProgram, haproxyProgram, prometheusProgram]

/** Where the program is; or, in a sentence, why it cannot be had here. */
export type FoundProgram =
  /** `env`: of the process that runs it, so that it finds its libraries. */
  | { readonly kind: 'found', readonly path: string, readonly env: NodeJS.ProcessEnv }
  | { readonly kind: 'missing', readonly reason: string }

/** Fetches it once; the next call finds it in the cache. Two at once do no harm. Throws only where programs are required. */
export async function debianProgram(program: DebianProgram): Promise<FoundProgram> {
  const found = await findOrFetch(program)
  if (found.kind === 'missing' && process.env['SPLITBRAIN_REQUIRE_PROGRAMS'] === '1') throw new Error(`SPLITBRAIN_REQUIRE_PROGRAMS=1, but ${found.reason}`)
  return found
}

async function findOrFetch({ packageName, suite, file }: DebianProgram): Promise<FoundProgram> {
  const home = join(cacheDirectory, `${packageName}-${suite ?? 'own'}`)
  const path = join(home, file)
  const found = async (): Promise<FoundProgram> => ({ kind: 'found', path, env: { ...process.env, LD_LIBRARY_PATH: await libraryPath(home) } })
  if (existsSync(path)) return found()
  const work = `${home}.${randomBytes(4).toString('hex')}`
  try {
    await fetchPackage(packageName, suite, work)
    await rename(join(work, 'unpacked'), home).catch((error: NodeJS.ErrnoException) => {
      // Somebody else was first.
      if (!existsSync(path)) throw error
    })
    return existsSync(path) ? await found() : { kind: 'missing', reason: `Debian's package ${packageName} (${suite ?? 'own suite'}) has no ${file}` }
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string }
    return { kind: 'missing', reason: `${packageName} cannot be fetched from Debian (${suite ?? 'own suite'}): ${(stderr || message).trim().split('\n').at(-1)}` }
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** Debian's `usr/lib/<architecture>`, of what was unpacked. */
async function libraryPath(home: string): Promise<string> {
  const base = join(home, 'usr/lib')
  const entries = existsSync(base) ? await readdir(base) : []
  return [base, ...entries.filter((name) => name.includes('-linux-')).map((name) => join(base, name))].join(':')
}

async function fetchPackage(packageName: string, suite: string | null, work: string): Promise<void> {
  for (const directory of ['lists/partial', 'cache/archives/partial']) await mkdir(join(work, directory), { recursive: true })
  const options = [
    '-q', '-y', '-o', `Dir::State::lists=${join(work, 'lists')}`, '-o', `Dir::Cache=${join(work, 'cache')}`,
    '-o', 'Acquire::Retries=3', '-o', 'APT::Sandbox::User=root', '-o', 'Debug::NoLocking=true',
  ]
  const apt = (...args: readonly string[]) => run('apt-get', [...options, ...args], { cwd: work, maxBuffer: 1 << 24 })
  const archives = join(work, 'cache/archives')
  if (suite === null) {
    await apt('update')
    // Measured against what is installed here: what the machine has is not fetched, but the program itself is in any case.
    await apt('install', '--download-only', '--reinstall', '--no-install-recommends', packageName)
  } else {
    const sources = join(work, 'sources.list')
    await writeFile(sources, `deb ${await debianMirror()} ${suite} main\n`)
    options.push('-o', `Dir::Etc::sourcelist=${sources}`, '-o', 'Dir::Etc::sourceparts=-')
    await apt('update')
    await run('apt-get', [...options, 'download', packageName], { cwd: archives })
  }
  const packages = (await readdir(archives)).filter((name) => name.endsWith('.deb'))
  if (packages.length === 0) throw new Error('apt-get left no package')
  for (const one of packages) await run('dpkg-deb', ['-x', join(archives, one), 'unpacked'], { cwd: work })
}

/** The machine's own; other repositories beside Debian's are passed over once apt knows which is which. */
async function debianMirror(): Promise<string> {
  const { stdout } = await run('apt-get', ['indextargets', '--format', '$(LABEL) $(REPO_URI)', 'Created-By: Packages'])
  const lines = stdout.split('\n').map((line) => line.trim()).filter((line) => line !== '')
  const mirror = (lines.find((line) => line.startsWith('Debian ')) ?? lines[0])?.split(' ').at(-1)
  if (mirror === undefined) throw new Error('apt knows no mirror of Debian')
  return mirror
}
