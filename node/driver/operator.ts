import type { Cancel, Scheduler } from '../base/scheduler.ts'
import type { MembershipChange } from '../raft/membership.ts'
import type { RaftCore } from '../raft/core.ts'
import type { MemberId } from '../raft/entry.ts'

export type OperatorOutcome =
  | { readonly kind: 'done' }
  | { readonly kind: 'not-leader' }
  /** Nothing happened. `problem`: a sentence without its full stop. */
  | { readonly kind: 'refused', readonly problem: string }
  /** It may still happen. */
  | { readonly kind: 'unknown', readonly problem: string }

export interface OperatorPorts {
  readonly core: Pick<RaftCore, 'changeMembership' | 'transferLeadership' | 'termAt' | 'isLeader' | 'leader'>
  readonly id: MemberId
  readonly scheduler: Scheduler
  readonly timeoutMs: number
  /** The core has something to do. */
  readonly pump: () => void
}

interface Pending {
  readonly isDone: (appliedIndex: number) => OperatorOutcome | null
  readonly done: (outcome: OperatorOutcome) => void
  readonly cancel: Cancel
}

/** What operators ask of a leader's Raft, followed to its end. */
export class Operator {
  readonly #ports: OperatorPorts
  readonly #pending = new Set<Pending>()
  #appliedIndex = 0

  constructor(ports: OperatorPorts) {
    this.#ports = ports
  }

  /** `done` when the change is committed. */
  change(change: MembershipChange, done: (outcome: OperatorOutcome) => void): void {
    const { core, scheduler, pump } = this.#ports
    const answer = core.changeMembership(change, scheduler.nowMs())
    if (answer.kind !== 'proposed') return done(answer.kind === 'refused' ? { kind: 'refused', problem: answer.problem } : { kind: 'not-leader' })
    const { index, term } = answer
    pump()
    this.#wait(done, 'the change is not committed yet', (appliedIndex) => {
      if (appliedIndex < index) return null
      return core.termAt(index) === term ? { kind: 'done' } : { kind: 'unknown', problem: 'another leader\'s entry took the place of the change' }
    })
  }

  /** `done` when another leads. */
  transfer(target: MemberId | null, done: (outcome: OperatorOutcome) => void): void {
    const { core, id, scheduler, pump } = this.#ports
    const answer = core.transferLeadership(target, scheduler.nowMs())
    if (answer.kind !== 'started') return done(answer.kind === 'refused' ? { kind: 'refused', problem: answer.problem } : { kind: 'not-leader' })
    pump()
    this.#wait(done, `${answer.target} has not taken over`, () => core.leader !== null && core.leader !== id ? { kind: 'done' } : null)
  }

  /** Entries were applied, or the leader changed. */
  check(appliedIndex = this.#appliedIndex): void {
    this.#appliedIndex = appliedIndex
    for (const pending of [...this.#pending]) {
      const outcome = pending.isDone(appliedIndex)
      if (outcome !== null) this.#settle(pending, outcome)
    }
  }

  stop(): void {
    for (const pending of [...this.#pending]) this.#settle(pending, { kind: 'unknown', problem: 'this server stops' })
  }

  #wait(done: Pending['done'], problem: string, isDone: Pending['isDone']): void {
    const cancel = this.#ports.scheduler.after(this.#ports.timeoutMs, () => this.#settle(pending, { kind: 'unknown', problem }))
    const pending: Pending = { isDone, done, cancel }
    this.#pending.add(pending)
  }

  #settle(pending: Pending, outcome: OperatorOutcome): void {
    if (!this.#pending.delete(pending)) return
    pending.cancel()
    pending.done(outcome)
  }
}
