import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import t from 'tap'

const program = `
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { resetSocket } from ${JSON.stringify(join(import.meta.dirname, 'reset-socket.ts'))}
const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1')
await once(server, 'listening')
const client = connect({ port: server.address().port, host: '127.0.0.1', allowHalfOpen: true })
let seen = 'nothing'
client.on('error', (error) => { seen = error.code }).on('end', () => { seen = 'end' }).resume()
const [served] = await once(server, 'connection')
if (process.argv[1] === 'ended') served.end()
resetSocket(served)
if (process.argv[1] === 'open') while (seen === 'nothing') await new Promise((resolve) => setTimeout(resolve, 5))
client.destroy()
server.close()
console.log(seen)
`

t.test('a reset reaches the other side, and a process in which one met an end under way still ends', async (t) => {
  for (const [how, said] of [['open', 'ECONNRESET\n'], ['ended', /^\w+\n$/]] as const) {
    const child = spawn(process.execPath, ['--input-type=module', '-e', program, how], { stdio: ['ignore', 'pipe', 'inherit'] })
    // It would spin for ever.
    const timer = setTimeout(() => child.kill('SIGKILL'), 60_000)
    let text = ''
    child.stdout.on('data', (data: Buffer) => { text += String(data) })
    const [code, signal] = await once(child, 'close')
    clearTimeout(timer)
    t.match({ code, signal, text }, { code: 0, signal: null, text: said }, how)
  }
})
