// `npm test`: runs the tests with the pinned Node, prints a line for each
// file, what failed, each skip with its reason, and ends with
// `N passed, N failed, N skipped`. Arguments: files to run, or options of tap.
// Plain JavaScript, so that any Node can start it.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { tapTally } from './tap-tally.js'

const root = fileURLToPath(new URL('../../', import.meta.url))
const tap = join(root, 'node_modules', 'tap', 'dist', 'esm', 'run.mjs')
const pinnedNode = join(root, 'node_modules', 'node', 'bin', 'node')
const node = existsSync(pinnedNode) ? pinnedNode : process.execPath
if (!existsSync(tap)) {
  console.error('The tests need the development dependencies: run `npm ci` first.')
  process.exit(1)
}
// Whatever a test starts by the name `node` is the pinned one too.
// Hundreds of processes load the same modules: Node keeps what it compiled, by content.
const compileCache = process.env['NODE_COMPILE_CACHE'] ?? join(root, 'node_modules', '.cache', 'splitbrain', 'compile')
const env = { ...process.env, NODE_COMPILE_CACHE: compileCache, PATH: join(root, 'node_modules', '.bin') + delimiter + (process.env['PATH'] ?? '') }

ensureTapIsBuilt()
// Most tests wait for clusters more than they compute.
const jobs = `--jobs=${2 * availableParallelism()}`
const child = spawn(node, [tap, 'run', '--reporter=tap', jobs, ...process.argv.slice(2).flatMap(testFiles)], { cwd: root, env, stdio: ['ignore', 'pipe', 'inherit'] })
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal))
const tally = await tapTally(child.stdout, (line) => console.log(line))
const exitCode = child.exitCode ?? await new Promise((resolve) => child.on('exit', (code) => resolve(code ?? 1)))
if (exitCode !== 0 && tally.failed === 0) {
  console.log(`not ok: the test runner itself ended with exit code ${exitCode}`)
  tally.failed += 1
}
console.log(`${tally.passed} passed, ${tally.failed} failed, ${tally.skipped} skipped`)
process.exit(tally.failed === 0 ? 0 : 1)

/** tap takes files only: a folder stands for the tests in it. Options stay as they are. */
function testFiles(argument) {
  const path = join(root, argument)
  if (argument.startsWith('-') || !existsSync(path) || !statSync(path).isDirectory()) return [argument]
  return readdirSync(path, { recursive: true })
    .filter((file) => file.endsWith('.test.ts') && !file.includes('node_modules'))
    .map((file) => join(argument, file))
}

/** tap composes itself from its plugins once after an installation; without, its first run fails. */
function ensureTapIsBuilt() {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const version = JSON.parse(readFileSync(join(root, 'node_modules', 'tap', 'package.json'), 'utf8')).version
  const wanted = JSON.stringify({ version, plugins: manifest.tap?.plugin ?? [] })
  const stamp = join(root, 'node_modules', '.tap-built.json')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return
  console.log('preparing the test runner (once) …')
  const built = spawnSync(node, [tap, 'build'], { cwd: root, env, stdio: ['ignore', 'ignore', 'inherit'] })
  if (built.status !== 0) {
    console.error('tap could not build its plugins; see above.')
    process.exit(1)
  }
  writeFileSync(stamp, wanted)
}
