import { connect } from 'node:net'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { listenedLog } from '../agent/log-lines.ts'
import { silentLog } from '../base/log.ts'
import type { ApiContext } from './context.ts'
import { startHttpServer } from './http-server.ts'
import { monitor } from './monitor.ts'

async function until(what: string, reached: () => boolean): Promise<void> {
  const endMs = performance.now() + 60_000
  while (!reached()) {
    if (performance.now() > endMs) throw new Error(`${what} did not come about within 60 s`)
    await sleep(5)
  }
}

t.test('a reader that does not read costs the member a bounded memory, and is told how much it missed', async (t) => {
  const log = listenedLog(silentLog)
  let listeners = 0
  const logs: ApiContext['logs'] = {
    listen: (listening) => {
      listeners++
      const stop = log.listen(listening)
      return () => {
        listeners--
        stop()
      }
    },
  }
  const server = await startHttpServer({ host: '127.0.0.1', port: 0, log: silentLog, handle: (_request, respond) => monitor({ logs } as ApiContext, new URLSearchParams('loglevel=warn'), respond) })
  t.teardown(() => server.close())
  const socket = connect(server.port, '127.0.0.1')
  socket.write('GET /v1/agent/monitor HTTP/1.1\r\nHost: x\r\n\r\n')
  await until('a listener', () => listeners === 1)
  socket.pause()
  const line = 'x'.repeat(1000)
  const before = process.memoryUsage().external + process.memoryUsage().heapUsed
  // 300 MB in all: far more than the kernel and the member may hold of it.
  for (let i = 0; i < 300_000; i++) {
    log.warn(line)
    if (i % 1000 === 0) await sleep(0)
  }
  const grownBytes = process.memoryUsage().external + process.memoryUsage().heapUsed - before
  t.ok(grownBytes < 100e6, `${grownBytes} bytes more`)
  let text = ''
  let bytes = 0
  socket.on('data', (chunk) => {
    bytes += chunk.length
    text = (text + chunk).slice(-5000)
  })
  socket.resume()
  const tell = setInterval(() => log.warn('afterwards'), 10)
  await until('what was missed', () => /Monitor dropped \d{4,} logs during monitoring/.test(text))
  await until('what comes afterwards', () => text.includes('afterwards'))
  clearInterval(tell)
  t.ok(bytes < 100e6, `${bytes} bytes were kept for it`)
  log.info('not asked for')
  socket.destroy()
  await once(socket, 'close')
  await until('no listener', () => listeners === 0)
  t.notMatch(text, /not asked for/)
})

t.test('no log, no monitor; a level that is none', async (t) => {
  const statuses: number[] = []
  monitor({ logs: null } as ApiContext, new URLSearchParams(), ({ status }) => statuses.push(status))
  monitor({ logs: null } as ApiContext, new URLSearchParams('loglevel=loud'), ({ status }) => statuses.push(status))
  t.same(statuses, [500, 400])
})
