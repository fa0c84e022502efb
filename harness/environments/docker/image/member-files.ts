import { createHash } from 'node:crypto'
import { existsSync, globSync, readFileSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { importedPackages, packageClosure } from './package-closure.ts'

/** One file of the image. */
export interface ImageFile {
  /** Below the image's application folder, with `/`. */
  readonly path: string
  readonly content: Buffer
  /** Permission bits. */
  readonly mode: number
}

/** Where this code is: a checkout, or `dist/` of the published package. */
export const codeRoot = fileURLToPath(new URL('../../../../', import.meta.url)).replace(/\/$/, '')
/** Where package.json and docker/ are. */
export const packageRoot = existsSync(join(codeRoot, 'package.json')) ? codeRoot : join(codeRoot, '..')
/** `ts` in a checkout, `js` in the published package. */
export const codeExtension = basename(import.meta.url).endsWith('.ts') ? 'ts' : 'js'

/** The member itself, and the disk that forgets, which the harness loads into it. */
const sourceFolders = ['node', 'harness/environments/volatile-disk']
/** What plants bugs into it; not the bugs, which come with a run. Without extension. */
const sourceFiles = ['harness/mutants/preload', 'harness/mutants/hook', 'harness/environments/environment']

/** Everything a member needs to run, sorted by path. */
export function memberFiles(): ImageFile[] {
  const sources = [
    ...sourceFolders.flatMap((folder) => globSync(`${folder}/**/*.{ts,js,mjs,cjs,json}`, { cwd: codeRoot })),
    ...sourceFiles.map((file) => `${file}.${codeExtension}`),
  ].map((path) => path.replaceAll('\\', '/')).filter((path) => !/\.test\.[jt]s$|\.d\.ts$|(^|\/)test(data|ing)\//.test(path))
  const ownFiles = sources.map((path) => imageFile(path, join(codeRoot, path)))

  const imported = new Set(ownFiles.flatMap((file) => importedPackages(file.content.toString('utf8'))))
  const packageFiles = packageClosure([...imported].sort(), packageRoot).flatMap(({ source, destination }) =>
    globSync('**/*', { cwd: source, exclude: (name) => name === 'node_modules' })
      // Types, maps, prose, tests and benchmarks are for people; an image is for running.
      .filter((path) => !/\.([cm]?ts|map|md)$|^(tests?|bench(marks?)?|docs?|examples?|\.github)[/\\]/i.test(path) && statSync(join(source, path)).isFile())
      .map((path) => imageFile(`${destination}/${path.replaceAll('\\', '/')}`, join(source, path))))

  const { name, version } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { name: string, version: string }
  const manifest = { name, version, private: true, type: 'module' }
  return [
    ...ownFiles,
    ...packageFiles,
    { path: 'package.json', content: Buffer.from(JSON.stringify(manifest)), mode: 0o644 },
  ].sort((a, b) => (a.path < b.path ? -1 : 1))
}

function imageFile(path: string, source: string): ImageFile {
  // Only whether it can be executed counts: other bits depend on the umask of who checked out.
  return { path, content: readFileSync(source), mode: (statSync(source).mode & 0o100) !== 0 ? 0o755 : 0o644 }
}

/** A short name for exactly these contents: equal inputs give an equal tag on every machine. */
export function contentHash(files: readonly ImageFile[], ...also: readonly string[]): string {
  const hash = createHash('sha256')
  for (const text of also) hash.update(`${text.length}:${text}\n`)
  for (const file of files) hash.update(`${file.path}:${file.mode}:${file.content.length}\n`).update(file.content)
  return hash.digest('hex').slice(0, 16)
}
