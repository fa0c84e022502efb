import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * Addresses of this machine of a network that nobody uses, `127.x.y.1` and on:
 * each has all its ports for a server on default ones. Tests in other processes
 * draw from the same, so a network is drawn by chance and tried.
 */
export async function loopbackHosts(count: number): Promise<readonly string[]> {
  for (let attempt = 0; attempt < 20; attempt++) {
    const [second, third] = [100 + Math.floor(Math.random() * 150), 1 + Math.floor(Math.random() * 250)]
    if (await isFree(`127.${second}.${third}.1`)) return Array.from({ length: count }, (_, i) => `127.${second}.${third}.${i + 1}`)
  }
  throw new Error('20 networks of 127.0.0.0/8 were in use')
}

async function isFree(host: string): Promise<boolean> {
  const server = createServer().listen(8300, host)
  try {
    await once(server, 'listening')
    return true
  } catch {
    return false
  } finally {
    server.close()
  }
}
