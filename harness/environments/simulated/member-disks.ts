import type { Random } from '../../../node/base/random.ts'
import type { MemoryDisk, memoryDisk } from '../../../node/storage/memory-disk.ts'
import type { DiskTrouble, FileDamage } from '../environment.ts'
import { TroubledDisk } from './troubled-disk.ts'

export interface MemberDisksPorts {
  readonly memoryDisk: typeof memoryDisk
  readonly random: Random
  readonly syncLatencyMs: () => number
  /** Into the life that runs now, if it still does then. */
  readonly after: (delayMs: number, task: () => void) => void
  /** Whoever runs: for probes. */
  readonly afterOutside: (delayMs: number, task: () => void) => void
}

/** Of the write-ahead log's segments, and of snapshots, as the member names them. */
const fileForms = { log: /^wal-/, snapshot: /^snapshot-.*\.bin$/ } as const

/** A member's two directories, on one device: the log with its snapshots, and what is registered at this member. */
export class MemberDisks {
  readonly #ports: MemberDisksPorts
  #mainMemory: MemoryDisk
  #localMemory: MemoryDisk
  #main: TroubledDisk
  #local: TroubledDisk
  /** Beside the member's own directories, on the same device: where probes write. */
  readonly #probe: TroubledDisk
  readonly #troubles = new Map<object, { readonly trouble: DiskTrouble, ends: (() => void)[] }>()

  constructor(ports: MemberDisksPorts) {
    this.#ports = ports
    ;[this.#mainMemory, this.#main] = this.#make('main')
    ;[this.#localMemory, this.#local] = this.#make('local')
    const { memoryDisk, afterOutside } = ports
    this.#probe = new TroubledDisk(memoryDisk({ after: afterOutside }), ports.random.split('probe'), afterOutside)
  }

  /** Nothing is wrong with the device. */
  get isSound(): boolean {
    return this.#troubles.size === 0
  }

  get main(): TroubledDisk {
    return this.#main
  }

  get local(): TroubledDisk {
    return this.#local
  }

  crash(options: Parameters<MemoryDisk['crash']>[0]): void {
    this.#mainMemory.crash(options)
    this.#localMemory.crash(options)
  }

  /** Empty ones; the device's troubles stay. */
  wipe(): void {
    ;[this.#mainMemory, this.#main] = this.#make('main')
    ;[this.#localMemory, this.#local] = this.#make('local')
    for (const held of this.#troubles.values()) {
      for (const end of held.ends) end()
      held.ends = this.#begin(held.trouble)
    }
  }

  /** Begins; returns what ends it. */
  trouble(trouble: DiskTrouble): () => void {
    const key = {}
    this.#troubles.set(key, { trouble, ends: this.#begin(trouble) })
    return () => {
      for (const end of this.#troubles.get(key)?.ends ?? []) end()
      this.#troubles.delete(key)
    }
  }

  /** Of a dead member. What was done, or null where there is no such file. */
  damage(damage: FileDamage, fraction: number): object | null {
    const disk = this.#mainMemory
    const files = disk.list().filter((name) => fileForms[damage.in].test(name) && disk.read(name).length > 0)
    if (files.length === 0) return null
    const file = damage.kind === 'truncate' ? files.at(-1)! : files[Math.min(files.length - 1, Math.floor(fraction * files.length))]!
    const before = disk.read(file)
    if (damage.kind === 'truncate') {
      const sizeBytes = Math.max(0, before.length - damage.bytes)
      disk.truncate(file, sizeBytes)
      return { file, sizeBytesBefore: before.length, sizeBytes: disk.read(file).length }
    }
    const bit = Math.min(before.length * 8 - 1, Math.floor(fraction * before.length * 8))
    const after = before.slice()
    after[bit >> 3]! ^= 1 << (bit & 7)
    disk.replace(file, after)
    return { file, sizeBytes: before.length, offset: bit >> 3, before: before[bit >> 3], after: disk.read(file)[bit >> 3] }
  }

  /** Writes a file and syncs it: `done` hears how that ended. */
  probe(done: (error: Error | null) => void): void {
    const name = 'probe'
    try {
      const file = this.#probe.openAppend(name)
      file.write(new Uint8Array(1))
      file.sync((error) => {
        file.close()
        done(error)
      })
    } catch (error) {
      this.#ports.afterOutside(0, () => done(error as Error))
    }
  }

  #make(name: 'main' | 'local'): [MemoryDisk, TroubledDisk] {
    const { after, syncLatencyMs, random } = this.#ports
    const memory = this.#ports.memoryDisk({ after, ...name === 'main' ? { syncLatencyMs } : {} })
    return [memory, new TroubledDisk(memory, random.split(name), after)]
  }

  #begin(trouble: DiskTrouble): (() => void)[] {
    return [this.#main, this.#local, this.#probe].map((disk) => disk.trouble(trouble))
  }
}
