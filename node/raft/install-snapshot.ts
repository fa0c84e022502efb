import { invariant } from '../base/assert.ts'
import { acceptAppend, follow } from './follower.ts'
import type { Leadership, MemberState } from './member-state.ts'
import type { SnapshotRequest, SnapshotResponse } from './message.ts'
import type { Progress } from './progress.ts'
import { imageIdOf, sameImage, type Snapshot } from './snapshot.ts'

/**
 * InstallSnapshot in chunks (thesis §5.3, figure 5.3): a follower whose next
 * entry is compacted away gets the leader's snapshot. A window of chunks is
 * under way; the follower says how many bytes it has in a row. Where nothing
 * moves for an election timeout, the leader goes on from what the follower said
 * last, and a follower that has forgotten (a restart) begins again from 0.
 */

/** The follower lacks entries that are no longer here. */
export function beginTransfer(state: MemberState, follower: Progress): void {
  const { snapshot } = state
  invariant(snapshot !== null, () => `${follower.id} needs entry ${follower.nextIndex}, compacted up to ${state.log.baseIndex} without a snapshot`)
  follower.startSnapshot(snapshot, state.nowMs)
}

/** Sends what the window allows. */
export function sendChunks(state: MemberState, follower: Progress): void {
  const { transfer } = follower
  if (transfer === null) return
  const { snapshotChunkBytes, snapshotChunksInflightMax } = state.config
  const { sizeBytes } = transfer.snapshot.image
  while (transfer.nextOffset < sizeBytes && transfer.nextOffset - transfer.ackedOffset < snapshotChunkBytes * snapshotChunksInflightMax) {
    const lengthBytes = Math.min(snapshotChunkBytes, sizeBytes - transfer.nextOffset)
    sendChunk(state, follower, transfer.snapshot, transfer.nextOffset, lengthBytes)
    transfer.nextOffset += lengthBytes
  }
}

/** The follower lives; if the transfer has not moved for an election timeout, go on from what it has. */
export function noteTransferSilence(state: MemberState, follower: Progress): void {
  const { transfer } = follower
  if (transfer === null || state.nowMs - transfer.lastAdvanceMs < state.config.electionTimeoutMs) return
  transfer.lastAdvanceMs = state.nowMs
  transfer.nextOffset = transfer.ackedOffset
  // All is there and being installed, or was lost in a restart: an empty chunk asks.
  if (transfer.ackedOffset === transfer.snapshot.image.sizeBytes) sendChunk(state, follower, transfer.snapshot, transfer.ackedOffset, 0)
}

function sendChunk(state: MemberState, follower: Progress, snapshot: Snapshot, offset: number, lengthBytes: number): void {
  state.outbox.send({
    kind: 'snapshot-request', from: state.id, to: follower.id, term: state.term,
    image: imageIdOf(snapshot), offset, data: snapshot.image.read(offset, lengthBytes),
  })
}

export function stepSnapshotResponse(state: MemberState, leadership: Leadership, response: SnapshotResponse): void {
  const follower = leadership.followers.find((progress) => progress.id === response.from)
  if (follower === undefined) return
  follower.lastHeardMs = state.nowMs
  const { transfer } = follower
  if (transfer === null || !sameImage(imageIdOf(transfer.snapshot), response.image)) return
  const { receivedBytes } = response
  if (receivedBytes === transfer.ackedOffset) return
  // Less than before: it lost what it had, or an old answer came late. Going back
  // costs some chunks that it then ignores.
  if (receivedBytes < transfer.ackedOffset) transfer.nextOffset = receivedBytes
  else transfer.nextOffset = Math.max(transfer.nextOffset, receivedBytes)
  transfer.ackedOffset = receivedBytes
  transfer.lastAdvanceMs = state.nowMs
  leadership.appendsPending = true
}

export function stepSnapshotRequest(state: MemberState, request: SnapshotRequest): void {
  const { image, offset, data } = request
  if (request.term < state.term) return respond(state, request, 0)
  follow(state, request.from, request.term)
  if (image.lastIndex <= state.commitIndex || state.log.termAt(image.lastIndex) === image.lastTerm) {
    // This log reaches that far already, and a snapshot covers only what is committed.
    state.commit(image.lastIndex)
    if (state.incoming?.complete === false) state.incoming = null
    return acceptAppend(state, request.from, image.lastIndex)
  }
  const { incoming } = state
  if (incoming === null || !sameImage(incoming.image, image)) {
    // One that is complete is being installed: the other can wait until that is over.
    if (incoming?.complete === true) return
    if (offset !== 0) return respond(state, request, 0)
    state.incoming = { image, receivedBytes: 0, complete: false }
  }
  const current = state.incoming!
  if (offset === current.receivedBytes && data.length > 0) {
    current.receivedBytes += data.length
    current.complete = current.receivedBytes === image.sizeBytes
    state.outbox.snapshotChunk({ image, offset, data })
  }
  respond(state, request, current.receivedBytes)
}

function respond(state: MemberState, request: SnapshotRequest, receivedBytes: number): void {
  state.outbox.send({ kind: 'snapshot-response', from: state.id, to: request.from, term: state.term, image: request.image, receivedBytes })
}

/**
 * The snapshot is durable and its state restored. True: the log now begins
 * behind it. False: this member has come further meanwhile, and keeps its log.
 */
export function installSnapshot(state: MemberState, snapshot: Snapshot): boolean {
  const { lastIndex, lastTerm } = snapshot.head
  invariant(lastTerm <= state.outbox.durableHardState.term,
    () => `a snapshot of term ${lastTerm} is installed before term ${state.outbox.durableHardState.term} was left on disk`)
  state.incoming = null
  if (lastIndex <= state.commitIndex || state.log.termAt(lastIndex) === lastTerm) return false
  state.replaceBySnapshot(snapshot)
  if (state.role.kind === 'follower' && state.leader !== null) acceptAppend(state, state.leader, lastIndex)
  return true
}
