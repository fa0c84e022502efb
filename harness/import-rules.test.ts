import { globSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

/**
 * Who may import whom, and what a pure core may not touch. The rules keep the
 * member that runs in a container line for line the member that is simulated,
 * and keep a mistake of the member out of the code that judges it.
 */
const root = fileURLToPath(new URL('..', import.meta.url))

interface Rule {
  readonly why: string
  /** Files that the rule is about. */
  readonly from: (file: string) => boolean
  /** Whether such a file may import this one; both relative to the root. */
  readonly allows: (target: string, file: string) => boolean
}

const inside = (folder: string) => (file: string) => file.startsWith(`${folder}/`)
const isTest = (file: string) => file.endsWith('.test.ts')
const core = /^node\/(raft|gossip|state)\//
const harnessFolders = /^(harness|workloads|nemesis|results|docker)\//
const concreteEnvironment = /^harness\/environments\/(simulated|local|docker)\//

const rules: Rule[] = [
  {
    why: 'node/ is a product of its own: it imports nothing outside itself',
    from: inside('node'),
    allows: (target) => target.startsWith('node/'),
  },
  {
    why: 'the cores import only node/base and themselves, never each other',
    from: (file) => core.test(file),
    allows: (target, file) => target.startsWith('node/base/') || dirname(target).startsWith(core.exec(file)![0].slice(0, -1)),
  },
  {
    why: 'only harness/environments/simulated reaches into node/ beyond node/base',
    from: (file) => harnessFolders.test(file) && !file.startsWith('harness/environments/simulated/'),
    allows: (target) => !target.startsWith('node/') || target.startsWith('node/base/'),
  },
  {
    why: 'workloads and nemeses see ports, never a concrete environment',
    from: (file) => /^(workloads|nemesis)\//.test(file),
    allows: (target) => !concreteEnvironment.test(target),
  },
]

/** Relative specifiers of static and dynamic imports. */
function importsOf(text: string): string[] {
  const withoutComments = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '')
  return [...withoutComments.matchAll(/(?:from\s+|import\s*\(\s*|import\s+)['"](\.[^'"]+)['"]/g)].map((match) => match[1]!)
}

function breaches(file: string, text: string): string[] {
  const targets = importsOf(text).map((specifier) => relative(root, join(root, dirname(file), specifier)))
  return rules.filter((rule) => rule.from(file)).flatMap((rule) =>
    targets.filter((target) => !rule.allows(target, file)).map((target) => `${file} imports ${target}: ${rule.why}`))
}

const files = globSync('{node,harness,workloads,nemesis,results,docker}/**/*.ts', { cwd: root }).sort()

t.test('imports keep the rules', async (t) => {
  t.ok(files.length > 20, `${files.length} files were read`)
  const found = files.filter((file) => !isTest(file)).flatMap((file) => breaches(file, readFileSync(join(root, file), 'utf8')))
  t.same(found, [])
})

t.test('the rules can be broken', async (t) => {
  t.equal(breaches('node/raft/a.ts', `import { b } from '../state/b.ts'`).length, 1)
  t.equal(breaches('node/raft/a.ts', `import { b } from './b.ts'\nimport c from '../base/c.ts'`).length, 0)
  t.equal(breaches('node/api/a.ts', `import { b } from '../../harness/b.ts'`).length, 1)
  t.equal(breaches('harness/client/a.ts', `import type { b } from '../../node/api/b.ts'`).length, 1)
  t.equal(breaches('harness/environments/simulated/a.ts', `await import('../../../node/api/b.ts')`).length, 0)
  t.equal(breaches('nemesis/a.ts', `import { b } from '../harness/environments/local/index.ts'`).length, 1)
})

t.test('cores touch neither the clock, timers, chance nor the outside', async (t) => {
  const impure = /\b(Date\.now|new Date\(|Math\.random|setTimeout|setInterval|setImmediate|performance\.now|process\.|node:(fs|net|dgram|http|timers))/
  const found = files.filter((file) => core.test(file) && !isTest(file)).filter((file) => {
    const code = readFileSync(join(root, file), 'utf8').replace(/\/\*[\s\S]*?\*\//g, '').replace(/\/\/.*$/gm, '')
    return impure.test(code)
  })
  t.same(found, [])
})
