import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type ListenOptions } from 'node:net'

/**
 * Below the ports that systems give to those who ask for any (from 32768 on
 * Linux), so that none goes to somebody else between the asking and the use, or
 * while a member is down; and below the blocks of local runs.
 */
const portMin = 12_000
const portMax = 20_000
const attemptsMax = 200

/**
 * A port of 127.0.0.1, for TCP and UDP, that nobody has, and that nobody else
 * who asks here gets as long as this process lives.
 */
export async function freePort(min: number = portMin, max: number = portMax): Promise<number> {
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const port = randomInt(min, max)
    if (await claim(port) && await isFree(port)) return port
  }
  throw new Error(`no port from ${min} to ${max - 1} was free in ${attemptsMax} tries`)
}

const claimed = new Set<number>()

/** Between processes by a name without a file, which Linux takes back when its owner ends, in whatever way. */
async function claim(port: number): Promise<boolean> {
  if (claimed.has(port)) return false
  claimed.add(port)
  if (process.platform !== 'linux') return true
  const name = createServer()
  name.unref()
  return await listens(name, { path: `\0splitbrain-test-port-${port}` })
}

async function isFree(port: number): Promise<boolean> {
  const tcp = createServer()
  if (!await listens(tcp, { port, host: '127.0.0.1' })) return false
  tcp.close()
  await once(tcp, 'close')
  const udp = createSocket('udp4')
  const free = await new Promise<boolean>((resolve) => {
    udp.once('error', () => resolve(false)).bind(port, '127.0.0.1', () => resolve(true))
  })
  udp.close()
  return free
}

async function listens(server: ReturnType<typeof createServer>, where: ListenOptions): Promise<boolean> {
  return await new Promise((resolve) => {
    server.once('error', () => resolve(false)).listen(where, () => resolve(true))
  })
}
