import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import t from 'tap'
import { generateRegisterHistory } from '../bench/checker-histories.ts'
import { pairOperations } from '../history/operations.ts'
import { checkLinearizability } from './linearizability.ts'
import { models } from './model.ts'
import { compile } from './problem.ts'
import { searchInThreads, threadedOperationsMin, threadModel } from './search-threads.ts'

const limits = { remainingMs: () => 600_000, bytesMax: 2 ** 30, nodesMax: Infinity }
const shape = { operations: 60, keys: 1, concurrency: 4, infoPercent: 5, values: 4, versions: false }
const problemOf = (seed: number, spoiled: boolean) => {
  const events = generateRegisterHistory({ ...shape, seed })
  const read = events.findLastIndex((event) => event.f === 'read' && event.type === 'ok')
  return compile(models['cas-register'], pairOperations(events.map((event, i) => spoiled && i === read ? { ...event, value: 99 } : event))).problem
}

t.test('problems are searched in threads; each answer stands at its problem\'s place', async (t) => {
  const problems = Array.from({ length: 12 }, (_, i) => problemOf(i, i % 3 === 1))
  const results = await searchInThreads('cas-register', problems, 3, limits)
  t.same(results.map(({ kind }) => kind), problems.map((_, i) => i % 3 === 1 ? 'not-linearizable' : 'linearizable'))
})

t.test('the limits hold in threads too, and say how far it came', async (t) => {
  const events = generateRegisterHistory({ ...shape, operations: 5000, seed: 3 })
  const { problem } = compile(models['cas-register'], pairOperations(events))
  const [nodes] = await searchInThreads('cas-register', [problem], 1, { ...limits, nodesMax: 100 })
  t.match(nodes, { kind: 'unknown', cause: 'nodes' })
  t.ok(nodes!.kind === 'unknown' && nodes!.linearized > 0 && nodes!.linearized < 5000)
  const [memory] = await searchInThreads('cas-register', [problem], 1, { ...limits, bytesMax: 1000 })
  t.match(memory, { kind: 'unknown', cause: 'memory' })
})

t.test('a model of one\'s own stays in this thread', async (t) => {
  t.equal(threadModel(models.mutex), 'mutex')
  t.equal(threadModel({ ...models.mutex }), null)
})

t.test('many keys with much to search: the verdict is the same in threads as in one', async (t) => {
  const events = generateRegisterHistory({ operations: threadedOperationsMin * 1.2, keys: 60, concurrency: 20, infoPercent: 1, values: 3, versions: false, seed: 5 })
  const run = (threads: number) => checkLinearizability(events, models['cas-register'], { timeLimitS: 500, memoryMiB: 1024, threads })
  const [one, two] = [await run(1), await run(2)]
  t.equal(one.verdict, 'valid', one.summary)
  t.equal(two.verdict, 'valid', two.summary)
  t.same({ ...two.details, seconds: 0 }, { ...one.details, seconds: 0 })
})

t.test('threads start from the built package as well', async (t) => {
  const root = fileURLToPath(new URL('../../', import.meta.url))
  const out = mkdtempSync(join(root, 'node_modules', '.built-checker-'))
  t.teardown(() => rmSync(out, { recursive: true, force: true }))
  const config = join(out, 'tsconfig.json')
  writeFileSync(config, JSON.stringify({ extends: join(root, 'tsconfig.build.json'), compilerOptions: { outDir: join(out, 'dist'), rootDir: root, declaration: false }, include: [], files: [join(root, 'harness/checkers/search-threads.ts'), join(root, 'harness/checkers/search-worker.ts')] }))
  // The compiler itself: its wrapper in JavaScript does not stand the test runner's loader.
  const { default: compilerPath } = await import(pathToFileURL(join(root, 'node_modules/typescript/lib/getExePath.js')).href) as { default: () => string }
  execFileSync(compilerPath(), ['-p', config], { stdio: 'inherit' })
  const built = await import(join(out, 'dist/harness/checkers/search-threads.js')) as typeof import('./search-threads.ts')
  const [result] = await built.searchInThreads('cas-register', [problemOf(2, true)], 1, limits)
  t.equal(result!.kind, 'not-linearizable')
})
