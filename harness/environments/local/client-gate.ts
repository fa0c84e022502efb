import type { CutClients, DnsOutcome, Effect, HttpOutcome } from '../environment.ts'

const silentProbeMs = 200
const answerDeadlineMs = 10_000

/** How an exchange that the gate held ended. */
interface Outcomes<T> {
  /** It did not get in. */
  readonly shut: (error: string) => T
  /** There is no answer that the gate could hold. */
  readonly isUnsent: (outcome: T) => boolean
  /** Its answer did not get out. */
  readonly silent: (error: string) => T
}

/**
 * Cuts this harness's clients off from members. Its requests are the only ones
 * that local members get, so the gate stands on their side: a request to a member
 * that is cut off does not leave before the gate opens, and an answer that is
 * under way when it shuts does not arrive before.
 */
export class ClientGate {
  readonly #cuts = new Map<string, Set<symbol>>()
  #wakers: (() => void)[] = []

  /** @param send one exchange past this gate */
  pass(member: string, timeoutMs: number, send: (timeoutMs: number) => Promise<HttpOutcome>): Promise<HttpOutcome> {
    return this.#through(member, timeoutMs, send, {
      shut: (error) => ({ kind: 'not-sent', error }), isUnsent: ({ kind }) => kind === 'not-sent', silent: (error) => ({ kind: 'lost', error }),
    })
  }

  /** The same for a question to the member's DNS. */
  passDns(member: string, timeoutMs: number, send: (timeoutMs: number) => Promise<DnsOutcome>): Promise<DnsOutcome> {
    const none = (error: string): DnsOutcome => ({ kind: 'none', error })
    return this.#through(member, timeoutMs, send, { shut: none, isUnsent: ({ kind }) => kind === 'none', silent: none })
  }

  async #through<T>(member: string, timeoutMs: number, send: (timeoutMs: number) => Promise<T>, { shut, isUnsent, silent }: Outcomes<T>): Promise<T> {
    const startMs = performance.now()
    if (this.#cuts.size > 0 && !await this.#opens(member, timeoutMs)) return shut(`clients are cut off from ${member}: no connection within ${timeoutMs} ms`)
    const leftMs = () => Math.max(1, timeoutMs - (performance.now() - startMs))
    const outcome = await send(leftMs())
    if (!this.#isCut(member) || isUnsent(outcome)) return outcome
    return await this.#opens(member, leftMs()) ? outcome : silent(`clients were cut off from ${member} before its answer came: no answer within ${timeoutMs} ms`)
  }

  /** @param ask a request through this gate, to see whether it is answered */
  cutter(ask: (member: string, timeoutMs: number) => Promise<HttpOutcome>, runs: (member: string) => boolean): CutClients {
    return {
      cutClients: async (members): Promise<Effect> => {
        const id = Symbol('clients')
        for (const member of members) this.#cuts.set(member, (this.#cuts.get(member) ?? new Set()).add(id))
        const open = () => {
          for (const member of members) {
            const cuts = this.#cuts.get(member)
            cuts?.delete(id)
            if (cuts?.size === 0) this.#cuts.delete(member)
          }
          for (const wake of this.#wakers.splice(0)) wake()
        }
        const heard = await Promise.all(members.map((member) => ask(member, silentProbeMs)))
        if (heard.some(({ kind }) => kind === 'response')) {
          open()
          throw new Error(`clients were cut off from ${members.join(', ')}, and were answered`)
        }
        return {
          observed: { proven: `no client reached ${members.join(', ')}` },
          heal: async () => {
            open()
            const checked = members.filter((member) => !this.#isCut(member) && runs(member))
            const outcomes = await Promise.all(checked.map((member) => ask(member, answerDeadlineMs)))
            const silent = checked.filter((_, i) => outcomes[i]!.kind !== 'response')
            if (silent.length > 0) throw new Error(`clients were let through to ${silent.join(', ')} again, and get no answer`)
            return { answered: checked }
          },
        }
      },
    }
  }

  #isCut(member: string): boolean {
    return this.#cuts.has(member)
  }

  /** Whether the way to the member is open within the time. */
  async #opens(member: string, timeoutMs: number): Promise<boolean> {
    const endMs = performance.now() + timeoutMs
    while (this.#isCut(member)) {
      const leftMs = endMs - performance.now()
      if (leftMs <= 0) return false
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs)
        this.#wakers.push(() => { clearTimeout(timer); resolve() })
      })
    }
    return true
  }
}
