import type { Random } from '../../../node/base/random.ts'
import { ActiveImpairment, type Copy, type Impairment } from './impairment.ts'

/** The conversations that can be told apart by protocol and port: 8300, 8301 over UDP and TCP, 8500. */
export type Flow = 'raft' | 'gossip-udp' | 'gossip-tcp' | 'client'

/** The end of every path that leads to or from clients. */
export const clientsEnd = 'clients'

/** Who uses a path is told when it changes. */
export interface PathUser {
  /** From now on nothing passes. */
  blocked(): void
  /** From now on something does. */
  unblocked(): void
  /** Connections over it are reset. */
  reset(): void
}

const untouched: readonly Copy[] = [{ delayMs: 0, corrupted: false }]

/** The way from one end to another for one flow, as a sequence of packets meets it. */
export class Path {
  readonly name: string
  readonly #random: Random
  #active: ActiveImpairment[] = []
  #added = 0
  #isBlocked = false
  #user: PathUser | null = null

  constructor(name: string, random: Random) {
    this.name = name
    this.#random = random
  }

  /** One user. */
  use(user: PathUser): void {
    this.#user = user
  }

  /** Nothing is wrong with it. */
  get isClear(): boolean {
    return this.#active.length === 0
  }

  /** Nothing passes. */
  get isBlocked(): boolean {
    return this.#isBlocked
  }

  get refuses(): boolean {
    return this.#active.some((one) => one.refuses)
  }

  /** For people: what is wrong with it. */
  get wrong(): readonly string[] {
    return this.#active.map((one) => one.impairment.kind)
  }

  impair(impairment: Impairment): ActiveImpairment {
    const one = new ActiveImpairment(impairment, this.#random.split(`impairment ${++this.#added}`))
    // What passes nothing stands last: a probe of another must still reach that one.
    this.#active = [...this.#active, one].sort((a, b) => Number(a.blocks) - Number(b.blocks))
    this.#update()
    if (impairment.kind === 'reset') this.#user?.reset()
    return one
  }

  /** Harmless where it was removed before. */
  mend(one: ActiveImpairment): void {
    this.#active = this.#active.filter((other) => other !== one)
    this.#update()
  }

  /** What arrives of one packet that is sent at `nowNs`. Empty: nothing. */
  pass(nowNs: number, sizeBytes: number): readonly Copy[] {
    let copies = untouched
    for (const one of this.#active) {
      copies = copies.length === 1 ? one.apply(nowNs, sizeBytes, copies[0]!) : copies.flatMap((copy) => one.apply(nowNs, sizeBytes, copy))
      if (copies.length === 0) break
    }
    return copies
  }

  /** For a packet under a checksum: the delay of the first whole copy, or null. */
  passWhole(nowNs: number, sizeBytes: number): number | null {
    if (this.isClear) return 0
    let delayMs: number | null = null
    for (const copy of this.pass(nowNs, sizeBytes)) {
      if (!copy.corrupted && (delayMs === null || copy.delayMs < delayMs)) delayMs = copy.delayMs
    }
    return delayMs
  }

  #update(): void {
    const isBlocked = this.#active.some((one) => one.blocks)
    if (isBlocked === this.#isBlocked) return
    this.#isBlocked = isBlocked
    if (isBlocked) this.#user?.blocked()
    else this.#user?.unblocked()
  }
}

/** Every path of a network, made when first asked for. */
export class Paths {
  readonly members: readonly string[]
  readonly #random: Random
  readonly #paths = new Map<string, Path>()

  constructor(members: readonly string[], random: Random) {
    this.members = members
    this.#random = random
  }

  /** @throws Error with a sentence if there is no such end. */
  of(from: string, to: string, flow: Flow): Path {
    const name = `${from}>${to} ${flow}`
    let path = this.#paths.get(name)
    if (path === undefined) {
      const isEnd = (end: string) => flow === 'client' && end === clientsEnd || this.members.includes(end)
      if (!isEnd(from) || !isEnd(to) || from === to) throw new Error(`There is no link ${from}>${to}; there are members ${this.members.join(', ')}.`)
      this.#paths.set(name, path = new Path(name, this.#random.split(name)))
    }
    return path
  }
}
