/**
 * The failure detector. Members are probed one in each interval, round by round
 * in an order shuffled anew each time (SWIM, section 4.3). A probe is a direct
 * ping; if that goes unanswered, pings through others and one on a stream; if
 * nothing came back by the end of the interval, a suspicion.
 */
import { nackDelayMs } from './bounds.ts'
import type { Context } from './context.ts'
import { isUp, type Member } from './members.ts'
import type { Membership } from './membership.ts'
import type { Ack, Nack, PacketMessage, Ping, PingRequest } from './message.ts'

/** Pings that this member makes for others at a time. */
const relaysMax = 1024

interface Probe {
  readonly sequence: number
  readonly name: string
  readonly address: string
  readonly incarnation: number
  nacksExpected: number
  nacks: number
  /** An answer came on a stream. */
  streamAnswered: boolean
  readonly cancelTimers: (() => void)[]
}

/** A ping in another's stead. */
interface Relay {
  readonly requesterAddress: string
  readonly requesterSequence: number
  readonly cancelNack: () => void
}

export class Prober {
  readonly #context: Context
  readonly #membership: Membership
  /** Names; those before `#position` had their turn. */
  #order: string[] = []
  #position = 0
  #sequence: number
  #probe: Probe | null = null
  #nextProbeMs = 0
  #cancelNextProbe: () => void = () => {}
  readonly #relays = new Map<number, Relay>()
  #stopped = false

  constructor(context: Context, membership: Membership) {
    this.#context = context
    this.#membership = membership
    // Acks that were meant for an earlier life must not match.
    this.#sequence = context.random.uint32()
  }

  start(): void {
    const { random, config, nowMs } = this.#context
    this.#probeAt(nowMs() + random.fraction() * config.probeIntervalMs)
  }

  /** Probes no more; goes on answering. */
  stop(): void {
    this.#stopped = true
    this.#cancelNextProbe()
    this.#finish()
  }

  /** At a random place of those still to come: so its turn is in this round. */
  add(name: string): void {
    if (this.#order.includes(name, this.#position)) return
    this.#order.splice(this.#context.random.between(this.#position, this.#order.length + 1), 0, name)
  }

  ping(from: string, ping: Ping): void {
    const { members, disseminator } = this.#context
    // Another member had this address before: it must not seem alive.
    if (ping.target !== members.self.name) return
    disseminator.send(from, [{ kind: 'ack', sequence: ping.sequence }])
  }

  pingRequest(from: string, request: PingRequest): void {
    const { timers, config, disseminator, nowMs } = this.#context
    if (this.#relays.size >= relaysMax) return
    const sequence = this.#nextSequence()
    const cancelNack = timers.at(nowMs() + nackDelayMs(config), () => {
      disseminator.send(from, [{ kind: 'nack', sequence: request.sequence }])
    })
    this.#relays.set(sequence, { requesterAddress: from, requesterSequence: request.sequence, cancelNack })
    // An ack may come after the nack: it is still worth passing on.
    timers.at(nowMs() + config.probeIntervalMs, () => this.#relays.delete(sequence))
    disseminator.send(request.targetAddress, [{ kind: 'ping', sequence, target: request.target }])
  }

  ack({ sequence }: Ack): void {
    const { awareness, disseminator, nowMs } = this.#context
    if (this.#probe?.sequence === sequence) {
      awareness.add(-1)
      this.#finish()
      // A member that doubts itself waits longer than an interval; the next is due then.
      if (nowMs() >= this.#nextProbeMs) this.#probeNext()
      return
    }
    const relay = this.#relays.get(sequence)
    if (relay === undefined) return
    this.#relays.delete(sequence)
    relay.cancelNack()
    disseminator.send(relay.requesterAddress, [{ kind: 'ack', sequence: relay.requesterSequence }])
  }

  nack({ sequence }: Nack): void {
    if (this.#probe?.sequence === sequence) this.#probe.nacks++
  }

  #nextSequence(): number {
    this.#sequence = (this.#sequence + 1) >>> 0
    return this.#sequence
  }

  #probeNext(): void {
    if (this.#stopped) return
    this.#cancelNextProbe()
    const { config, nowMs } = this.#context
    const target = this.#takeTarget()
    if (target !== null) this.#start(target)
    this.#probeAt(nowMs() + config.probeIntervalMs)
  }

  /** Later, if a probe is under way then. */
  #probeAt(atMs: number): void {
    this.#nextProbeMs = atMs
    this.#cancelNextProbe = this.#context.timers.at(atMs, () => {
      if (this.#probe === null) this.#probeNext()
    })
  }

  /** The next in the round that is not given up; null if there is nobody. */
  #takeTarget(): Member | null {
    const { members, random } = this.#context
    for (let rounds = 0; rounds < 2; rounds++) {
      while (this.#position < this.#order.length) {
        const member = members.get(this.#order[this.#position++]!)
        if (member !== undefined && member !== members.self && isUp(member.state)) return member
      }
      const names: string[] = []
      for (const member of members.all()) if (member !== members.self && isUp(member.state)) names.push(member.name)
      this.#order = random.shuffle(names)
      this.#position = 0
    }
    return null
  }

  #start(target: Member): void {
    const { timers, config, awareness, disseminator, members, nowMs } = this.#context
    const startMs = nowMs()
    const { name, address, incarnation } = target
    const probe: Probe = {
      sequence: this.#nextSequence(), name, address, incarnation, nacksExpected: 0, nacks: 0, streamAnswered: false, cancelTimers: [],
    }
    this.#probe = probe
    const deadlineMs = startMs + awareness.scaleMs(config.probeIntervalMs)
    probe.cancelTimers.push(
      timers.at(startMs + config.probeTimeoutMs, () => this.#goIndirect(probe, deadlineMs)),
      timers.at(deadlineMs, () => this.#fail(probe)),
    )
    const messages: PacketMessage[] = [{ kind: 'ping', sequence: probe.sequence, target: name }]
    // Lifeguard's buddy system: who is suspected hears it first from who probes it.
    if (target.state === 'suspect') messages.push({ kind: 'suspect', name, incarnation, from: members.self.name })
    disseminator.send(address, messages)
  }

  #goIndirect(probe: Probe, deadlineMs: number): void {
    const { config, disseminator, members, random, openStream, nowMs } = this.#context
    const relays = members.sample(random, config.indirectChecks, (member) => member.state === 'alive' && member.name !== probe.name)
    for (const relay of relays) {
      probe.nacksExpected++
      disseminator.send(relay.address, [{ kind: 'ping-request', sequence: probe.sequence, target: probe.name, targetAddress: probe.address }])
    }
    openStream(probe.address, { kind: 'stream-ping', target: probe.name }, Math.max(1, deadlineMs - nowMs()), (outcome) => {
      if (outcome.ok && outcome.message.kind === 'stream-ack') probe.streamAnswered = true
    })
  }

  #fail(probe: Probe): void {
    const { awareness, members, emit } = this.#context
    // Relays that did not even say no: the fault may be here.
    awareness.add(probe.nacksExpected > 0 ? Math.max(0, probe.nacksExpected - probe.nacks) : 1)
    if (probe.streamAnswered) emit({ kind: 'packets-blocked', name: probe.name })
    else this.#membership.suspect({ kind: 'suspect', name: probe.name, incarnation: probe.incarnation, from: members.self.name })
    this.#finish()
    this.#probeNext()
  }

  #finish(): void {
    for (const cancel of this.#probe?.cancelTimers ?? []) cancel()
    this.#probe = null
  }
}
