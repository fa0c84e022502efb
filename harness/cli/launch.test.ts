import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const launcher = fileURLToPath(new URL('./launch.js', import.meta.url))
/** Makes a Node look older than it is, to code that asks. */
const pretendOld = `data:text/javascript,${encodeURIComponent('Object.defineProperty(process.versions, "node", { value: "20.1.0" })')}`

function launch(nodeArgs: string[], args: string[], env: NodeJS.ProcessEnv = process.env): Promise<{ code: number, stdout: string, stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [...nodeArgs, launcher, ...args], { timeout: 25_000, env }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }))
  })
}

t.test('a Node that is new enough runs the command itself', async (t) => {
  t.match(await launch([], ['--version']), { code: 0, stdout: /^\d+\.\d+\.\d+\n$/ })
  t.match(await launch([], ['test', '--members', '0']), { code: 254, stderr: /1 to 9 members/ })
})

t.test('an old Node hands over to the pinned one, with the same arguments and exit code', async (t) => {
  t.match(await launch(['--import', pretendOld], ['--version']), { code: 0, stdout: /^\d+\.\d+\.\d+\n$/ })
  t.match(await launch(['--import', pretendOld], ['test', '--members', '0']), { code: 254, stderr: /1 to 9 members/ })
})

t.test('compiled code is kept for the next start, and not among what is temporary', async (t) => {
  const { NODE_COMPILE_CACHE: _, ...env } = process.env
  const TMPDIR = t.testdir()
  t.match(await launch([], ['--version'], { ...env, TMPDIR }), { code: 0 })
  t.same(readdirSync(TMPDIR), [])
  t.ok(readdirSync(fileURLToPath(new URL('../../node_modules/.cache/splitbrain', import.meta.url)), { recursive: true }).length > 50)
})

/** Puts other source in the place of the command's main file. */
const insteadOfMain = (source: string): string => `data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from 'node:module'
  registerHooks({ load: (url, context, next) => url.endsWith('/harness/cli/main.ts')
    ? { format: 'module', shortCircuit: true, source: ${JSON.stringify(source)} }
    : next(url, context) })`)}`

t.test('a failure of our own is never taken for a verdict: 255, and what happened', async (t) => {
  for (const source of [
    'throw new Error("boom")',
    'import "./no-such-file.ts"; // boom',
    'setTimeout(() => { throw new Error("boom") })',
    'void Promise.reject(new Error("boom")); setInterval(() => {}, 1000)',
  ]) {
    const result = await launch(['--import', insteadOfMain(source)], ['--version'])
    t.equal(result.code, 255, `${source}: ${result.stderr}`)
    t.match(result.stderr, /splitbrain itself failed: .*(boom|no-such-file)/s)
  }
})
