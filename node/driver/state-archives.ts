/**
 * The whole state as an archive, and an archive as the whole state (Consul's
 * HTTP API, "Snapshot"). Saving writes the state as it is into a file beside
 * the log, then packs that; restoring unpacks and checks all of an archive
 * before the first of its records is proposed.
 */
import { createHash } from 'node:crypto'
import type { Readable } from 'node:stream'
import { pack } from 'msgpackr'
import { ArchiveError, readArchive } from '../archive/read-archive.ts'
import { packArchive } from '../archive/pack-archive.ts'
import type { Log } from '../base/log.ts'
import type { Scheduler } from '../base/scheduler.ts'
import type { RaftCore } from '../raft/core.ts'
import type { SnapshotHead } from '../raft/snapshot.ts'
import { encodeCommand } from '../state/commands.ts'
import type { StateMachine } from '../state/state-machine.ts'
import { type Block, readBlocks, SnapshotCorruptError } from '../storage/snapshot-format.ts'
import type { PartialSnapshot, SnapshotStore } from '../storage/snapshot-store.ts'
import type { Requests, WriteOutcome } from './requests.ts'
import { writeSnapshot } from './snapshot-writer.ts'

export interface StateArchivesPorts {
  readonly core: Pick<RaftCore, 'snapshotHead' | 'configuration' | 'term' | 'termAt'>
  readonly store: SnapshotStore
  readonly stateMachine: StateMachine
  /** Of the log. */
  readonly appliedIndex: () => number
  readonly scheduler: Scheduler
  readonly log: Log
  readonly newUuid: () => string
  readonly write: Requests['write']
}

export type SaveOutcome =
  | { readonly kind: 'saved', readonly index: number, readonly archive: Readable }
  | { readonly kind: 'failed', readonly problem: string }

export type RestoreOutcome =
  | { readonly kind: 'restored' }
  /** `problem`, as Consul says it. Nothing has changed unless `unknown`: then it may have, or may yet. */
  | { readonly kind: 'failed' | 'unknown', readonly problem: string }

/** Each has a file as large as the state. */
const atOnceMax = 4
/** A small archive may unpack to anything. */
export const stateBytesMax = 4 * 1024 ** 3

export class StateArchives {
  readonly #ports: StateArchivesPorts
  #files = 0
  #open = 0
  #stopped = false
  readonly #saving = new Set<{ cancel(): void }>()

  constructor(ports: StateArchivesPorts) {
    this.#ports = ports
  }

  stop(): void {
    this.#stopped = true
    for (const saving of this.#saving) saving.cancel()
  }

  /** The state as it is now. `done` when it is written; the archive is made as it is read. */
  save(done: (outcome: SaveOutcome) => void): void {
    const { stateMachine, scheduler, log } = this.#ports
    const file = this.#begin()
    if (file === null) return done({ kind: 'failed', problem: `${atOnceMax} snapshots are being saved or restored already` })
    const head = this.#head()
    const hash = createHash('sha256')
    const sink = {
      write: (bytes: Uint8Array) => {
        hash.update(bytes)
        file.write(bytes)
      },
      sync: (answer: (error: Error | null) => void) => file.sync(answer),
    }
    const writing = writeSnapshot(head, stateMachine.archivedParts, sink, scheduler, (error) => {
      this.#saving.delete(saving)
      if (error !== null) {
        this.#end(file)
        return done({ kind: 'failed', problem: `failed to write the snapshot: ${error.message}` })
      }
      const read = this.#ports.store.readerOf(file)
      const meta = this.#meta(head, file.sizeBytes)
      const archive = packArchive(meta, { sizeBytes: file.sizeBytes, sha256: hash.digest('hex'), read }, scheduler.wallMs())
      archive.once('close', () => this.#end(file))
      archive.on('error', (reason) => log.warn('an archive of the state was not read to its end', { reason: reason.message }))
      done({ kind: 'saved', index: head.lastIndex, archive })
    })
    const saving = {
      cancel: () => {
        writing.cancel()
        this.#end(file)
        done({ kind: 'failed', problem: 'this server is shutting down' })
      },
    }
    this.#saving.add(saving)
  }

  /** Replaces the state of all members by that of an archive, at one index. */
  async restore(pieces: Iterable<Uint8Array>): Promise<RestoreOutcome> {
    const file = this.#begin()
    if (file === null) return { kind: 'failed', problem: `${atOnceMax} snapshots are being saved or restored already` }
    try {
      const { Index } = await readArchive(pieces, async (piece) => {
        file.write(piece)
        await synced(file)
      }, { stateBytesMax })
      if (typeof Index === 'bigint') return { kind: 'failed', problem: `failed to read snapshot file: its index ${Index} is above 2^53 - 1` }
      // All of it, before the first record is proposed.
      for await (const block of this.#blocks(file)) if (block.type === 'section') this.#checkSection(block.name)
      return await this.#propose(file, Index)
    } catch (error) {
      if (error instanceof ArchiveError) return { kind: 'failed', problem: error.message }
      if (error instanceof SnapshotCorruptError) return { kind: 'failed', problem: `failed to restore snapshot: state.bin is none of this registry, or damaged: ${error.problem}` }
      if (error instanceof Error && 'code' in error) return { kind: 'failed', problem: `failed to read or write snapshot data: ${error.message}` }
      throw error
    } finally {
      this.#end(file)
    }
  }

  async #propose(file: PartialSnapshot, archiveIndex: number): Promise<RestoreOutcome> {
    const id = this.#ports.newUuid()
    const write = (command: Parameters<typeof encodeCommand>[0]) => new Promise<WriteOutcome>((done) => this.#ports.write(encodeCommand(command), done))
    let sequence = 0
    let section = ''
    let outcome = await write({ kind: 'restore-begin', id, archiveIndex })
    if (outcome.kind === 'applied') {
      for await (const block of this.#blocks(file)) {
        if (block.type === 'section') section = block.name
        if (block.type !== 'records' || block.records.length === 0) continue
        outcome = await write({ kind: 'restore-records', id, sequence: sequence++, section, records: block.records })
        if (outcome.kind !== 'applied') break
      }
    }
    if (outcome.kind !== 'applied') {
      // Nothing has changed and nothing will; this only frees what was gathered.
      void write({ kind: 'restore-abort', id })
      return { kind: 'failed', problem: problemOf(outcome) }
    }
    outcome = await write({ kind: 'restore-commit', id, sequences: sequence })
    switch (outcome.kind) {
      case 'applied':
        this.#ports.log.info('restored an archive of the state', { pieces: sequence, archiveIndex })
        return { kind: 'restored' }
      case 'invalid':
      case 'no-leader': return { kind: 'failed', problem: problemOf(outcome) }
      case 'leadership-lost':
      case 'no-answer': return { kind: 'unknown', problem: problemOf(outcome) }
    }
  }

  /** One in each turn: each is work of about a millisecond. */
  async *#blocks(file: PartialSnapshot): AsyncGenerator<Block> {
    for (const { block } of readBlocks('archive', this.#ports.store.readerOf(file))) {
      yield block
      await new Promise<void>((next) => this.#ports.scheduler.after(0, next))
    }
  }

  #checkSection(name: string): void {
    const known = this.#ports.stateMachine.archivedParts.map((part) => part.name)
    if (!known.includes(name)) throw new ArchiveError(`failed to restore snapshot: the section ${JSON.stringify(name)} is unknown; this member has ${known.join(', ')}`)
  }

  /** Null: there are too many. */
  #begin(): PartialSnapshot | null {
    if (this.#open >= atOnceMax || this.#stopped) return null
    this.#open++
    return this.#ports.store.begin(`archive-${this.#files++}`)
  }

  #end(file: PartialSnapshot): void {
    this.#open--
    this.#ports.store.abandon(file)
  }

  /** What stands there as applied; not of the log alone, for clients see other indexes once an archive was restored. */
  #head(): SnapshotHead {
    const { core, stateMachine } = this.#ports
    const index = this.#ports.appliedIndex()
    const configurationIndex = core.snapshotHead(index)?.configurationIndex ?? 0
    return { lastIndex: index + stateMachine.indexOffset, lastTerm: core.termAt(index) ?? core.term, configuration: core.configuration, configurationIndex }
  }

  #meta({ lastIndex, lastTerm, configuration: { voters, nonVoters = [] }, configurationIndex }: SnapshotHead, sizeBytes: number) {
    const server = (suffrage: 0 | 1) => ({ id, address }: typeof voters[number]) => ({ Suffrage: suffrage, ID: id, Address: address })
    return {
      Version: 1, ID: `${lastTerm}-${lastIndex}-${Math.trunc(this.#ports.scheduler.wallMs())}`, Index: lastIndex, Term: lastTerm,
      Peers: Buffer.from(pack(voters.map(({ address }) => address))).toString('base64'),
      Configuration: { Servers: [...voters.map(server(0)), ...nonVoters.map(server(1))] },
      ConfigurationIndex: configurationIndex, Size: sizeBytes,
    } as const
  }
}

function synced(file: PartialSnapshot): Promise<void> {
  return new Promise((resolve, reject) => file.sync((error) => error === null ? resolve() : reject(error)))
}

function problemOf(outcome: Exclude<WriteOutcome, { kind: 'applied' }>): string {
  switch (outcome.kind) {
    case 'invalid': return `failed to restore snapshot: ${outcome.problem}`
    case 'no-leader': return 'No cluster leader'
    case 'leadership-lost': return 'leadership lost while committing log'
    case 'no-answer': return `rpc error making call: ${outcome.cause}`
  }
}
