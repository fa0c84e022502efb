import type { Log } from '../base/log.ts'
import type { Cancel, Scheduler } from '../base/scheduler.ts'
import type { OperatorOutcome } from '../driver/operator.ts'
import type { ReadOutcome, WriteOutcome } from '../driver/requests.ts'
import type { MemberView } from '../gossip/ready.ts'
import type { Configuration } from '../raft/entry.ts'
import type { MembershipChange } from '../raft/membership.ts'
import type { CatalogReader } from '../state/catalog.ts'
import type { CatalogCommand } from '../state/catalog-commands.ts'
import { encodeCommand } from '../state/commands.ts'
import { planCatalog } from './catalog-plan.ts'
import { clusterMember, type ClusterMember, rivals, sharedIds } from './cluster-member.ts'
import { planRaft } from './raft-plan.ts'

export interface LeaderDutiesPorts {
  readonly self: { readonly id: string, readonly name: string }
  readonly scheduler: Scheduler
  readonly log: Log
  readonly catalog: CatalogReader
  readonly isLeader: () => boolean
  readonly configuration: () => Configuration
  readonly members: () => readonly MemberView[]
  /** `done` comes when the leader has applied everything that its predecessors committed. */
  readonly awaitRead: (mode: 'lease', done: (outcome: ReadOutcome) => void) => void
  readonly write: (command: Uint8Array, done: (outcome: WriteOutcome) => void) => void
  readonly change: (change: MembershipChange, done: (outcome: OperatorOutcome) => void) => void
}

/** As often as Consul's leader compares all members with the catalog, whatever the events were. */
const reconcileMs = 60_000
/** After a failure, and while the leader's term begins. */
const retryMs = 1000
/** Members' events come in bursts. */
const gatherMs = 20

/**
 * What the leader, and it alone, makes of gossip: the catalog follows it
 * (`catalog-plan.ts`), and so do the servers of Raft (`raft-plan.ts`). Both
 * are compared when it begins to lead, at every event, and from time to time.
 */
export class LeaderDuties {
  readonly #ports: LeaderDutiesPorts
  #timer: Cancel | null = null
  /** How long the timer was set for; Infinity without one. Not when it is due: it and the clock need not agree on that. */
  #timerMs = Infinity
  #running = false
  #again = false
  #stopped = false
  #warnedIds = ''
  #warnedRivals = ''

  constructor(ports: LeaderDutiesPorts) {
    this.#ports = ports
  }

  /** The member's role may have changed. */
  roleChanged(): void {
    this.#timer?.()
    this.#timer = null
    this.#timerMs = Infinity
    if (this.#ports.isLeader()) this.#within(0)
  }

  /** Gossip says something else of a member than before. */
  membersChanged(): void {
    if (this.#ports.isLeader()) this.#within(gatherMs)
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.()
    this.#timer = null
  }

  #within(delayMs: number): void {
    if (this.#stopped || this.#timerMs <= delayMs) return
    this.#timer?.()
    this.#timerMs = delayMs
    this.#timer = this.#ports.scheduler.after(delayMs, () => {
      this.#timer = null
      this.#timerMs = Infinity
      this.#reconcile()
    })
  }

  #reconcile(): void {
    if (this.#running) {
      this.#again = true
      return
    }
    this.#running = true
    this.#again = false
    this.#ports.awaitRead('lease', (outcome) => {
      if (this.#stopped || !this.#ports.isLeader()) return this.#end(true)
      if (outcome.kind !== 'ready') return this.#end(false)
      const members = this.#ports.members().map(clusterMember).filter((member) => member !== null)
      this.#warnOfSharedIds(members)
      this.#warnOfRivals(members)
      this.#followCatalog(members, (followed) => this.#followRaft(members, followed))
    })
  }

  #end(succeeded: boolean): void {
    this.#running = false
    if (this.#stopped || !this.#ports.isLeader()) return
    this.#within(this.#again ? 0 : succeeded ? reconcileMs : retryMs)
  }

  #followCatalog(members: readonly ClusterMember[], done: (succeeded: boolean) => void): void {
    const { catalog, self, configuration, log, write } = this.#ports
    const commands = planCatalog({ members, catalog, self: self.name, voters: configuration().voters.map(({ id }) => id) })
    let open = commands.length
    let succeeded = true
    if (open === 0) return done(true)
    for (const command of commands) {
      log.info('the catalog follows gossip', { node: nodeNameOf(command), does: doingOf(command) })
      write(encodeCommand(command), (outcome) => {
        if (outcome.kind === 'invalid') log.warn('a member cannot be entered into the catalog', { node: nodeNameOf(command), reason: outcome.problem })
        // It would be refused again: the next round is soon enough.
        else if (outcome.kind !== 'applied') succeeded = false
        if (--open === 0) done(succeeded)
      })
    }
  }

  #followRaft(members: readonly ClusterMember[], succeeded: boolean): void {
    const { self, configuration, log, change, isLeader } = this.#ports
    if (this.#stopped || !isLeader()) return this.#end(true)
    const step = planRaft({ configuration: configuration(), members, selfId: self.id })
    if (step === null) return this.#end(succeeded)
    log.info('the servers of Raft follow gossip', { does: step.change.kind, why: step.why })
    change(step.change, (outcome) => {
      if (outcome.kind === 'refused') log.debug('the change waits', { reason: outcome.problem })
      // There may be more to do.
      if (outcome.kind === 'done') this.#again = true
      this.#end(succeeded && outcome.kind === 'done')
    })
  }

  #warnOfRivals(members: readonly ClusterMember[]): void {
    const names = rivals(members).map(({ name }) => name).sort().join(', ')
    if (names !== '' && names !== this.#warnedRivals) {
      this.#ports.log.error('several servers were started with -bootstrap, or to expect one server: none is taken into another\'s cluster', { servers: names })
    }
    this.#warnedRivals = names
  }

  #warnOfSharedIds(members: readonly ClusterMember[]): void {
    const ids = [...sharedIds(members)].sort().join(' ')
    if (ids !== '' && ids !== this.#warnedIds) {
      const names = members.filter(({ id }) => ids.includes(id)).map(({ name }) => name).join(', ')
      this.#ports.log.error('live members have the same node id: give each a data directory of its own', { ids, members: names })
    }
    this.#warnedIds = ids
  }
}

function nodeNameOf(command: CatalogCommand): string {
  return command.kind === 'catalog-register' ? command.node.name : command.node
}

function doingOf(command: CatalogCommand): string {
  return command.kind === 'catalog-deregister' ? 'deregisters it' : `registers it, ${command.checks[0]?.status ?? 'its service'}`
}
