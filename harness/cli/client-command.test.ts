import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { commandTree } from '../../node/cli/commands/index.ts'
import { clientCommands } from './client-command.ts'

const launcher = fileURLToPath(new URL('./launch.js', import.meta.url))
const splitbrain = (...args: string[]) => spawnSync(process.execPath, [launcher, ...args], { encoding: 'utf8', env: { ...process.env, CONSUL_HTTP_ADDR: '127.0.0.1:1' } })

t.test('help lists the commands that there are', async (t) => {
  t.same(clientCommands, Object.fromEntries(commandTree.map(({ name, summary }) => [name, summary])))
  const { stdout, status } = splitbrain('--help')
  t.equal(status, 0)
  for (const name of Object.keys(clientCommands)) t.match(stdout, new RegExp(`^  ${name} `, 'm'))
})

t.test('the command line becomes the command, its output and its exit code', async (t) => {
  t.match(splitbrain('keygen'), { status: 0, stdout: /^[A-Za-z0-9+/]{43}=\n$/, stderr: '' })
  t.match(splitbrain('kv', 'get', 'k'), { status: 1, stdout: '', stderr: 'Error querying Consul agent: Get "http://127.0.0.1:1/v1/kv/k": dial tcp 127.0.0.1:1: connect: connection refused\n' })
  t.match(splitbrain('members', '-frob'), { status: 1, stdout: '', stderr: /^flag provided but not defined: -frob\n/ })
})
