import { randomBytes } from 'node:crypto'
import { createSocket } from 'node:dgram'
import type { Socket as DatagramSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { listenForBoth } from './both-protocols.ts'
import type { DatagramSamples, ProbeSamples, StreamSample } from './disturbance-evidence.ts'
import type { Protocol } from './lanes.ts'
import { StallWatch } from './stalls.ts'
import type { Endpoint } from './tcp-relay.ts'

/** What begins every probe: the mark, and a number of its own. */
const headBytes = 32
/** Probes that are under way at a time: more would only wait for each other. */
const lotSize = 25
const controlProbes = 3
/** No larger ones are sent by members. */
const datagramBytesMax = 8192
/** Datagrams that are held back come within this, or count as lost. */
const datagramSettleMs = 250
/** What a socket's receive buffer holds at least, with what the kernel adds to each datagram: no more is under way at a time, or the kernel loses some. */
const datagramLotBytes = 96 * 1024
const keptBytes = (bytes: number) => 1024 + 4 * bytes
/** Each reads some dozens from the sockets. Those of a lot that have not come by then are held back or lost: the next lot goes out. */
const datagramLotLooks = 8

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
  readonly #arrivals = new Map<string, (bytes: number) => void>()
  /** Datagrams that came out with other bytes than any that went in. */
  #spoiled = 0

  private constructor() {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket)).on('error', () => {})
      let head = Buffer.alloc(0)
      let bytes = 0
      socket.on('data', (data: Buffer) => {
        bytes += data.length
        // Only the head goes back: a large probe measures one direction.
        const missing = data.subarray(0, Math.max(0, headBytes - head.length))
        if (missing.length > 0) {
          head = Buffer.concat([head, missing])
          socket.write(missing)
        }
        this.#arrive(head, bytes)
      })
    })
    this.#datagrams = createSocket('udp4').on('error', () => {}).on('message', (data, from) => {
      const known = this.#arrive(data.subarray(0, headBytes), data.length)
      if (!known || data.subarray(headBytes).some((byte) => byte !== 0)) this.#spoiled++
      this.#datagrams.send(data.subarray(0, headBytes), from.port, from.address)
    })
  }

  static async open(host: string): Promise<LinkProber> {
    const prober = new LinkProber()
    await listenForBoth(host, prober.#server, prober.#datagrams).catch((error) => { prober.close(); throw error })
    return prober
  }

  /** Where doors lead a probe to. */
  get echo(): Endpoint {
    const { address, port } = this.#server.address() as AddressInfo
    return { host: address, port }
  }

  /** Sends one probe through a door. The caller closes it. */
  probe(door: Endpoint, protocol: Protocol): Probe {
    return protocol === 'tcp' ? this.#tcpProbe(door) : this.#udpProbe(door)
  }

  /** Which door's established connection is reset or closed later: the probe has come through and back. Rejects where it has not in time. */
  async hold(door: Endpoint, timeoutMs: number): Promise<HeldConnection> {
    const probe = this.#tcpProbe(door)
    const endMs = performance.now() + timeoutMs
    while (!probe.returned) {
      if (performance.now() > endMs) {
        probe.close()
        throw new Error('a connection could not be made through the proxy of a link')
      }
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
    return { ended: () => probe.ended, close: probe.close }
  }

  /** What a new connection to a door meets: nobody who listens, or somebody. */
  async dial(door: Endpoint): Promise<'refused' | 'open'> {
    const socket = connect({ ...door })
    try {
      await once(socket, 'connect')
      return 'open'
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ECONNREFUSED') return 'refused'
      throw error
    } finally {
      socket.destroy()
    }
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

  #arrive(head: Buffer, bytes: number): boolean {
    const arrival = this.#arrivals.get(head.toString('hex'))
    arrival?.(bytes)
    return arrival !== undefined
  }

  /**
   * Sends `count` probes of `bytes` to each of these, few connections at a time, and waits for each lot until all
   * have come or so long. What a busy machine adds, seen of probes that go to the echo past all doors, is taken off.
   */
  async measure({ streams: dialled, datagrams: addressed }: ProbedDoors, count: number, bytes: number, timeoutMs: number): Promise<ProbeSamples> {
    const datagrams = addressed.length > 0 ? this.#sendDatagrams(addressed, count, Math.min(bytes, datagramBytesMax)) : null
    const waiting = dialled.flatMap((door) => Array.from({ length: count }, () => door))
    const streams: StreamSample[] = []
    while (waiting.length > 0) streams.push(...await this.#measureLot(waiting.splice(0, lotSize), bytes, timeoutMs))
    return { streams, datagrams: datagrams === null ? null : await datagrams.finish() }
  }

  async #measureLot(endpoints: readonly Endpoint[], bytes: number, timeoutMs: number): Promise<StreamSample[]> {
    const watch = new StallWatch()
    const controls = Array.from({ length: controlProbes }, () => this.#tcpProbe(this.echo))
    const probes = endpoints.map((endpoint) => this.#tcpProbe(endpoint, bytes))
    try {
      const pending = () => [...controls, ...probes].some(({ arrivedMs }) => arrivedMs === null)
      await watch.wait(timeoutMs, () => !pending())
      const busyMs = Math.min(...controls.map(({ arrivedMs, sentMs }) => (arrivedMs ?? performance.now()) - sentMs))
      return probes.map(({ arrivedMs, sentMs }) => arrivedMs === null ? { bytes, afterMs: null, stalledMs: 0 }
        : { bytes, afterMs: Math.max(0, arrivedMs - sentMs - busyMs), stalledMs: watch.stalledMs(sentMs, arrivedMs) })
    } finally {
      for (const probe of [...controls, ...probes]) probe.close()
    }
  }

  #sendDatagrams(doors: readonly Endpoint[], perDoor: number, bytes: number): { finish(): Promise<DatagramSamples> } {
    const spoiledBefore = this.#spoiled
    const sockets = doors.map(() => createSocket('udp4').on('error', () => {}))
    const seen: { sentMs: number, arrivedMs: number[] }[] = []
    const forget: (() => void)[] = []
    const sendThrough = (door: Endpoint, socket: DatagramSocket) => {
      for (let i = 0; i < perDoor; i++) {
        const head = Buffer.concat([this.mark, randomBytes(headBytes - this.mark.length)])
        const payload = Buffer.concat([head, Buffer.alloc(Math.max(0, bytes - headBytes))])
        const one = { sentMs: performance.now(), arrivedMs: [] as number[] }
        seen.push(one)
        const key = head.toString('hex')
        this.#arrivals.set(key, () => one.arrivedMs.push(performance.now()))
        forget.push(() => this.#arrivals.delete(key))
        socket.send(payload, door.port, door.host)
      }
    }
    // Those of one door follow each other closely, for some of them are to pass others.
    const doorsAtOnce = Math.max(1, Math.floor(datagramLotBytes / (perDoor * keptBytes(bytes))))
    const sending = (async () => {
      for (let first = 0; first < doors.length; first += doorsAtOnce) {
        const lot = seen.length
        for (let at = first; at < Math.min(doors.length, first + doorsAtOnce); at++) sendThrough(doors[at]!, sockets[at]!)
        const pending = () => seen.slice(lot).some(({ arrivedMs }) => arrivedMs.length === 0)
        for (let look = 0; look < datagramLotLooks && pending(); look++) await new StallWatch().wait(1)
      }
    })()
    return {
      finish: async () => {
        await sending
        await new StallWatch().wait(datagramSettleMs)
        for (const one of forget) one()
        for (const socket of sockets) socket.close()
        const arrived = seen.filter(({ arrivedMs }) => arrivedMs.length > 0)
        let overtaken = 0
        for (let door = 0; door < doors.length; door++) {
          let earliestLaterMs = Infinity
          for (const one of seen.slice(door * perDoor, (door + 1) * perDoor).reverse()) {
            if (one.arrivedMs.length === 0) continue
            if (one.arrivedMs[0]! > earliestLaterMs) overtaken++
            earliestLaterMs = Math.min(earliestLaterMs, one.arrivedMs[0]!)
          }
        }
        return {
          bytes, links: doors.length, sent: seen.length, spanMs: Math.max(0, ...arrived.map(({ arrivedMs }) => arrivedMs[0]! - seen[0]!.sentMs)), arrived: arrived.length, copies: arrived.filter(({ arrivedMs }) => arrivedMs.length > 1).length,
          overtaken, spoiled: this.#spoiled - spoiledBefore, afterMs: arrived.map(({ sentMs, arrivedMs }) => arrivedMs[0]! - sentMs),
        }
      },
    }
  }

  #newProbe(bytes: number): { payload: Buffer, state: Probe } {
    const head = Buffer.concat([this.mark, randomBytes(headBytes - this.mark.length)])
    const key = head.toString('hex')
    const state: Probe = { sentMs: performance.now(), arrivedMs: null, arrived: false, returned: false, ended: false, close: () => this.#arrivals.delete(key) }
    this.#arrivals.set(key, (received) => {
      if (received < bytes) return
      state.arrived = true
      state.arrivedMs ??= performance.now()
    })
    return { payload: Buffer.concat([head, Buffer.alloc(bytes - headBytes)]), state }
  }

  #tcpProbe(door: Endpoint, bytes = headBytes): Probe {
    const { payload, state } = this.#newProbe(bytes)
    const forget = state.close
    const socket = connect({ ...door, noDelay: true })
    socket.on('error', () => {}) // shows as a probe that does not arrive
    socket.write(payload)
    socket.on('data', () => { state.returned = true }).on('close', () => { state.ended = true })
    state.close = () => { forget(); socket.destroy() }
    return state
  }

  #udpProbe(door: Endpoint): Probe {
    const { payload, state } = this.#newProbe(headBytes)
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
  readonly sentMs: number
  /** When all of it had come out. */
  arrivedMs: number | null
  /** It has come out of the door: the forward link passes. */
  arrived: boolean
  /** Its echo has come back: the backward link passes. */
  returned: boolean
  /** Its connection is gone. */
  ended: boolean
  close: () => void
}

/** Where probes of each kind are sent. */
export interface ProbedDoors {
  readonly streams: readonly Endpoint[]
  readonly datagrams: readonly Endpoint[]
}

/** A connection that stands until somebody ends it. */
export interface HeldConnection {
  ended(): boolean
  close(): void
}
