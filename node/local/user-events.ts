import type { Log } from '../base/log.ts'
import type { GossipDriver } from '../gossip/gossip-driver.ts'
import type { GossipEvent } from '../gossip/ready.ts'
import type { LocalAgent } from './local-agent.ts'
import { decodeUserEvent, encodeUserEvent, isMeantFor, type UserEvent, userEventChannel } from './user-event.ts'
import { UserEventLog } from './user-event-log.ts'

/** Told by a server that was elected, to all members. */
export const newLeaderEvent = 'consul:new-leader'

export interface UserEventsPorts {
  /** Of the node. */
  readonly name: string
  readonly log: Log
  readonly agent: Pick<LocalAgent, 'state'>
  /** Null: this member does not gossip. */
  readonly gossip: Pick<GossipDriver, 'userEvent'> | null
}

/** An agent's part in user events: what it fires, and what it keeps of those that are meant for it. */
export class UserEvents {
  readonly #ports: UserEventsPorts
  readonly #kept = new UserEventLog()

  constructor(ports: UserEventsPorts) {
    this.#ports = ports
  }

  recent(): readonly UserEvent[] {
    return this.#kept.recent()
  }

  watch(changed: (stopped: boolean) => void): () => void {
    return this.#kept.watch(changed)
  }

  /** Tells all members, this one among them. False: this member does not gossip. */
  fire(event: UserEvent): boolean {
    return this.#ports.gossip?.userEvent(userEventChannel, encodeUserEvent(event)).ok ?? false
  }

  /** One has come by gossip. */
  receive({ name, payload, time, origin }: Extract<GossipEvent, { kind: 'user-event' }>): void {
    const { log, agent } = this.#ports
    if (name === newLeaderEvent) return log.info('a server was elected leader', { leader: Buffer.from(payload).toString() })
    if (name !== userEventChannel) return
    const event = decodeUserEvent(payload, time)
    if (event === null) return log.warn('ignored a user event that this version does not understand', { from: origin })
    if (!isMeantFor(event, { node: this.#ports.name, services: agent.state.services() })) return
    log.debug('new event', { event: event.name, id: event.id })
    this.#kept.add(event)
  }

  stop(): void {
    this.#kept.stop()
  }
}
