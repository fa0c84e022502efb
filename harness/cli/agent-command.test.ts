import { spawn } from 'node:child_process'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { testDirectory } from '../../node/testing/test-directory.ts'

const launcher = fileURLToPath(new URL('./launch.js', import.meta.url))
const host = '127.45.0.1'

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host, () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}

async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + 60_000
  while (!await condition()) {
    if (performance.now() > endMs) throw new Error(`waited 60 s in vain until ${what}`)
    await sleep(20)
  }
}

const skip = process.platform === 'linux' ? false : `needs all of 127.0.0.0/8 on loopback, which ${process.platform} does not give`

t.test('who kills the agent has killed the member: nothing goes on listening', { skip, timeout: 180_000 }, async (t) => {
  const agent = spawn(process.execPath, [launcher, 'agent', '-server', '-bootstrap-expect', '1', '-node', 'n1', '-bind', host, '-client', host, '-data-dir', testDirectory(t)], { stdio: 'ignore' })
  t.teardown(() => agent.kill('SIGKILL'))
  await until('the agent listens', () => listens(8500))
  agent.kill('SIGKILL')
  await until('nobody listens', async () => !await listens(8500) && !await listens(8300))
})
