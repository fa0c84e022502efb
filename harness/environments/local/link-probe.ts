import { randomBytes } from 'node:crypto'
import { createSocket } from 'node:dgram'
import type { Socket as DatagramSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import type { LinkProxy } from './link-proxy.ts'
import type { Endpoint } from './tcp-relay.ts'

/**
 * Proof that a link is cut, or passes. A probe is a real connection (and a real
 * datagram) to the very door that the member dials. The proxy knows it by its
 * first bytes and leads it, by the same code and through the same gates as a
 * member's bytes, to an echo in this process instead of the member: a member
 * must not have to understand probes. What is proven: bytes that enter this
 * door do not come out, or do. That members use no other way to each other is
 * not proven by it; the local environment counts their connections for that.
 */
export class LinkProber {
  /** Begins every probe; random, so that no member sends it by chance. */
  readonly mark = randomBytes(16)
  readonly #server: Server
  readonly #datagrams: DatagramSocket
  readonly #sockets = new Set<Socket>()
  /** Probes, by number, that have come out of their door and are waited for. */
  readonly #arrivals = new Map<string, () => void>()

  private constructor() {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket)).on('error', () => {})
      socket.on('data', (data: Buffer) => { this.#arrive(data); socket.write(data) })
    })
    this.#datagrams = createSocket('udp4').on('error', () => {}).on('message', (data, from) => {
      this.#arrive(data)
      this.#datagrams.send(data, from.port, from.address)
    })
  }

  static async open(host: string): Promise<LinkProber> {
    const prober = new LinkProber()
    prober.#server.listen({ host, port: 0, exclusive: true })
    await once(prober.#server, 'listening')
    prober.#datagrams.bind({ address: host, port: prober.echo.port, exclusive: true })
    await once(prober.#datagrams, 'listening').catch((error) => { prober.close(); throw error })
    return prober
  }

  /** Where doors lead a probe to. */
  get echo(): Endpoint {
    const { address, port } = this.#server.address() as AddressInfo
    return { host: address, port }
  }

  /** Sends one probe through a door, over each protocol that the door has. The caller closes it. */
  probe(door: LinkProxy): Probe[] {
    return door.udp ? [this.#tcpProbe(door.endpoint), this.#udpProbe(door.endpoint)] : [this.#tcpProbe(door.endpoint)]
  }

  /** An exchange with the echo past all doors: resolves when this process has handled all that came before. */
  async control(): Promise<void> {
    const socket = connect({ ...this.echo, noDelay: true })
    try {
      socket.write('control')
      await once(socket, 'data')
    } finally {
      socket.destroy()
    }
  }

  close(): void {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
    this.#datagrams.close()
  }

  #arrive(data: Buffer): void {
    this.#arrivals.get(data.toString('hex'))?.()
  }

  #newProbe(): { payload: Buffer, state: Probe } {
    const payload = Buffer.concat([this.mark, randomBytes(16)])
    const key = payload.toString('hex')
    const state: Probe = { arrived: false, returned: false, close: () => this.#arrivals.delete(key) }
    this.#arrivals.set(key, () => { state.arrived = true })
    return { payload, state }
  }

  #tcpProbe(door: Endpoint): Probe {
    const { payload, state } = this.#newProbe()
    const forget = state.close
    const socket = connect({ ...door, noDelay: true })
    socket.on('error', () => {}) // shows as a probe that does not arrive
    socket.write(payload)
    socket.on('data', () => { state.returned = true })
    state.close = () => { forget(); socket.destroy() }
    return state
  }

  #udpProbe(door: Endpoint): Probe {
    const { payload, state } = this.#newProbe()
    const forget = state.close
    const socket = createSocket('udp4').on('error', () => {})
    const send = () => socket.send(payload, door.port, door.host)
    socket.on('message', () => { state.returned = true })
    send()
    // A datagram may be dropped by the kernel when it is busy; a live link passes one of them.
    const again = setInterval(send, 20)
    state.close = () => { forget(); clearInterval(again); socket.close() }
    return state
  }
}

/** A probe on its way. */
export interface Probe {
  /** It has come out of the door: the forward link passes. */
  arrived: boolean
  /** Its echo has come back: the backward link passes. */
  returned: boolean
  close: () => void
}
