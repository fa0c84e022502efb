import type { UserEvent } from './user-event.ts'

/** As many as Consul keeps. */
export const userEventsMax = 256

/** The last events that were meant for this agent, oldest first. In memory: events are news, not state. */
export class UserEventLog {
  readonly #events: UserEvent[] = []
  readonly #watchers = new Set<(stopped: boolean) => void>()
  #stopped = false

  recent(): readonly UserEvent[] {
    return this.#events
  }

  add(event: UserEvent): void {
    this.#events.push(event)
    if (this.#events.length > userEventsMax) this.#events.shift()
    for (const watcher of [...this.#watchers]) watcher(false)
  }

  /** `changed` after every event, and when the agent stops. Returns what ends that. */
  watch(changed: (stopped: boolean) => void): () => void {
    if (this.#stopped) {
      changed(true)
      return () => {}
    }
    this.#watchers.add(changed)
    return () => { this.#watchers.delete(changed) }
  }

  stop(): void {
    this.#stopped = true
    for (const watcher of [...this.#watchers]) watcher(true)
    this.#watchers.clear()
  }
}
