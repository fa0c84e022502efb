import type { Random } from '../../../node/base/random.ts'
import type { DnsOutcome, MemberDns } from '../environment.ts'
import type { Climate } from './climate.ts'
import type { SimulatedClients } from './clients.ts'
import type { SimulatedMember } from './member.ts'
import type { VirtualTime } from './virtual-time.ts'

export interface SimulatedDnsPorts {
  readonly time: VirtualTime
  readonly climate: Climate
  readonly random: Random
  /** Who is cut off from clients is cut off from these too. */
  readonly clients: SimulatedClients
  readonly member: (name: string) => SimulatedMember
}

/** Questions to the members' DNS, in virtual time: whole messages, as over TCP. */
export class SimulatedDns implements MemberDns {
  readonly #ports: SimulatedDnsPorts

  constructor(ports: SimulatedDnsPorts) {
    this.#ports = ports
  }

  query(name: string, message: Uint8Array, timeoutMs: number): Promise<DnsOutcome> {
    const { time, climate, random, clients, member } = this.#ports
    const { queue } = time
    return time.promise((resolve) => {
      const timeout = queue.after(timeoutMs, () => resolve({ kind: 'none', error: `no answer within ${timeoutMs} ms` }))
      const later = (outcome: DnsOutcome) => void queue.after(climate.clientLatencyMs(random), () => {
        // What is under way when the link is cut is lost.
        if (clients.isCutOff(name)) return
        queue.cancel(timeout)
        resolve(outcome)
      })
      queue.after(climate.clientLatencyMs(random), () => {
        if (clients.isCutOff(name)) return
        const asked = member(name)
        if (!asked.isAlive) return later({ kind: 'none', error: 'ECONNREFUSED' })
        if (asked.isFull) return later({ kind: 'none', error: 'ECONNRESET: the member closed the connection' })
        asked.answerDns(message, (reply) => later(reply === null ? { kind: 'none', error: 'closed without an answer' } : { kind: 'answer', message: reply }))
      })
    })
  }
}
