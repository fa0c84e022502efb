import type { Log } from '../base/log.ts'
import { decodeConfiguration } from '../raft/configuration.ts'
import type { Server } from '../raft/entry.ts'
import type { SnapshotHead } from '../raft/snapshot.ts'
import type { StateMachine } from '../state/state-machine.ts'
import type { Disk } from '../storage/disk.ts'
import type { Recovered } from '../storage/recover.ts'
import { encodeBlock } from '../storage/snapshot-format.ts'
import { parsePeers, PeersFileError, peersFileName } from './peers-file.ts'

/**
 * At start: where there is a `peers.json`, the configuration becomes what it
 * says. As Consul does it: everything in this member's log counts as committed,
 * also what may not have been, and a snapshot with the new configuration takes
 * the log's place. An entry in the log would not do: members that were given
 * the same file, and whose logs are not equally long, could come to have
 * different entries of one index and term, which Raft never looks into.
 *
 * The snapshot is durable before the log goes, and the file goes last: a crash
 * in between begins again. `stateMachine` has the snapshot's state, and then
 * the log's. Throws PeersFileError before anything is changed.
 */
export function recoverPeers(disk: Disk, recovered: Recovered, stateMachine: StateMachine, self: Server, log: Log): Recovered {
  if (!disk.list().includes(peersFileName)) return recovered
  const { entries, snapshot, store, wal } = recovered
  const last = entries.at(-1) ?? (snapshot === null ? null : { index: snapshot.head.lastIndex, term: snapshot.head.lastTerm })
  if (last === null) throw new PeersFileError('this member has no log and no snapshot, so that there is nothing to recover')
  const entry = entries.findLast(({ kind }) => kind === 'configuration')
  const before = entry !== undefined ? decodeConfiguration(entry.data) : snapshot?.head.configuration ?? { voters: [] }
  const text = Buffer.from(disk.read(peersFileName)).toString('utf8').replace(/\0+$/, '')
  const configuration = parsePeers(text, [...before.voters, ...before.nonVoters ?? []], self)
  log.warn(`found raft/${peersFileName}, the servers of this cluster become those that it names`, {
    before: addresses(before.voters), voters: addresses(configuration.voters), nonVoters: addresses(configuration.nonVoters ?? []) || 'none',
  })
  for (const { index, kind, data } of entries) if (kind === 'command' && index > (snapshot?.head.lastIndex ?? 0)) stateMachine.apply(index, data)
  const head = { lastIndex: last.index, lastTerm: last.term, configuration, configurationIndex: last.index }
  const stored = store.put(head, Buffer.concat([...blocksOf(head, stateMachine)]))
  store.retire([stored])
  wal.restartAt(last.index + 1)
  disk.remove(peersFileName)
  log.info(`recovered the cluster and removed raft/${peersFileName}`, { index: last.index })
  return { ...recovered, entries: [], snapshot: stored }
}

function addresses(servers: readonly Server[]): string {
  return servers.map(({ address }) => address).join(' ')
}

function* blocksOf(head: SnapshotHead, stateMachine: StateMachine): Generator<Uint8Array> {
  let blocks = 0
  yield encodeBlock({ type: 'head', head }, blocks++)
  for (const part of stateMachine.parts) {
    yield encodeBlock({ type: 'section', name: part.name }, blocks++)
    const { records, release } = part.capture()
    for (let next = records.next(); next.done !== true;) {
      const some: Uint8Array[] = []
      for (; next.done !== true && some.length < 500; next = records.next()) some.push(next.value)
      yield encodeBlock({ type: 'records', records: some }, blocks++)
    }
    release()
  }
  yield encodeBlock({ type: 'end' }, blocks)
}
