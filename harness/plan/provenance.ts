import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/** What ran: enough to find the same source again. */
export interface Provenance {
  readonly versions: { readonly splitbrain: string, readonly node: string, readonly platform: string }
  /** Null outside of a git checkout. */
  readonly git: { readonly commit: string, readonly dirty: boolean } | null
}

/** The project's root: where its package.json lies, be this the source or `dist/`. */
export const projectRoot = findRoot(dirname(fileURLToPath(import.meta.url)))

function findRoot(from: string): string {
  for (let directory = from; ; directory = dirname(directory)) {
    if (existsSync(join(directory, 'package.json'))) return directory
    if (dirname(directory) === directory) return from
  }
}

export function packageVersion(): string {
  return (JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as { version: string }).version
}

export async function readProvenance(): Promise<Provenance> {
  return {
    versions: { splitbrain: packageVersion(), node: process.versions.node, platform: `${process.platform} ${process.arch}` },
    git: await readGit(),
  }
}

async function readGit(): Promise<Provenance['git']> {
  // Only a checkout of this project itself counts, not one that it is installed in.
  if (!existsSync(join(projectRoot, '.git'))) return null
  const git = async (...args: string[]) => (await promisify(execFile)('git', args, { cwd: projectRoot, timeout: 10_000 })).stdout
  try {
    return { commit: (await git('rev-parse', 'HEAD')).trim(), dirty: (await git('status', '--porcelain')).trim() !== '' }
  } catch {
    return null // No git on this machine, or no commit yet.
  }
}

/** `splitbrain 0.1.0, node 26.10.0, commit 4a6873b (changed)`. */
export function describeProvenance({ versions, git }: Provenance): string {
  const commit = git === null ? '' : `, commit ${git.commit.slice(0, 7)}${git.dirty ? ' (changed)' : ''}`
  return `splitbrain ${versions.splitbrain}, node ${versions.node}${commit}`
}
