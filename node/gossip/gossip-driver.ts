/**
 * Runs a gossip core: gives it time and what arrives, and carries out what it
 * wants. Knows neither sockets nor the operating system's clock; those are
 * behind ports.
 */
import type { Log } from '../base/log.ts'
import type { Random } from '../base/random.ts'
import { unreachable } from '../base/assert.ts'
import type { Cancel, Scheduler } from '../base/scheduler.ts'
import type { GossipConfig } from './config.ts'
import { GossipCore, type CommandResult, type GossipCounters, type GossipFigures } from './core.ts'
import type { Tags } from './message.ts'
import type { GossipNetwork } from './network.ts'
import type { GossipEvent, JoinFailure, MemberView } from './ready.ts'

export const gossipPortDefault = 8301

/** A timer this late means that the process did not run; what waited in its sockets is read first. */
const lateMs = 50

export interface GossipDriverOptions {
  readonly name: string
  readonly tags: Tags
  /** Clusters of different labels do not mix: the data centre's name. */
  readonly label: string
  readonly config: GossipConfig
  /** Belongs to the caller, who closes it. */
  readonly network: GossipNetwork
  readonly scheduler: Scheduler
  readonly random: Random
  readonly log: Log
  /** Tried until one of them answers: `host:port` or `host`. */
  readonly retryJoin?: readonly string[]
  /** From one round of tries to the next, at most: the first come sooner, because servers that start together miss each other by seconds. */
  readonly retryJoinIntervalMs?: number
  readonly onEvent?: (event: GossipEvent) => void
}

export interface JoinOutcome {
  readonly contacted: readonly string[]
  readonly failed: readonly JoinFailure[]
}

const retryJoinMsMin = 500

export class GossipDriver {
  readonly #options: GossipDriverOptions
  readonly #core: GossipCore
  readonly #joins = new Map<number, (outcome: JoinOutcome) => void>()
  readonly #leaves: (() => void)[] = []
  #left = false
  #timer: Cancel | null = null
  #timerMs = Infinity
  #retryTimer: Cancel | null = null
  #running = false

  /** Throws RangeError for a name or tags above the limits. */
  constructor(options: GossipDriverOptions) {
    this.#options = options
    const { name, tags, label, config, network, scheduler, random } = options
    this.#core = new GossipCore({ name, address: network.address, tags, label, config, random, nowMs: scheduler.nowMs() })
  }

  start(): void {
    const { network, retryJoin = [] } = this.#options
    this.#running = true
    network.onPacket((from, bytes) => this.#do((core, nowMs) => core.receivePacket(nowMs, from, bytes)))
    network.onRequest((bytes) => this.#do((core, nowMs) => core.answerStream(nowMs, bytes)) ?? null)
    this.#do((core, nowMs) => core.start(nowMs))
    const others = retryJoin.map((address) => withPort(address)).filter((address) => address !== network.address)
    if (others.length > 0) this.#retryJoin(others, retryJoinMsMin)
  }

  /** Ends all activity at once; nobody is told. Callbacks that wait are not called any more. */
  stop(): void {
    this.#running = false
    this.#timer?.()
    this.#retryTimer?.()
    this.#timer = this.#retryTimer = null
  }

  /** `done` hears which of the addresses answered. */
  join(addresses: readonly string[], done: (outcome: JoinOutcome) => void): void {
    this.#do((core, nowMs) => { this.#joins.set(core.join(nowMs, addresses.map((address) => withPort(address))), done) })
  }

  /** Leaves gracefully; `done` is called when others know, or it took too long. Then the driver may be stopped. */
  leave(done: () => void): void {
    if (this.#left) return done()
    this.#leaves.push(done)
    this.#retryTimer?.()
    this.#do((core, nowMs) => core.leave(nowMs))
  }

  /** Makes a failed member count as left. */
  forceLeave(name: string, prune: boolean): CommandResult {
    return this.#do((core, nowMs) => core.forceLeave(nowMs, name, prune)) ?? stopped
  }

  userEvent(name: string, payload: Uint8Array): CommandResult {
    return this.#do((core, nowMs) => core.userEvent(nowMs, name, payload)) ?? stopped
  }

  /** Throws RangeError if they are too large. */
  setTags(tags: Tags): void {
    this.#do((core, nowMs) => core.setTags(nowMs, tags))
  }

  members(): MemberView[] {
    return this.#core.members()
  }

  get self(): MemberView {
    return this.#core.self
  }

  get healthScore(): number {
    return this.#core.healthScore
  }

  get figures(): GossipFigures {
    return this.#core.figures
  }

  get counters(): GossipCounters {
    return this.#core.counters
  }

  /** Hands the core one input, and carries out what follows. Undefined: stopped. */
  #do<T>(input: (core: GossipCore, nowMs: number) => T): T | undefined {
    if (!this.#running) return undefined
    const result = input(this.#core, this.#options.scheduler.nowMs())
    this.#flush()
    return result
  }

  #flush(): void {
    const { network, onEvent } = this.#options
    const { packets, streams, events } = this.#core.takeReady()
    for (const { address, bytes } of packets) network.sendPacket(address, bytes)
    for (const { id, address, bytes, timeoutMs } of streams) {
      network.request(address, bytes, timeoutMs, (outcome) => {
        this.#do((core, nowMs) => core.streamResult(nowMs, id, outcome.ok ? outcome.bytes : outcome))
      })
    }
    this.#setTimer()
    for (const event of events) {
      this.#log(event)
      onEvent?.(event)
      if (event.kind === 'join-result') {
        const done = this.#joins.get(event.id)
        this.#joins.delete(event.id)
        done?.(event)
      } else if (event.kind === 'leave-complete') {
        this.#left = true
        for (const done of this.#leaves.splice(0)) done()
      }
    }
  }

  #setTimer(): void {
    const next = this.#running ? this.#core.nextTimerMs() : null
    if (next === null || next === this.#timerMs) return
    this.#timer?.()
    this.#timerMs = next
    this.#timer = this.#options.scheduler.after(Math.max(0, next - this.#options.scheduler.nowMs()), () => {
      if (this.#options.scheduler.nowMs() - next <= lateMs) return this.#tick()
      this.#timer = this.#options.scheduler.after(0, () => this.#tick())
    })
  }

  #tick(): void {
    this.#timerMs = Infinity
    this.#do((core, nowMs) => core.tick(nowMs))
  }

  #retryJoin(addresses: readonly string[], waitMs: number): void {
    const { scheduler, log, retryJoinIntervalMs = 30_000 } = this.#options
    const retryMs = Math.min(waitMs, retryJoinIntervalMs)
    this.join(addresses, ({ contacted, failed }) => {
      if (contacted.length > 0 || this.#left || this.#leaves.length > 0) return
      log.warn('no member of the cluster could be reached', { addresses: addresses.join(' '), reason: failed[0]?.reason ?? '', retryMs })
      this.#retryTimer = scheduler.after(retryMs, () => this.#retryJoin(addresses, retryMs * 2))
    })
  }

  #log(event: GossipEvent): void {
    const { log } = this.#options
    switch (event.kind) {
      case 'member-join': return log.info('member joined', { member: event.member.name, address: event.member.address })
      case 'member-update': return log.info('member updated', { member: event.member.name })
      case 'member-suspect': return log.info('member suspected', { member: event.member.name, from: event.from })
      case 'member-trust': return log.info('member refuted a suspicion', { member: event.member.name, incarnation: event.member.incarnation })
      case 'member-leaving': return log.info('member is leaving', { member: event.member.name })
      case 'member-leave': return log.info('member left', { member: event.member.name })
      case 'member-failed': return log.warn('member failed', { member: event.member.name })
      case 'member-reap': return log.info('member forgotten', { member: event.member.name })
      case 'name-conflict': return log.error('two members claim the same name', { member: event.name, known: event.knownAddress, other: event.otherAddress })
      case 'refuted': return log.warn('this member was suspected, and refuted it', { from: event.from, incarnation: event.incarnation })
      case 'packets-blocked': return log.warn('a member answers to TCP but not to UDP', { member: event.name })
      case 'user-event': return log.debug('user event', { event: event.name, time: event.time })
      case 'join-result':
        if (event.contacted.length > 0) log.info('joined', { contacted: event.contacted.length, failed: event.failed.length })
        return
      case 'leave-complete': return log.info('left the cluster')
      default: return unreachable(event)
    }
  }
}

const stopped: CommandResult = { ok: false, error: 'this member is stopped' }

/** Adds the usual port to a host without one. */
export function withPort(address: string, port = gossipPortDefault): string {
  if (/^(\[[^\]]*\]|[^:]*):\d+$/.test(address)) return address
  const isBareV6 = !address.startsWith('[') && address.includes(':')
  return isBareV6 ? `[${address}]:${port}` : `${address}:${port}`
}
