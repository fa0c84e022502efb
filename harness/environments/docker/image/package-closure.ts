import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { invariant } from '../../../../node/base/assert.ts'

/** One npm package to copy: from a folder here to a folder below the image's application folder. */
export interface PackageCopy {
  readonly source: string
  /** `node_modules/pino`, or `node_modules/a/node_modules/b` where versions differ. */
  readonly destination: string
}

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

/**
 * The packages that `names` need at run time, all the way down, found as Node
 * itself would find them from `directory`. A member needs a few MB of the
 * several hundred that a checkout has installed.
 */
export function packageClosure(names: readonly string[], directory: string): PackageCopy[] {
  const copies = new Map<string, string>()

  const add = (name: string, requirerSource: string, requirerDestination: string, optional: boolean): void => {
    const source = findPackage(name, requirerSource)
    if (source === null) {
      if (optional) return
      throw new Error(`The npm package ${name}, which ${requirerSource} needs, is not installed: run npm ci`)
    }
    // Flat where possible; nested below its requirer where another version has the flat place.
    const flat = `node_modules/${name}`
    const taken = copies.get(flat)
    if (taken === source) return
    const destination = taken === undefined ? flat : `${requirerDestination}/node_modules/${name}`
    if (copies.get(destination) === source) return
    invariant(!copies.has(destination), () => `${destination} should hold both ${copies.get(destination)} and ${source}`)
    copies.set(destination, source)

    const manifest: Manifest = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8'))
    const optionalNames = Object.keys(manifest.optionalDependencies ?? {})
    for (const needed of Object.keys(manifest.dependencies ?? {})) add(needed, source, destination, optionalNames.includes(needed))
    for (const needed of optionalNames) add(needed, source, destination, true)
  }

  for (const name of names) add(name, directory, '.', false)
  return [...copies].map(([destination, source]) => ({ source, destination })).sort((a, b) => (a.destination < b.destination ? -1 : 1))
}

/** The folder of `name` as seen from `directory`, or null. */
function findPackage(name: string, directory: string): string | null {
  for (let current = directory; ; current = dirname(current)) {
    const candidate = join(current, 'node_modules', name)
    if (existsSync(join(candidate, 'package.json'))) return candidate
    if (dirname(current) === current) return null
  }
}

/** npm packages that a source text imports: `pino`, `@scope/name`. Node's own modules and relative paths are left out. */
export function importedPackages(text: string): string[] {
  const specifiers = [...text.matchAll(/(?:\bfrom\s+|\bimport\s*\(\s*|\bimport\s+)['"]([^'"./][^'"]*)['"]/g)].map((match) => match[1]!)
  return [...new Set(specifiers.filter((specifier) => !specifier.startsWith('node:')).map(packageName))]
}

/** `zod/mini` → `zod`; `@a/b/c` → `@a/b`. */
function packageName(specifier: string): string {
  return specifier.split('/').slice(0, specifier.startsWith('@') ? 2 : 1).join('/')
}
