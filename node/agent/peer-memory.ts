import { z } from 'zod'
import type { Log } from '../base/log.ts'
import type { Cancel, Scheduler } from '../base/scheduler.ts'
import type { MemberView } from '../gossip/ready.ts'
import type { Disk } from '../storage/disk.ts'

/** Where members are remembered, and what of it is believed at the next start. */
export interface PeerMemoryOptions {
  /** For this alone. */
  readonly memory?: Disk | null
  /** Whether a member that left joins those whom it knew all the same (`-rejoin`). One that was stopped or crashed does in any case. */
  readonly rejoinAfterLeave?: boolean
}

const fileName = 'peers.json'
const schema = z.object({ left: z.boolean(), peers: z.array(z.object({ name: z.string(), address: z.string() })) })
/** Events come in bursts, and the list need not be the newest. */
const writeDelayMs = 500

/**
 * Gossip addresses of the members that were alive when this one ran last, as
 * serf's snapshot keeps them: a member that comes back needs no `-retry-join`.
 */
export class PeerMemory {
  readonly #disk: Disk
  readonly #self: string
  readonly #scheduler: Scheduler
  readonly #log: Log
  /** Empty after a leave, unless rejoining was asked for. */
  readonly remembered: readonly string[]
  #peers: readonly { readonly name: string, readonly address: string }[] = []
  #left = false
  #timer: Cancel | null = null

  /** Null: nothing is remembered. `self`: this member's own address. */
  static of({ memory, rejoinAfterLeave = false }: PeerMemoryOptions, self: string, scheduler: Scheduler, log: Log): PeerMemory | null {
    return memory == null ? null : new PeerMemory(memory, rejoinAfterLeave, self, scheduler, log)
  }

  private constructor(disk: Disk, rejoinAfterLeave: boolean, self: string, scheduler: Scheduler, log: Log) {
    this.#disk = disk
    this.#self = self
    this.#scheduler = scheduler
    this.#log = log
    const { left, peers } = this.#read()
    this.remembered = left && !rejoinAfterLeave ? [] : peers.map(({ address }) => address).filter((address) => address !== self)
    this.#peers = peers
  }

  /** As they are now. Nobody else alive says nothing: alone, a member keeps whom it knew. */
  members(views: readonly MemberView[]): void {
    const peers = views.filter(({ status, address }) => status === 'alive' && address !== this.#self)
      .map(({ name, address }) => ({ name, address })).sort((a, b) => a.name < b.name ? -1 : 1)
    if (this.#left || peers.length === 0 || JSON.stringify(peers) === JSON.stringify(this.#peers)) return
    this.#peers = peers
    this.#timer ??= this.#scheduler.after(writeDelayMs, () => {
      this.#timer = null
      this.#write()
    })
  }

  /** The member is about to leave for good. */
  leaving(): void {
    this.#left = true
    this.#write()
  }

  stop(): void {
    if (this.#timer === null) return
    this.#timer()
    this.#timer = null
    this.#write()
  }

  #read(): z.infer<typeof schema> {
    const nothing = { left: false, peers: [] }
    if (!this.#disk.list().includes(fileName)) return nothing
    try {
      return schema.parse(JSON.parse(Buffer.from(this.#disk.read(fileName)).toString('utf8')))
    } catch (error) {
      this.#log.warn('the list of members known before cannot be read', { reason: (error as Error).message })
      return nothing
    }
  }

  #write(): void {
    try {
      this.#disk.replace(fileName, Buffer.from(JSON.stringify({ left: this.#left, peers: this.#peers })))
    } catch (error) {
      // A member without this memory is as good, but for its next start.
      this.#log.warn('the members known could not be kept', { reason: (error as Error).message })
    }
  }
}
