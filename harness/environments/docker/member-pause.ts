import type { Effect, HttpOutcome, Pause } from '../environment.ts'
import { pollUntil } from './deadline.ts'
import { messageOf } from './engine.ts'
import type { MemberContainer } from './member-container.ts'

export interface PausePorts {
  readonly container: (member: string) => MemberContainer
  /** Asks for something that is answered without any other member. */
  readonly ask: (member: string, timeoutMs: number) => Promise<HttpOutcome>
  /** Whether another fault keeps this process from the member, so that silence shows nothing. */
  readonly isUnreachable: (member: string) => boolean
}

const silenceMs = 400
const answerTimeoutMs = 15_000
const answerPollMs = 50

/** Freezes a member's processes through the engine; its connections stay, and the kernel still accepts new ones. */
export class MemberPause implements Pause {
  readonly #ports: PausePorts

  constructor(ports: PausePorts) {
    this.#ports = ports
  }

  async pause(member: string): Promise<Effect> {
    const { container, ask, isUnreachable } = this.#ports
    const frozen = container(member)
    let healed = false
    const heal = async () => {
      if (healed) return null
      try {
        const seen = await this.#heal(member)
        healed = true
        return seen
      } catch (error) {
        throw new Error(`${member} could not be resumed: ${messageOf(error)}`, { cause: error })
      }
    }
    try {
      await frozen.freeze()
      const { paused } = await frozen.state()
      if (!paused) throw new Error('the engine says that it is not frozen')
      if (isUnreachable(member)) return { observed: { frozen: true }, heal }
      const outcome = await ask(member, silenceMs)
      if (outcome.kind === 'response') throw new Error('it still answers')
      return { observed: { frozen: true, request: outcome.error }, heal }
    } catch (error) {
      await heal().catch(() => {})
      throw new Error(`${member} could not be paused: ${messageOf(error)}`, { cause: error })
    }
  }

  /** A member that was killed meanwhile has nothing to resume. */
  async #heal(member: string): Promise<unknown> {
    const { container, ask, isUnreachable } = this.#ports
    await container(member).thaw()
    const { running, paused } = await container(member).state()
    if (paused) throw new Error('the engine says that it is still frozen')
    if (!running || isUnreachable(member)) return { frozen: false, running }
    let last = ''
    const status = await pollUntil(async () => {
      const outcome = await ask(member, 1_000)
      last = outcome.kind === 'response' ? String(outcome.status) : outcome.error
      if (outcome.kind === 'response') return outcome.status
      // It may be killed, or cut off, while this waits.
      return !(await container(member).state()).running || isUnreachable(member) ? 0 : null
    }, answerPollMs, answerTimeoutMs, () => `it does not answer (${last})`)
    return { frozen: false, status }
  }
}
