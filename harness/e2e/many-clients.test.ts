/**
 * Clients that want much and give nothing: idle connections, waiting queries,
 * readers that do not read. Writes must go on, and memory must stay bounded.
 */
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { startSplitbrain, type AgentProcess } from '../real-clients/servers.ts'

const idleConnections = 10_000
const blockingQueries = 5_000
const slowReaders = 50
const writes = 100
/** Generous: the machine may be busy. What is looked for is a stop, not slowness. */
const writeDeadlineMs = 10_000
const memoryBytesMax = 1024 ** 3
const openFilesNeeded = idleConnections + blockingQueries + slowReaders + 200

const skip = openFilesMax() >= openFilesNeeded ? false : `needs ${openFilesNeeded} open files in a process, and ${openFilesMax()} are allowed (ulimit -n)`

function openFilesMax(): number {
  try {
    return Number(/^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? 0)
  } catch {
    return 0
  }
}

t.test(`${idleConnections} idle connections, ${blockingQueries} blocking queries and ${slowReaders} slow readers do not stop writes`, { skip, timeout: 240_000 }, async (t) => {
  await using agent = await startSplitbrain({ host: '127.46.0.1', node: 'n1', nodeId: '22222222-2222-3333-4444-555555555555' })
  const sockets: Socket[] = []
  t.teardown(() => { for (const socket of sockets) socket.destroy() })
  await agent.request('PUT', '/v1/kv/large', 'x'.repeat(512 * 1024))
  await agent.request('PUT', '/v1/kv/watched', 'before')
  const index = Number((await agent.request('GET', '/v1/kv/watched')).headers['x-consul-index'])

  await openAll(agent, idleConnections, sockets, () => {})
  let answered = 0
  await openAll(agent, blockingQueries, sockets, (socket) => {
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk
      if (text.endsWith('\r\n\r\nafter')) answered++
    })
    socket.write(`GET /v1/kv/watched?raw&index=${index}&wait=5m HTTP/1.1\r\nHost: x\r\n\r\n`)
  })
  await openAll(agent, slowReaders, sockets, (socket) => {
    socket.pause()
    // Far more than the buffers of both sides hold.
    socket.write('GET /v1/kv/large?raw HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(100))
  })

  let slowestMs = 0
  for (let n = 0; n < writes; n++) {
    const startMs = performance.now()
    const { status, body } = await agent.request('PUT', `/v1/kv/w/${n % 10}`, String(n))
    if (status !== 200) t.fail(`write ${n}: ${status} ${body}`)
    slowestMs = Math.max(slowestMs, performance.now() - startMs)
  }
  t.ok(slowestMs < writeDeadlineMs, `the slowest of ${writes} writes took ${slowestMs.toFixed(0)} ms`)
  t.equal(answered, 0, 'writes to other keys wake nobody')

  await agent.request('PUT', '/v1/kv/watched', 'after')
  const endMs = performance.now() + 60_000
  while (answered < blockingQueries && performance.now() < endMs) await sleep(20)
  t.equal(answered, blockingQueries, 'each waiter is answered')
  t.equal((await agent.request('PUT', '/v1/kv/w/last', 'x')).status, 200)
  const memoryBytes = residentBytes(agent)
  t.ok(memoryBytes < memoryBytesMax, `${(memoryBytes / 1024 ** 2).toFixed(0)} MiB in use`)
})

/** A few hundred at a time: no more than the listener's queue holds. */
async function openAll(agent: AgentProcess, count: number, sockets: Socket[], use: (socket: Socket) => void): Promise<void> {
  const batch = 250
  for (let opened = 0; opened < count; opened += batch) {
    await Promise.all(Array.from({ length: Math.min(batch, count - opened) }, () => new Promise<void>((resolve, reject) => {
      const socket = connect(8500, agent.host, () => {
        use(socket)
        resolve()
      })
      sockets.push(socket)
      socket.on('error', reject)
    })))
  }
}

function residentBytes(agent: AgentProcess): number {
  const status = readFileSync(`/proc/${agent.pid}/status`, 'utf8')
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)![1]) * 1024
}
