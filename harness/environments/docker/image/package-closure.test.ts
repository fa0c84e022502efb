import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { importedPackages, packageClosure } from './package-closure.ts'

function installed(directory: string, packages: Readonly<Record<string, object>>): string {
  for (const [path, manifest] of Object.entries(packages)) {
    const file = join(directory, path, 'package.json')
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, JSON.stringify(manifest))
  }
  return directory
}

t.test('what is needed comes along, all the way down, and nothing else', async (t) => {
  const root = installed(t.testdir(), {
    'node_modules/a': { dependencies: { b: '1', '@s/c': '1' } },
    'node_modules/b': { dependencies: { a: '1' }, optionalDependencies: { absent: '1' } },
    'node_modules/@s/c': {},
    'node_modules/unused': {},
  })
  t.same(packageClosure(['a'], root).map(({ destination }) => destination), ['node_modules/@s/c', 'node_modules/a', 'node_modules/b'])
})

t.test('two versions of one package keep their places', async (t) => {
  const root = installed(t.testdir(), {
    'node_modules/a': { dependencies: { b: '2' } },
    'node_modules/a/node_modules/b': {},
    'node_modules/b': {},
  })
  t.same(packageClosure(['b', 'a'], root), [
    { source: join(root, 'node_modules/a'), destination: 'node_modules/a' },
    { source: join(root, 'node_modules/a/node_modules/b'), destination: 'node_modules/a/node_modules/b' },
    { source: join(root, 'node_modules/b'), destination: 'node_modules/b' },
  ])
})

t.test('packages are found above an installed package too, and a missing one is named', async (t) => {
  const root = installed(t.testdir(), { 'node_modules/splitbrain': {}, 'node_modules/a': {} })
  t.same(packageClosure(['a'], join(root, 'node_modules/splitbrain')).map(({ destination }) => destination), ['node_modules/a'])
  t.throws(() => packageClosure(['gone'], root), { message: /The npm package gone, .* is not installed: run npm ci/ })
})

t.test('imports name their packages', async (t) => {
  t.same(importedPackages(`
    import type { X } from 'zod/mini'
    import find from "find-my-way"
    import { readFile } from 'node:fs/promises'
    export * from './own.ts'
    const pino = await import('@pinojs/redact/deep')
    import 'side-effect'
  `), ['zod', 'find-my-way', '@pinojs/redact', 'side-effect'])
})
