import type { Environment } from '../environments/environment.ts'
import { clientOf, requestTo } from '../systems/leader.ts'
import type { System } from '../systems/system.ts'

const pollMs = 10
const askTimeoutMs = 1000
/**
 * Of writes: longer than members hold a request that has no leader. How many are
 * open follows from it and is not limited otherwise: those that went into a
 * connection that is dead wait for as long, and must not keep later ones away.
 */
const patientTimeoutMs = 10_000
const arrivalMs = 20

/** Of one member, in ns of the environment's clock; null: not seen. */
export interface MemberReturn {
  readonly answeredNs: number | null
  readonly knewLeaderNs: number | null
  readonly ackedNs: number | null
  /** Its own copy shows the last write from before. */
  readonly levelNs: number | null
}

/** In ms since the fault's end; null: not seen of all. */
export interface RecoveryTimes {
  /** The last of those that were away. */
  readonly answerMs: number | null
  readonly leaderMs: number | null
  readonly levelMs: number | null
  /** The first write that is acknowledged by any of them. */
  readonly firstAckMs: number | null
}

export function recoveryTimes(returns: readonly MemberReturn[], fromNs: number): RecoveryTimes {
  const last = (times: readonly (number | null)[]) => times.includes(null) ? null : (Math.max(...times as number[]) - fromNs) / 1e6
  const acked = returns.flatMap(({ ackedNs }) => ackedNs === null ? [] : [ackedNs])
  return {
    answerMs: last(returns.map(({ answeredNs }) => answeredNs)),
    leaderMs: last(returns.map(({ knewLeaderNs }) => knewLeaderNs)),
    levelMs: last(returns.map(({ levelNs }) => levelNs)),
    firstAckMs: acked.length === 0 ? null : (Math.min(...acked) - fromNs) / 1e6,
  }
}

export interface WatchReturnPorts {
  readonly environment: Environment
  readonly system: System
  readonly deadlineMs: number
  readonly throwIfStopped: () => void
}

/** The last write that those who were away have to catch up with. */
export interface Marker {
  readonly key: string
  readonly value: string
}

/**
 * Ends the fault and watches how these members come back, until all is seen or
 * until the deadline. Times run from the call of `mend`. Rejects where `mend` does.
 */
export async function watchReturn(ports: WatchReturnPorts, members: readonly string[], marker: Marker, mend: () => Promise<unknown>): Promise<{ readonly fromNs: number, readonly returns: readonly MemberReturn[] }> {
  const { environment: { clock }, deadlineMs, throwIfStopped } = ports
  const state = { over: false }
  const fromNs = clock.nowNs()
  const mending = mend()
  mending.catch(() => {})
  const watches = members.map((member) => new MemberWatch(ports, member, marker, state))
  const tasks = watches.map((watch) => watch.run())
  try {
    while (!watches.every((watch) => watch.isComplete) && clock.nowNs() < fromNs + deadlineMs * 1e6) {
      throwIfStopped()
      await Promise.race([clock.sleep(pollMs), mending.then(() => clock.sleep(pollMs))])
    }
    await mending
  } finally {
    state.over = true
    await Promise.all(tasks)
  }
  return { fromNs, returns: watches.map((watch) => watch.seen) }
}

/** One member, asked in every way at the same time once it answers at all. */
class MemberWatch {
  readonly #ports: WatchReturnPorts
  readonly #member: string
  readonly #marker: Marker
  readonly #state: { readonly over: boolean }
  #seen: MemberReturn = { answeredNs: null, knewLeaderNs: null, ackedNs: null, levelNs: null }

  constructor(ports: WatchReturnPorts, member: string, marker: Marker, state: { readonly over: boolean }) {
    this.#ports = ports
    this.#member = member
    this.#marker = marker
    this.#state = state
  }

  get seen(): MemberReturn {
    return this.#seen
  }

  get isComplete(): boolean {
    return Object.values(this.#seen).every((atNs) => atNs !== null)
  }

  async run(): Promise<void> {
    const { environment, system } = this.#ports
    const request = requestTo(environment, this.#member)
    const client = clientOf(system, environment, this.#member, askTimeoutMs)
    // Any answer shows that the process serves, whatever the system makes of the path.
    await this.#until('answeredNs', async () => (await request({ method: 'GET', target: '/v1/status/leader' }, askTimeoutMs)).kind === 'response')
    await Promise.all([
      this.#until('knewLeaderNs', async () => 'leader' in await system.leaderSeen(request)),
      this.#until('levelNs', async () => {
        const read = await client.read(this.#marker.key, 'stale')
        return read.type === 'ok' && read.value === this.#marker.value
      }),
      this.#write(),
    ])
  }

  /** Clients that come evenly and wait for as long as it takes: what is held until there is a leader counts too. */
  async #write(): Promise<void> {
    const { environment, system } = this.#ports
    const client = clientOf(system, environment, this.#member, patientTimeoutMs)
    for (let n = 0; !this.#state.over && this.#seen.ackedNs === null; n++) {
      void client.write(`recovery/from-${this.#member}`, String(n)).then(({ type }) => { if (type === 'ok') this.#saw('ackedNs') })
      await environment.clock.sleep(arrivalMs)
    }
  }

  async #until(what: keyof MemberReturn, look: () => Promise<boolean>): Promise<void> {
    while (!this.#state.over && this.#seen[what] === null) {
      if (await look()) this.#saw(what)
      else await this.#ports.environment.clock.sleep(pollMs)
    }
  }

  #saw(what: keyof MemberReturn): void {
    if (!this.#state.over && this.#seen[what] === null) this.#seen = { ...this.#seen, [what]: this.#ports.environment.clock.nowNs() }
  }
}
