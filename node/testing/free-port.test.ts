import { spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import t from 'tap'
import { freePort } from './free-port.ts'

const module = new URL('./free-port.ts', import.meta.url).href

t.test('ports are not given twice, to two processes either, nor by the system to those who ask for any', async (t) => {
  const script = `
    import { freePort } from ${JSON.stringify(module)}
    const ports = []
    for (let i = 0; i < 300; i++) ports.push(await freePort())
    console.log(ports.join())
    process.stdin.resume()`
  const children = [1, 2].map(() => spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['pipe', 'pipe', 'inherit'] }))
  try {
    const lists = await Promise.all(children.map(async ({ stdout }) => {
      let text = ''
      for await (const chunk of stdout) {
        text += chunk
        if (text.endsWith('\n')) break
      }
      return text.trim().split(',').map(Number)
    }))
    const own: number[] = []
    for (let i = 0; i < 300; i++) own.push(await freePort())
    const all = [...lists.flat(), ...own]
    t.equal(all.length, 900)
    t.equal(new Set(all).size, process.platform === 'linux' ? 900 : new Set(all).size)
    t.equal(new Set(own).size, 300)
    for (let i = 0; i < 50; i++) {
      const any = createServer().listen(0, '127.0.0.1')
      await once(any, 'listening')
      const { port } = any.address() as AddressInfo
      t.notOk(all.includes(port), `${port} is one of those given`)
      any.close()
    }
  } finally {
    for (const child of children) child.kill('SIGKILL')
  }
})

t.test('a port that somebody listens on who did not ask is not given, TCP or UDP', async (t) => {
  const tcp = createServer().listen(0, '127.0.0.1')
  await once(tcp, 'listening')
  const { port } = tcp.address() as AddressInfo
  await t.rejects(freePort(port, port + 1), { message: `no port from ${port} to ${port} was free in 200 tries` })
  tcp.close()

  const udp = createSocket('udp4')
  udp.bind(0, '127.0.0.1')
  await once(udp, 'listening')
  const other = udp.address().port
  await t.rejects(freePort(other, other + 1), { message: `no port from ${other} to ${other} was free in 200 tries` })
  udp.close()
})
