import type { Socket as DatagramSocket } from 'node:dgram'
import { once } from 'node:events'
import type { AddressInfo, Server } from 'node:net'
import { onAnyPort } from '../../../node/base/any-port.ts'

/**
 * Has both listen on one port of the host, any that is free for both, and tells which.
 * Rejects with the operating system's error; then neither listens.
 */
export async function listenForBoth(host: string, server: Server, datagrams: DatagramSocket): Promise<number> {
  return await onAnyPort(async () => {
    server.listen({ host, port: 0, exclusive: true })
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    try {
      datagrams.bind({ address: host, port, exclusive: true })
      await once(datagrams, 'listening')
      return port
    } catch (error) {
      server.close()
      await once(server, 'close')
      throw error
    }
  })
}
