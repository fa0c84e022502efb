import type { Scheduler } from '../base/scheduler.ts'
import type { GossipNetwork } from '../gossip/network.ts'

interface Endpoint {
  packet: (from: string, bytes: Uint8Array) => void
  answer: (bytes: Uint8Array) => Uint8Array | null
}

/** The gossip network of members in one thread and virtual time: nothing is lost but what `passes` forbids. */
export class VirtualGossip {
  /** By address, one way: datagrams, requests, answers. */
  passes: (from: string, to: string) => boolean = () => true
  readonly #scheduler: Scheduler
  readonly #latencyMs: number
  readonly #endpoints = new Map<string, Endpoint>()

  constructor(scheduler: Scheduler, latencyMs = 1) {
    this.#scheduler = scheduler
    this.#latencyMs = latencyMs
  }

  /** A new endpoint takes the place of an older one of the same address. */
  connect(address: string): GossipNetwork {
    const endpoint: Endpoint = { packet: () => {}, answer: () => null }
    this.#endpoints.set(address, endpoint)
    const isOpen = () => this.#endpoints.get(address) === endpoint
    return {
      address,
      sendPacket: (to, bytes) => {
        if (isOpen() && this.passes(address, to)) this.#later(() => this.#endpoints.get(to)?.packet(address, bytes))
      },
      onPacket: (receive) => { endpoint.packet = receive },
      onRequest: (answer) => { endpoint.answer = answer },
      request: (to, bytes, timeoutMs, done) => {
        const finish = (outcome: Parameters<typeof done>[0]) => { if (isOpen()) done(outcome) }
        if (!this.passes(address, to) || !this.passes(to, address)) {
          this.#scheduler.after(timeoutMs, () => finish({ ok: false, reason: `no answer within ${timeoutMs} ms` }))
          return
        }
        this.#later(() => {
          const receiver = this.#endpoints.get(to)
          const answer = receiver?.answer(bytes) ?? null
          this.#later(() => finish(answer !== null ? { ok: true, bytes: answer }
            : { ok: false, reason: receiver === undefined ? `connect ECONNREFUSED ${to}` : 'closed without an answer' }))
        })
      },
    }
  }

  /** The process at that address is gone: connections to it are refused. */
  disconnect(address: string): void {
    this.#endpoints.delete(address)
  }

  #later(task: () => void): void {
    this.#scheduler.after(this.#latencyMs, task)
  }
}
