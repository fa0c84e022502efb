import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const launcher = fileURLToPath(new URL('./launch.js', import.meta.url))
/** Makes a Node look older than it is, to code that asks. */
const pretendOld = `data:text/javascript,${encodeURIComponent('Object.defineProperty(process.versions, "node", { value: "20.1.0" })')}`

function launch(nodeArgs: string[], args: string[]): Promise<{ code: number, stdout: string, stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [...nodeArgs, launcher, ...args], { timeout: 25_000 }, (error, stdout, stderr) =>
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
