import type { Disk } from './disk.ts'
import { SnapshotStore, type StoredSnapshot } from './snapshot-store.ts'
import { Wal, type WalOptions, type WalRecovery } from './wal.ts'

export interface Recovered extends WalRecovery {
  readonly store: SnapshotStore
  readonly snapshot: StoredSnapshot | null
}

/**
 * What a start finds: the newest snapshot, and the log around and behind it. A
 * crash may have come between a leader's snapshot becoming durable and the old
 * log going (thesis figure 5.3, steps 5 to 7): a log that has not the
 * snapshot's last entry is begun anew. Throws SnapshotCorruptError, WalCorruptError.
 */
export function recoverStorage(disk: Disk, options: Omit<WalOptions, 'firstIndex'>): Recovered {
  const store = new SnapshotStore(disk)
  const snapshot = store.recover()
  if (snapshot === null) return { store, snapshot, ...Wal.open(disk, options) }
  const { lastIndex, lastTerm } = snapshot.head
  const recovery = Wal.open(disk, { ...options, firstIndex: lastIndex + 1 })
  const { entries, wal } = recovery
  const first = entries[0]
  const continues = first === undefined ? wal.nextIndex === lastIndex + 1
    : first.index === lastIndex + 1 || entries[lastIndex - first.index]?.term === lastTerm
  if (continues) return { store, snapshot, ...recovery }
  wal.restartAt(lastIndex + 1)
  return { store, snapshot, ...recovery, entries: [] }
}
