/**
 * `npm run bench:snapshot -- [keys] [value bytes]`: how long the event loop
 * stands still while a member with a million keys takes a snapshot, takes in
 * one that a leader sends, and goes on serving writes meanwhile. On a real disk.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { processScheduler } from '../agent/process-scheduler.ts'
import { silentLog } from '../base/log.ts'
import { Snapshotter, type SnapshotterPorts } from '../driver/snapshotter.ts'
import type { Snapshot } from '../raft/snapshot.ts'
import { encodeCommand } from '../state/commands.ts'
import { StateMachine } from '../state/state-machine.ts'
import { fileDisk } from '../storage/file-disk.ts'
import { SnapshotStore } from '../storage/snapshot-store.ts'
import { describe, watchLoop } from './loop-gaps.ts'

const [keys = 1_000_000, valueBytes = 100] = process.argv.slice(2).map(Number)
const chunkBytes = 256 * 1024
const configuration = { voters: [{ id: 'n1', name: 'n1', address: '127.0.0.1:8300' }] }

/** What a Snapshotter needs of Raft, without Raft. */
function member(directory: string) {
  const stateMachine = new StateMachine()
  let newest: Snapshot | null = null
  const taken = Promise.withResolvers<Snapshot>()
  const installed = Promise.withResolvers<void>()
  const core = {
    get newestSnapshot() { return newest },
    baseIndex: 0,
    snapshotHead: (index: number) => ({ lastIndex: index, lastTerm: 1, configuration, configurationIndex: 1 }),
    snapshotTaken: (snapshot: Snapshot) => { newest = snapshot; taken.resolve(snapshot) },
    installSnapshot: (snapshot: Snapshot) => { newest = snapshot; return true },
    snapshotsInUse: () => newest === null ? [] : [newest],
    discardIncoming: () => { throw new Error('the snapshot was refused') },
  }
  const snapshotter: Snapshotter = new Snapshotter({
    core: core as unknown as SnapshotterPorts['core'], config: { snapshotEntries: 1, snapshotBytes: Number.MAX_SAFE_INTEGER },
    store: new SnapshotStore(fileDisk(directory)), wal: { dropBefore() {}, restartAt() {} }, stateMachine, scheduler: processScheduler, log: silentLog,
    onInstalled: () => installed.resolve(), onProgress: () => setImmediate(() => snapshotter.installReceived()), onFatal: (error) => { throw error },
  })
  return { stateMachine, snapshotter, taken: taken.promise, installed: installed.promise }
}

const keyOf = (i: number) => `service/${i % 1000}/instance/${i}`
const set = (i: number) => encodeCommand({ kind: 'set', key: keyOf(i), value: Buffer.alloc(valueBytes, i & 0xff), flags: 0n })

/** Writes of clients go on: some each millisecond. */
function serving(stateMachine: StateMachine, from: number): () => void {
  let index = from
  const timer = setInterval(() => {
    for (let i = 0; i < 5; i++) stateMachine.apply(++index, set((index * 7919) % keys))
  }, 1)
  return () => clearInterval(timer)
}

const directory = mkdtempSync(join(tmpdir(), 'splitbrain-bench-'))
try {
  console.log(`${keys} keys, values of ${valueBytes} bytes; node ${process.version} ${process.execArgv.join(' ')}`)
  const source = member(join(directory, 'source'))
  console.log(describe('writing all keys', await watchLoop(async () => {
    for (let i = 0; i < keys; i++) {
      source.stateMachine.apply(i + 1, set(i))
      if (i % 200 === 199) await nextTurn()
    }
  })))
  let snapshot!: Snapshot
  console.log(describe('taking a snapshot, 5 writes a millisecond beside', await watchLoop(async () => {
    const stop = serving(source.stateMachine, keys)
    source.snapshotter.applied(keys, 0)
    snapshot = await source.taken
    stop()
  })))
  console.log(`  ${(snapshot.image.sizeBytes / 1e6).toFixed(0)} MB`)
  const target = member(join(directory, 'target'))
  target.stateMachine.apply(1, set(1))
  console.log(describe('installing it', await watchLoop(async () => {
    const { sizeBytes, checksum } = snapshot.image
    const image = { lastIndex: snapshot.head.lastIndex, lastTerm: 1, sizeBytes, checksum }
    for (let offset = 0; offset < sizeBytes; offset += chunkBytes) {
      target.snapshotter.receive({ image, offset, data: snapshot.image.read(offset, Math.min(chunkBytes, sizeBytes - offset)) })
      await nextTurn()
      await nextTurn()
    }
    await target.installed
  })))
  if (target.stateMachine.kv.size !== keys) throw new Error(`${target.stateMachine.kv.size} keys were installed`)
  const { rss, heapUsed } = process.memoryUsage()
  console.log(`memory with both: ${(rss / 1e6).toFixed(0)} MB, heap ${(heapUsed / 1e6).toFixed(0)} MB`)
} finally {
  rmSync(directory, { recursive: true, force: true })
}
