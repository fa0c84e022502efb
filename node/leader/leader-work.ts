import { ServerRegistrar } from '../agent/server-registrar.ts'
import type { Log } from '../base/log.ts'
import type { Scheduler } from '../base/scheduler.ts'
import type { Operator } from '../driver/operator.ts'
import type { ReadOutcome, WriteOutcome } from '../driver/requests.ts'
import type { GossipDriver } from '../gossip/gossip-driver.ts'
import type { RaftCore } from '../raft/core.ts'
import type { AutopilotConfig } from '../state/autopilot-config.ts'
import type { StateMachine } from '../state/state-machine.ts'
import { Autopilot } from './autopilot-driver.ts'
import { leaveAsServer } from './departure.ts'
import { LeaderDuties, type LeaderDutiesPorts } from './leader-duties.ts'

export interface LeaderWorkPorts {
  readonly id: string
  readonly name: string
  readonly version: string
  readonly scheduler: Scheduler
  readonly log: Log
  readonly core: RaftCore
  readonly stateMachine: StateMachine
  readonly operator: Operator
  readonly awaitRead: (mode: 'lease', done: (outcome: ReadOutcome) => void) => void
  readonly write: (command: Uint8Array, done: (outcome: WriteOutcome) => void) => void
  /** Null: the servers are those of a static configuration. */
  readonly gossip: GossipDriver | null
  readonly autopilotDefaults?: AutopilotConfig
}

/** All that a server does because it leads, beside Raft itself; and how it leaves. */
export class LeaderWork {
  readonly autopilot: Autopilot
  readonly #ports: LeaderWorkPorts
  readonly #registrar: ServerRegistrar | LeaderDuties

  constructor(ports: LeaderWorkPorts) {
    this.#ports = ports
    const { id, name, version, scheduler, log, core, stateMachine, operator, gossip, awaitRead, write } = ports
    const catalogPorts = { scheduler, log, catalog: stateMachine.catalog, isLeader: () => core.isLeader, awaitRead, write }
    const change: LeaderDutiesPorts['change'] = (wanted, done) => operator.change(wanted, done)
    this.#registrar = gossip === null ? new ServerRegistrar({ ...catalogPorts, servers: () => core.configuration.voters })
      : new LeaderDuties({ ...catalogPorts, self: { id, name }, configuration: () => core.configuration, members: () => gossip.members(), change })
    this.autopilot = new Autopilot({
      scheduler, log, version, table: stateMachine.autopilot, ...ports.autopilotDefaults === undefined ? {} : { defaults: ports.autopilotDefaults },
      status: () => core.status(), termAt: (index) => core.termAt(index), letVote: (server, allowed) => core.letVote(server, allowed), change, gossip,
    })
  }

  roleChanged(): void {
    this.#registrar.roleChanged()
    this.autopilot.roleChanged()
  }

  membersChanged(): void {
    if (this.#registrar instanceof LeaderDuties) this.#registrar.membersChanged()
  }

  stop(): void {
    this.#registrar.stop()
    this.autopilot.stop()
  }

  /** Leaves the cluster for good, gossip and Raft alike; `done` when the process may end. Without gossip nobody is told. */
  leave(done: () => void): void {
    const { id, scheduler, log, core, operator, gossip } = this.#ports
    if (gossip === null) return done()
    leaveAsServer({
      id, scheduler, log, isLeader: () => core.isLeader, configuration: () => core.configuration,
      transferLeadership: (transferred) => operator.transfer(null, transferred),
      leaveGossip: (told) => gossip.leave(told),
    }, done)
  }
}
