import { createSocket } from 'node:dgram'
import type { RemoteInfo, Socket } from 'node:dgram'
import { once } from 'node:events'
import type { Gate } from './gate.ts'
import type { RelayOptions } from './tcp-relay.ts'

/** Senders that are remembered for their answers. A link has one sender, or one for each time it has started. */
const sendersMax = 32

/**
 * One link's UDP door. What a datagram's sender gets as an answer to the
 * address that it came from goes back by the backward gate. A datagram that
 * meets a shut gate, on arrival or at the end of its delay, is lost.
 */
export class UdpRelay {
  readonly #options: RelayOptions
  readonly #door: Socket
  /** By the sender's address: the socket that speaks for it to the target. In order of age. */
  readonly #speakers = new Map<string, Socket>()
  readonly #timers = new Set<NodeJS.Timeout>()
  #closed = false
  #probes = 0
  #accepted = 0

  private constructor(options: RelayOptions) {
    this.#options = options
    this.#door = createSocket('udp4')
    this.#door.on('message', (data, from) => this.#forward(data, from))
  }

  /** Rejects with the system's error if it cannot listen. */
  static async listen(options: RelayOptions): Promise<UdpRelay> {
    const relay = new UdpRelay(options)
    try {
      relay.#door.bind({ address: options.host, port: options.port, exclusive: true })
      await once(relay.#door, 'listening')
    } catch (error) {
      relay.close()
      throw error
    }
    // From here on an error belongs to one datagram (its receiver is gone), which is lost.
    relay.#door.on('error', () => {})
    return relay
  }

  get port(): number {
    return this.#door.address().port
  }

  /** Probes that have come in, whether or not they may pass. */
  get probesSeen(): number {
    return this.#probes
  }

  /** Datagrams so far, without probes. */
  get acceptedDatagrams(): number {
    return this.#accepted
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    for (const timer of this.#timers) clearTimeout(timer)
    for (const speaker of this.#speakers.values()) speaker.close()
    this.#door.close()
  }

  #forward(data: Buffer, from: RemoteInfo): void {
    const { forward, probeMark, probeTarget, target } = this.#options
    const isProbe = data.subarray(0, probeMark.length).equals(probeMark)
    if (isProbe) this.#probes++
    else this.#accepted++
    const { host, port } = isProbe ? probeTarget : target
    this.#pass(data, forward, (passed) => this.#speakerOf(from).send(passed, port, host))
  }

  #speakerOf(from: RemoteInfo): Socket {
    const key = `${from.address}:${from.port}`
    const known = this.#speakers.get(key)
    if (known !== undefined) return known
    const speaker = createSocket('udp4')
    speaker.on('error', () => {})
    speaker.on('message', (data) => {
      this.#pass(data, this.#options.backward, (passed) => this.#door.send(passed, from.port, from.address))
    })
    this.#speakers.set(key, speaker)
    for (const [oldest, socket] of this.#speakers) {
      if (this.#speakers.size <= sendersMax) break
      this.#speakers.delete(oldest)
      socket.close()
    }
    return speaker
  }

  #pass(data: Buffer, gate: Gate, deliver: (data: Buffer) => void): void {
    if (!gate.open) return
    for (const one of gate.datagram(data)) {
      const arrive = () => {
        if (!gate.open || this.#closed) return
        gate.count(one.data.length)
        deliver(one.data)
      }
      if (one.afterMs === 0) {
        arrive()
        continue
      }
      const timer = setTimeout(() => { this.#timers.delete(timer); arrive() }, one.afterMs)
      this.#timers.add(timer)
    }
  }
}
