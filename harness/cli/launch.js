#!/usr/bin/env node
// The command `splitbrain`. Plain JavaScript that an old Node can run: it
// finds a Node that is new enough (the one pinned by the `node` package) and
// goes on in it. In a clone the TypeScript source runs as it is; a package
// under node_modules, where Node refuses to strip types, runs `dist/`.
import { spawn } from 'node:child_process'
import { existsSync, readFileSync, realpathSync } from 'node:fs'
import module, { createRequire } from 'node:module'
import { constants } from 'node:os'
import { dirname, join, sep } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const nodeMajorMin = 26
/** The run itself failed: the same number as in exit-codes.ts. */
const exitCodeCrashed = 255

const here = realpathSync(fileURLToPath(import.meta.url))
const root = join(dirname(here), '..', '..')

/** What runs: `dist/` where the project is an installed package, else the source. */
function mainFile() {
  const installed = root.split(sep).includes('node_modules')
  const source = join(root, 'harness', 'cli', 'main.ts')
  return installed || !existsSync(source) ? join(root, 'dist', 'harness', 'cli', 'main.js') : source
}

/** The binary of the pinned `node` package, or null where it is not installed. */
function pinnedNode() {
  try {
    const manifest = createRequire(here).resolve('node/package.json')
    const { bin } = JSON.parse(readFileSync(manifest, 'utf8'))
    const path = join(dirname(manifest), typeof bin === 'string' ? bin : bin.node)
    return existsSync(path) ? path : null
  } catch {
    return null
  }
}

/** This file once more, in a Node that can go on. */
function relaunch(executable) {
  const child = spawn(executable, [here, ...process.argv.slice(2)], { stdio: 'inherit' })
  // A terminal sends Ctrl-C to both processes, `kill` to this one alone:
  // forward always; the child counts signals that arrive together as one.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('error', (error) => {
    console.error(`splitbrain: ${executable} could not be started: ${error.message}. Run \`npm ci\` again.`)
    process.exit(exitCodeCrashed)
  })
  child.on('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)))
}

/** Node would end with 1 here, which means "invalid" to whoever reads our exit codes. */
function crash(error) {
  console.error(`splitbrain itself failed: ${error instanceof Error ? error.stack : String(error)}`)
  process.exit(exitCodeCrashed)
}

const nodeMajor = Number(process.versions.node.split('.')[0])
if (nodeMajor >= nodeMajorMin) {
  // Unhandled rejections come here too.
  process.on('uncaughtException', crash)
  // A start takes half as long where types need not be stripped, nor code compiled, once more.
  // Kept with what npm installed, not in the system's temporary folder; where that cannot be written there is none.
  if (existsSync(join(root, 'node_modules'))) module.enableCompileCache(join(root, 'node_modules', '.cache', 'splitbrain'))
  const main = mainFile()
  process.argv[1] = main
  try {
    await import(pathToFileURL(main).href)
  } catch (error) {
    crash(error)
  }
} else {
  const pinned = pinnedNode()
  if (pinned === null) {
    console.error(`splitbrain needs Node ${nodeMajorMin} or newer and this is ${process.version}. `
      + 'The Node that it brings with it (the npm package "node") is not installed: '
      + 'run `npm ci` without --omit=optional and --ignore-scripts, or install a newer Node.')
    process.exit(exitCodeCrashed)
  }
  relaunch(pinned)
}
